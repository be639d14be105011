"""The losses of this plugin, one a module."""
