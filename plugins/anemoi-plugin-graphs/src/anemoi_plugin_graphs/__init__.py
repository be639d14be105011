"""Graph builders for Anemoi.

Nothing is imported here, so that reading the configuration groups of this package stays quick.
"""
