"""One run: a method on a scenario with its knobs and a seed."""
