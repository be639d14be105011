"""What may be made of data sources: parts of one, and several as one. Each is a data source again."""
