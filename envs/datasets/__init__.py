"""Human dialogues: loaders and splits by dialogue."""
