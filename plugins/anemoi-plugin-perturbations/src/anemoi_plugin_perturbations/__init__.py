"""Initial states of the members of an ensemble: from noise, earlier forecasts and bred vectors."""
