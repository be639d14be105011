"""The scalers of this plugin, one a module."""
