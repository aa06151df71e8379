"""Networks: the three-module transformer, its tokenizer, gradient routing, sampling and checkpoints."""
