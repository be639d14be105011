"""Networks written without Anemoi, wrapped so that they train and forecast like any other."""
