"""Graph neural network layers for Anemoi: message passing with states of nodes and edges."""
