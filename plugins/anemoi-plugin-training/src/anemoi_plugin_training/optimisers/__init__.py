"""The optimisers of this plugin, one a module."""
