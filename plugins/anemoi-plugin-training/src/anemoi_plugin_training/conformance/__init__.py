"""The checks of the kinds that this plugin owns, for ``anemoi plugins check`` and anemoi_plugin_testing."""
