"""What each kind of component that this plugin owns promises."""
