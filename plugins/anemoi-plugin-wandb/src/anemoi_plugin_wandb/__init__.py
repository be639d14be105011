"""The record of Anemoi trainings in Weights & Biases."""
