"""The callbacks of this plugin, one a module."""
