"""The checks of the kinds that this plugin owns; they are imported with the conformance kit alone."""
