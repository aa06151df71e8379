"""How agents learn: one algorithm a page, on shared and separately tested maths."""
