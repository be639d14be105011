"""The record of Anemoi trainings in MLflow."""
