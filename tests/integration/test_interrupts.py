"""Ctrl-C at any moment from the first import on: one line, exit code 130."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

INTERRUPTS = """
import signal, sys
class Interrupts:
    def find_spec(self, name, path=None, target=None):
        if name == {module!r}:
            sys.meta_path.remove(self)
            signal.raise_signal(signal.SIGINT)
sys.meta_path.insert(0, Interrupts())
"""


def begun(folder: Path, module: str, handler: str, *arguments: str) -> tuple[int, str, str]:
    """Exit code, output and errors of the command, interrupted when `module` is first asked for."""
    (folder / "interrupts.py").write_text(INTERRUPTS.format(module=module))
    program = f"import signal, sys; signal.signal(signal.SIGINT, signal.{handler}); import interrupts\n"
    program += "from goldenrule.benchmarks.cli.main import main; sys.exit(main(sys.argv[1:]))"
    path = os.pathsep.join([str(folder), *filter(None, sys.path)])
    command = [sys.executable, "-c", program, *arguments]
    ended = subprocess.run(command, env=os.environ | {"PYTHONPATH": path}, capture_output=True, text=True, timeout=120)
    return ended.returncode, ended.stdout, ended.stderr


@pytest.mark.parametrize("module", ["typer", "numpy", "goldenrule.benchmarks.cli.evaluate", "torch", "torch.nn"])
def test_an_interrupt_during_an_import_is_one_line(tmp_path: Path, module: str) -> None:
    found = begun(tmp_path, module, "default_int_handler", "evaluate", "beliefs", "--dialogues", "1")
    assert found == (130, "", "goldenrule: interrupted\n")


def test_where_ctrl_c_is_ignored_it_stays_so(tmp_path: Path) -> None:
    code, told, errors = begun(tmp_path, "typer", "SIG_IGN", "--version")
    assert (code, errors) == (0, "")
    assert told.startswith("goldenrule ")


def test_further_interrupts_while_the_command_ends_are_ignored() -> None:
    program = """
import atexit, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's job in the background inherits that it is ignored
from goldenrule.benchmarks.cli import ls, main
def interrupted():
    try:
        signal.raise_signal(signal.SIGINT)
    finally:
        signal.raise_signal(signal.SIGINT)
sys.argv, ls.inventory = ["goldenrule", "ls"], interrupted
atexit.register(signal.raise_signal, signal.SIGINT)
sys.exit(main.main())
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120)
    assert (ended.returncode, ended.stdout, ended.stderr) == (130, "", "goldenrule: interrupted\n")
