"""From a configuration to a grid of runs, and running it."""
