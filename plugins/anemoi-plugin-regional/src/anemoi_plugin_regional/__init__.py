"""Limited-area models for Anemoi: a region, with a boundary that another model gives."""
