"""AIFS (Lang et al., "AIFS -- ECMWF's data-driven forecasting system", arXiv:2406.01465, 2024): a configuration."""
