"""Call a function in another process, where texts hash differently: nothing may depend on `hash()` or a set's order."""

from __future__ import annotations

import json
import os
import pkgutil
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from goldenrule.common.untrusted import foreign

_PROGRAM = "from goldenrule.envs.testing.elsewhere import main; main()"


def call_elsewhere(function: str, arguments: Mapping[str, Any], hash_seed: int | None = None) -> Any:
    """What a function gives in a new process, as JSON has it; modules are found there where they are found here.

    Args:
        function: `package.module:name`.
        arguments: by name, as JSON has them.
        hash_seed: of that process; another than this one's by default.

    Raises:
        RuntimeError: the process failed; the message is the last line it wrote.
    """
    seed = hash_seed or (2 if os.environ.get("PYTHONHASHSEED") == "1" else 1)
    path = os.pathsep.join(entry or os.getcwd() for entry in sys.path)
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM],
        input=json.dumps({"function": function, "arguments": dict(arguments)}),
        env={**os.environ, "PYTHONHASHSEED": str(seed), "PYTHONPATH": path},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    if done.returncode:
        raise RuntimeError((done.stderr.strip().splitlines() or ["no message"])[-1])
    return json.loads(done.stdout)


def main() -> None:
    """Answer a call from standard input."""
    request = json.load(sys.stdin)
    with foreign():
        answer = pkgutil.resolve_name(request["function"])(**request["arguments"])
    json.dump(answer, sys.stdout)
