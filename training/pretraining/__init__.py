"""How base checkpoints are made: corpora, imitation and simulation."""
