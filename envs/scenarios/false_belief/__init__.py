"""false_belief-v0."""
