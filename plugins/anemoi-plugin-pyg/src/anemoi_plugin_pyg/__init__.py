"""Any convolution of torch-geometric as a processor for Anemoi, by name."""
