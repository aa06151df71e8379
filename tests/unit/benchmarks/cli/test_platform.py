"""Systems other than POSIX are refused in one line."""

from __future__ import annotations

from types import SimpleNamespace

from goldenrule.benchmarks.cli import main


def test_an_unsupported_system_is_one_line(monkeypatch, capsys):
    monkeypatch.setattr(main, "os", SimpleNamespace(**{**vars(main.os), "name": "nt"}))
    assert main.main(["ls"]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 1
    assert "is not supported; use Linux" in printed.err
