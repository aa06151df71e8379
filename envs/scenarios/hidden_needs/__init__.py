"""hidden_needs-v0."""
