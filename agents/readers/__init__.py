"""Readers of natural language by rules."""
