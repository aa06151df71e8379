"""Checks of the contract that every environment keeps."""
