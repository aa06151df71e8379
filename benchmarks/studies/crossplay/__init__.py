"""Cross-play: every agent of a population with every other and with held-out partners, seats swapped."""
