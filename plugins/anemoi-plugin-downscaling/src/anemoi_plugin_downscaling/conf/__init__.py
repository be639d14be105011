"""What this plugin adds to the configuration."""
