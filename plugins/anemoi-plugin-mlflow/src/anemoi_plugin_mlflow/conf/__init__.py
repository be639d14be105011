"""The Hydra groups of this plugin."""
