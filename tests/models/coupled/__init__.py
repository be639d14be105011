"""An atmosphere and an ocean on grids of their own, which hear each other on one hidden mesh."""
