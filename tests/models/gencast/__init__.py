"""GenCast (Price et al., "Probabilistic weather forecasting with machine learning", Nature 637, 2025)."""
