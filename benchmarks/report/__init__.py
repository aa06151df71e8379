"""One self-contained HTML page of a run, with its figures and their data beside it."""

from goldenrule.benchmarks.report.page import write_page, write_report

__all__ = ["write_page", "write_report"]
