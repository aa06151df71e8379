"""A run on disk. Every file is whole or absent, and nothing that is saved is ever written over by another run.

    config.json              what was asked for, resolved: every knob, every setting, the cells in the table's order
    environment.json         versions, commit, machine
    rows.jsonl               a row a finished cell, in the table's order whatever finished first
    episodes/<cell>.jsonl    a line an evaluation episode (`goldenrule.benchmarks.evaluation.evaluate.as_data`)
    curves/<cell>.json       an entry a training update (`goldenrule.training.learner.Progress`)
    errors/<cell>.txt        the traceback of a cell that failed
    weights/<cell>/          the trained network, where it was asked for
    summary.json             the table (`goldenrule.benchmarks.analysis.summary.summarise`)
    report.html              the same with plots and conversations

A row is written after the episodes and the curve of its cell: a row that is there has both.
"""

from __future__ import annotations

import functools
import importlib.metadata
import json
import platform
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from goldenrule.benchmarks.storage.outcome import Outcome
from goldenrule.common.cores import available_cores
from goldenrule.common.errors import UserError
from goldenrule.common.files import write_whole
from goldenrule.common.plugins import code_digests

PACKAGES = ("goldenrule", "torch", "numpy", "scipy", "pettingzoo", "gymnasium", "tokenizers", "stable-baselines3")
CONFIG, ENVIRONMENT, ROWS, SUMMARY = "config.json", "environment.json", "rows.jsonl", "summary.json"


def empty_folder(path: Path, option: str = "--out") -> None:
    """Does nothing where a folder is empty or is not there yet.

    Raises:
        UserError: it holds something, is a file or cannot be one.
    """
    try:
        kind = "is a file" if path.exists() and not path.is_dir() else None
        kind = "holds files already" if path.is_dir() and any(path.iterdir()) else kind
    except OSError as error:
        raise UserError(
            f"output folder {str(path)!r} cannot be used: {error.strerror}; name another with {option}"
        ) from error
    if kind is not None:
        raise UserError(f"output folder {str(path)!r} {kind}; name a new or empty folder with {option}")


class RunDirectory:
    """One run's folder.

    Args:
        path: the folder, made by `create` or by an earlier run.
        order: cell ids in the order of the table.
    """

    def __init__(self, path: Path, order: Sequence[str]) -> None:
        self.path = path
        self._place = {cell_id: number for number, cell_id in enumerate(order)}
        self._rows: dict[str, dict[str, Any]] = {}

    @classmethod
    def create(cls, path: Path, config: Mapping[str, Any], order: Sequence[str]) -> RunDirectory:
        """Make the folder and write what is run, where and by what.

        Raises:
            UserError: the folder holds something already or cannot be written.
        """
        empty_folder(path)
        try:
            path.mkdir(parents=True, exist_ok=True)
            run = cls(path, order)
            run.write(CONFIG, config)
            run.write(ENVIRONMENT, environment())
        except OSError as error:
            raise UserError(
                f"cannot write output folder {str(path)!r}: {error.strerror}; name a writable one with --out"
            ) from error
        return run

    def write(self, name: str, content: Any) -> None:
        """Write one JSON file, whole."""
        write_whole(self.path / name, _dump(content, indent=1))

    def commit(self, *outcomes: Outcome) -> None:
        """Save what came of cells; once this returns it survives whatever comes."""
        for outcome in outcomes:
            self._keep(outcome)
        self._put(ROWS, b"".join(_dump(one) for one in self.rows))

    def _keep(self, outcome: Outcome) -> None:
        cell = outcome.row["cell"]
        if outcome.episodes:
            self._put(f"episodes/{cell}.jsonl", "".join(f"{log}\n" for log in outcome.logs).encode())
        if outcome.curve:
            self._put(f"curves/{cell}.json", f"{outcome.curve}\n".encode())
        if outcome.trace:
            self._put(f"errors/{cell}.txt", outcome.trace.encode("utf-8", "backslashreplace"))
        self._rows[cell] = outcome.row

    def _put(self, name: str, data: bytes) -> None:
        path = self.path / name
        path.parent.mkdir(exist_ok=True)
        write_whole(path, data)

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The rows of finished cells, in the order of the table."""
        return sorted(self._rows.values(), key=lambda row: self._place.get(row["cell"], len(self._place)))


def read_json(path: Path) -> Any:
    """The content of one of a run's files.

    Raises:
        UserError: it is missing or damaged.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"no run in {str(path.parent)!r}: {path.name} is missing; name the folder of a run") from None
    except (OSError, ValueError) as error:
        raise UserError(f"{str(path)!r} cannot be read ({error}); the run is damaged") from None


def read_rows(path: Path) -> list[dict[str, Any]]:
    """The rows of a run, in the order of the table; none where no cell has finished.

    Raises:
        UserError: the file is damaged.
    """
    try:
        # Not splitlines: texts may hold line separators of other alphabets.
        lines = (path / ROWS).read_text(encoding="utf-8").split("\n")
        return [json.loads(line) for line in lines if line]
    except FileNotFoundError:
        return []
    except (OSError, ValueError) as error:
        raise UserError(f"{str(path / ROWS)!r} cannot be read ({error}); the run is damaged") from None


def fresh_path(root: Path, scenario: str) -> Path:
    """`root/<time>-<scenario>`, numbered where two runs begin in one second."""
    name = f"{time.strftime('%Y%m%d-%H%M%S')}-{scenario}"
    numbered = (root / f"{name}-{number}" for number in range(2, 10_000))
    return next(path for path in (root / name, *numbered) if not path.exists())


def environment() -> dict[str, Any]:
    """Versions, commit and machine; of the plug-ins that were imported so far, what tells their code apart."""
    return {
        "started": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "machine": platform.machine(),
        "cores": available_cores(),
        "versions": {name: _version(name) for name in PACKAGES} | code_digests(),
        "commit": commit(),
        "command": sys.argv[1:],
    }


@functools.cache
def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def commit() -> str | None:
    """The commit of the checkout this code runs from, `-dirty` where files differ; `None` outside a checkout."""
    checkout = Path(__file__).resolve().parent.parent.parent
    if not (checkout / "src" / "goldenrule").is_dir():
        return None
    try:
        command = ["git", "-C", str(checkout), "status", "--porcelain=v2", "--branch"]
        told = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True).stdout.splitlines()
    except (OSError, subprocess.SubprocessError):
        return None
    changed = any(not line.startswith("#") for line in told)
    head = next((line.split()[2] for line in told if line.startswith("# branch.oid ")), "(initial)")
    return None if head == "(initial)" else head + ("-dirty" if changed else "")


def _dump(content: Any, indent: int | None = None) -> bytes:
    """JSON with a line end. A lone surrogate in some error's text becomes its escape; NaN is refused."""
    text = json.dumps(content, ensure_ascii=False, indent=indent, allow_nan=False)
    return (text + "\n").encode("utf-8", "backslashreplace")
