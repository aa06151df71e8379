"""Sweeps: a file names a grid of methods x scenarios x knobs x seeds; each cell of it is run once, come what may."""
