"""One self-contained HTML page of a run, with its figures and their data beside it."""
