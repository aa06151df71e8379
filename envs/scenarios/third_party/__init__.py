"""third_party-v0."""
