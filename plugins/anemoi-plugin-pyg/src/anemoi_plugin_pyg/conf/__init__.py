"""The Hydra group of this plugin."""
