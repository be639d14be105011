"""Post-processing of forecasts, between the model and what is written."""
