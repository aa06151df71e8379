"""How agents learn: one algorithm a page."""
