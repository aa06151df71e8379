"""campsite-v0."""
