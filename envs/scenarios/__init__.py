"""The scenarios: one file each. Importing a scenario's module registers it."""
