"""The same dialogues or scores from another process, whose texts hash differently.

`python -c "from goldenrule.benchmarks.conformance.elsewhere import main; main()"` answers a `Request` on its standard
input.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from goldenrule.benchmarks.conformance.tables import Tables, scored, texts
from goldenrule.benchmarks.evaluation.plugins import maker
from goldenrule.common.plugins import Kind
from goldenrule.common.untrusted import foreign
from goldenrule.envs.testing.report import BrokenError
from goldenrule.envs.testing.trace import first_difference


@dataclass(frozen=True, slots=True)
class Request:
    """A plug-in to be tried in another process.

    Attributes:
        kind: `agent` or `reward`.
        name, params: of the plug-in.
        scenario, knobs, count: where, see `Tables`.
        path: where modules are found.
    """

    kind: Kind
    name: str
    params: Mapping[str, Any]
    scenario: str
    knobs: Mapping[str, Any]
    count: int
    path: list[str] = field(default_factory=lambda: [entry or os.getcwd() for entry in sys.path])


def repeats_elsewhere(request: Request) -> None:
    """Raise `BrokenError` unless another process gives what this one gives."""
    here = json.loads(json.dumps(_given(request)))
    other = "2" if os.environ.get("PYTHONHASHSEED") == "1" else "1"
    done = subprocess.run(
        [sys.executable, "-c", "from goldenrule.benchmarks.conformance.elsewhere import main; main()"],
        input=json.dumps(asdict(request)),
        env={**os.environ, "PYTHONHASHSEED": other, "PYTHONPATH": os.pathsep.join(request.path)},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    if done.returncode:
        raise BrokenError(f"another process failed: {(done.stderr.strip().splitlines() or ['no message'])[-1]}")
    different = first_difference(here, json.loads(done.stdout), request.kind)
    if different:
        raise BrokenError(f"{different} in another process; nothing may depend on hash() or on the order of a set")


def _given(request: Request) -> list[Any]:
    """What was said in each dialogue, or what each message scores."""
    tables = Tables(request.scenario, request.knobs, request.count)
    make = maker(request.kind, request.name, request.params)
    if request.kind == "agent":
        return texts(tables.hold(make(), tables.seeds()))
    scores = scored(make(), tables.turns())
    return [score.reason if score.value is None else round(score.value, 6) for score in scores]


def main() -> None:
    """Answer the `Request` on standard input."""
    request = Request(**json.load(sys.stdin))
    with foreign():
        given = _given(request)
    json.dump(given, sys.stdout)
