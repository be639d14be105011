"""Proves which versions of Anemoi's core and plugins work together, and publishes a set that does.

It runs core and plugins, each cell in an environment of its own, and imports neither.
"""
