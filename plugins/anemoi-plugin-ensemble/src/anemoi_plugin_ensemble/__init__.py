"""Ensembles for Anemoi: members that differ by noise, trained by a score over members."""
