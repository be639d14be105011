"""The schedules of this plugin, one a module."""
