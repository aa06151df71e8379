"""An episode written down as plain data, so that two can be compared: in one process or in two."""

from __future__ import annotations

import json
import os
import pkgutil
import random
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import import_module
from typing import Any

import numpy as np

from goldenrule.common.seeding import generator
from goldenrule.common.text import counted, kind_of
from goldenrule.common.untrusted import contained, foreign
from goldenrule.envs.make import make

_PROGRAM = "from goldenrule.envs.testing.trace import main; main()"
Step = dict[str, Any]
"""One step as plain data: who said what, what everyone sees now, what was paid, what is over."""

Policy = Callable[[Any, np.random.Generator], Any]
_NONSENSE = "yes no thank food grün 水 🙂 <b> \\x1b[2J [seeker_0] why ".split()


class EpisodeError(RuntimeError):
    """An episode could not be played to its end.

    Args:
        what: why not.
        turn, agent: where.
    """

    def __init__(self, what: str, turn: int, agent: str) -> None:
        super().__init__(what)
        self.turn, self.agent = turn, agent


def plain(value: Any) -> Any:
    """`value` as lists, dictionaries, texts, numbers and `None`, equal in two processes if the values are."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return plain(value.tolist())
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    if value is None or isinstance(value, bool | int | str):
        return value
    return repr(value) if isinstance(value, float) else kind_of(value)


def talk(env: Any, rng: np.random.Generator) -> Any:
    """An action for the selected agent: mostly something its scenario understands, sometimes nonsense."""
    base = env.unwrapped
    candidates = base.scenario.candidates(base.possible_agents.index(env.agent_selection))
    offered = [i for i, text in enumerate(candidates) if text]
    if base.mode == "choice":
        return offered[rng.integers(len(offered))]
    if not offered or rng.random() < 0.25:
        return mumble(env, rng)
    return _addressed(base, candidates[offered[rng.integers(len(offered))]], rng)


def mumble(env: Any, rng: np.random.Generator) -> Any:
    """Nonsense, which ends no talk; a candidate in choice mode."""
    if env.unwrapped.mode == "choice":
        return talk(env, rng)
    text = " ".join(_NONSENSE[i] for i in rng.integers(len(_NONSENSE), size=rng.integers(1, 6)))
    return _addressed(env.unwrapped, text, rng)


def _addressed(base: Any, text: str, rng: np.random.Generator) -> Any:
    if not base.private:
        return text
    return {"text": text, "to": rng.integers(0, 2, size=len(base.possible_agents)).astype(np.int8)}


def episode(
    env: Any, seed: int, *, policy: Policy = talk, before: Callable[[int], None] | None = None
) -> Iterator[Step]:
    """Play one episode of an AEC environment, the dead agents' last steps included, a step at a time.

    Args:
        env: the environment or a wrapper stack around it.
        seed: what it is reset with.
        policy: what to say; it draws from the same stream whatever `seed` is.
        before: called before each turn with its number.

    Raises:
        EpisodeError: a legal action raised, or the episode does not end.
    """
    rng = generator(0, "check")
    env.reset(seed=seed)
    yield snapshot(env)
    turn = 0
    while not (env.terminations[env.agent_selection] or env.truncations[env.agent_selection]):
        agent = env.agent_selection
        if turn > env.unwrapped.max_turns:
            raise EpisodeError(f"the episode goes on after its {counted(env.unwrapped.max_turns, 'turn')}", turn, agent)
        action = policy(env, rng)
        if before is not None:
            before(turn)
        try:
            with contained():
                env.step(action)
        except Exception as error:  # a scenario or wrapper is foreign code; whatever it raises is its fault
            what = f"the legal action {action!a} raised {type(error).__name__}: {error}"
            raise EpisodeError(what, turn, agent) from error
        yield {**snapshot(env), "agent": agent, "action": plain(action)}
        turn += 1
    while env.agents:
        env.step(None)


def snapshot(env: Any) -> Step:
    """What can be seen of an AEC environment now."""
    base = env.unwrapped
    return {
        "agent": None,
        "action": None,
        "turns": base.dialogue.turns,
        "next": env.agent_selection,
        "seen": {agent: plain(env.observe(agent)) for agent in env.possible_agents},
        "rewards": plain(env.rewards),
        "absent": plain(base.absent_rewards),
        "terminations": plain(env.terminations),
        "truncations": plain(env.truncations),
        "infos": plain(env.infos),
    }


def first_difference(one: Any, other: Any, path: str = "") -> str | None:
    """Where two plain values first differ, and how; `None` if they are equal."""
    if one == other:
        return None
    if isinstance(one, dict) and isinstance(other, dict) and one.keys() == other.keys():
        parts = [first_difference(one[key], other[key], f"{path}.{key}" if path else key) for key in one]
    elif isinstance(one, list) and isinstance(other, list):
        parts = [first_difference(a, b, f"{path}[{i}]") for i, (a, b) in enumerate(zip(one, other, strict=False))]
        parts.append(f"{path} has {len(one)} items and {len(other)}")
    else:
        return f"{path} is {brief_repr(one, 120)} and {brief_repr(other, 120)}"
    return next(part for part in parts if part)


def brief_repr(value: Any, longest: int = 60) -> str:
    """A value in a line, not endlessly."""
    text = ascii(value)
    return text if len(text) <= longest else f"{text[: longest - 3]}..."


def traces(
    module: str,
    scenario_id: str,
    knobs: Mapping[str, Any],
    variants: Sequence[Mapping[str, Any]],
    seeds: Sequence[int],
) -> list[list[list[Step]]]:
    """The steps of episodes, by variant and seed.

    Args:
        module: imported first, because it registers the scenario.
        scenario_id, knobs: what to make.
        variants: environment options of each environment to make.
        seeds: the episodes of each.
    """
    import_module(module)
    return [[list(episode(make(scenario_id, **knobs, **variant), seed)) for seed in seeds] for variant in variants]


def global_generators() -> dict[str, Any]:
    """The state of every global random generator that is loaded, by its library's name."""
    states: dict[str, Any] = {"random": random.getstate(), "numpy": plain(np.random.get_state())}  # noqa: NPY002
    torch = sys.modules.get("torch")  # read only where someone else has imported it
    if torch is not None:
        states["torch"] = torch.random.get_rng_state().tolist()
    return states


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
