"""Stable-Baselines3 on dialogues."""
