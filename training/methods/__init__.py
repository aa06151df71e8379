"""The training methods, a short page each."""
