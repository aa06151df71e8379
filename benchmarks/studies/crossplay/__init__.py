"""Cross-play: every agent of a population with every other and with held-out partners, seats swapped.

population   who there is, and which seats each can take
pairing      two of them at a table: a cell, run by any engine, stored as a sweep's is
matrix       what each pair got, with intervals over seeds
rating       one line an agent
plots, show  the matrix as a figure, and both in a terminal
"""

from __future__ import annotations
