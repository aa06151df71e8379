"""Engines run cells: `local` on this machine, `ray` and `slurm` beyond it."""
