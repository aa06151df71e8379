"""Wrong sweep files, drawn: each gives one line, none a traceback."""

from __future__ import annotations

import copy
import re
from typing import Any

import numpy as np
import yaml

from goldenrule.benchmarks.experiments.config import parse_sweep
from goldenrule.benchmarks.experiments.grid import cells_of, rehearse_agents
from goldenrule.common.errors import UserError
from goldenrule.common.text import brief, clean

NESTED = (
    {"id": "ppo_on"},
    {"id": "ppo_on", "params": {"reward": {"a": {"b": [1]}}}},
    {"id": "ppo_on", "params": {"reward": "../../etc:passwd"}},
    {"id": "ppo_on", "params": {"reward": "os:system"}},
    {"id": "ppo_on", "params": {"reward": "examples.reward:Warmth", "params": {"nope": {"x": 1}}}},
    {"id": "ppo_on", "params": {"reward": "examples.reward:Warmth", "params": [3]}},
    {"id": "scripted", "params": {1: 2}},
    {"agent": "../x:Y"},
    {"agent": "x\ny:Z"},
    {"agent": "os:system"},
    {"agent": "examples.agent:Listener", "params": {"silent": {"deep": [1, {"x": None}]}}},
    {"agent": "examples.agent:Listener", "name": "../../up"},
)
PATHS = ("../../etc/passwd", "/", "..", "a/../b", "a\\..", "~root/", "a\0b", "-" * 65, "x" * 5000)
TAGS = (
    "!!python/object/apply:os.system ['echo hi']",
    "!!python/name:os.system",
    "!!python/object/new:subprocess.Popen [[echo]]",
    "!unknown x",
    "!!binary ____",
)


def wrong(right: dict[str, Any], rng: np.random.Generator) -> Any:
    """A sweep with one mistake, drawn."""
    content = copy.deepcopy(right)
    junk = ("", "x\ny", None, -1, [], {}, float("nan"), "\x1b[31m", 10**30, True, [[]], "‮")
    one = junk[rng.integers(len(junk))]
    kind = rng.integers(11)
    if kind == 0:
        content[f"field_{rng.integers(10**6)}"] = one
    elif kind == 1:
        del content[("name", "scenarios", "methods")[rng.integers(3)]]
    elif kind == 2:
        content["name"] = one
    elif kind == 3:
        content[("scenarios", "methods")[rng.integers(2)]] = "" if one in ([],) else one
    elif kind == 4:
        content["scenarios"][0]["similarity"] = [0.5, one]
    elif kind == 5:
        content["methods"][1]["learning_rate"] = one
    elif kind == 6:
        content["episodes"] = one
    elif kind == 7:
        content["methods"].append(NESTED[rng.integers(len(NESTED))])
    elif kind == 8:
        path = PATHS[rng.integers(len(PATHS))]
        content |= ({"name": path}, {"checkpoint": path}, {"methods": [{"id": "scripted", "name": path}]})[
            rng.integers(3)
        ]
    elif kind == 9:
        tag = TAGS[rng.integers(len(TAGS))]
        return yaml.safe_dump(content).replace("name: smoke", f"name: {tag}")
    else:
        content["scenarios"][0][f"knob_{rng.integers(10**6)}"] = 1
    if rng.random() < 0.3:
        content["seeds"] = [1, "two", one]
    return content


AGENTS: dict[str, Any] = {
    "name": "agents",
    "scenarios": [{"id": "hidden_needs-v0", "similarity": 0.5, "cue": [0.5, 1.0]}],
    "methods": [
        "untrained",
        {"agent": "examples.agent:Listener", "name": "listener", "params": {"greeting": ["Hm?", "Hello."]}},
        {"id": "ppo_on", "name": "warm", "params": {"reward": "examples.reward:Warmth"}, "updates": [2, 3]},
    ],
    "checkpoint": None,
    "partner": "scripted",
}
MORE = {"seeds": [0, 5, 9], "training": {"updates": 4, "kl": 0.5}, "partner": "scripted", "device": "cpu"}
JUNK: tuple[Any, ...] = ("", "x\ny", "7", "false", "\x1b[2J", None, True, -1, 0, 3, 2.5, float("inf"), 10**30)
JUNK += ([], {}, [[]], {"a": {"b": [None]}})
MARKS = ("!!int ", "!!binary ", "!x ", "!!python/name:os.system ", "&a ", "*a ")
MARKS += ("[[[", "{{", "0", "- ", "? ", "\t", "%", "'")


def places(content: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where something stands in a file: the keys that lead there."""
    inside = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    return [path] * bool(path) + [found for key, value in inside for found in places(value, (*path, key))]


def misspelt(key: Any, rng: np.random.Generator) -> Any:
    if not isinstance(key, str) or not key:
        return key
    at = int(rng.integers(len(key)))
    return (key[:at] + key[at + 1 :], key[:at] + key[at] * 2 + key[at + 1 :], key.upper(), f" {key}", len(key))[
        int(rng.integers(5))
    ]


def mutated(right: dict[str, Any], rng: np.random.Generator) -> Any:
    """A right sweep after one to three changes, which may have left it right."""
    content = copy.deepcopy((right, right | MORE, AGENTS)[rng.integers(3)])
    for _ in range(rng.integers(1, 4)):
        found = places(content)
        if not found:
            break
        *way, key = found[rng.integers(len(found))]
        holder = content
        for step in way:
            holder = holder[step]
        kind = rng.integers(6)
        if kind == 0:
            holder[key] = copy.deepcopy(JUNK[rng.integers(len(JUNK))])
        elif kind == 1 and isinstance(holder, dict):
            holder[misspelt(key, rng)] = holder.pop(key)
        elif kind == 2:
            del holder[key]
        elif kind == 3:
            value = holder[key]
            holder[key] = ([value], {"a": value}, [value, value], str(value))[rng.integers(4)]
        elif kind == 4:  # what belongs elsewhere
            other = content
            for step in found[rng.integers(len(found))]:
                other = other[step]
            holder[key] = copy.deepcopy(other)
        else:
            for _ in range(rng.integers(1, 40)):
                holder[key] = [holder[key]]
    text = yaml.safe_dump(content, sort_keys=False)
    if rng.random() < 0.3:
        starts = [found.end() for found in re.finditer(r"[:\-] ", text)] or [0]
        at = starts[rng.integers(len(starts))]
        text = text[:at] + MARKS[rng.integers(len(MARKS))] + text[at:]
    return text


def line_of(content: Any) -> str | None:
    """What is wrong with a file, as the command line tells it."""
    try:
        text = content if isinstance(content, str | bytes) else yaml.safe_dump(content, sort_keys=False)
        rehearse_agents(cells_of(parse_sweep(text, "s.yaml"), "s.yaml"))
    except UserError as error:
        return clean(brief(str(error)))
    return None


def test_two_thousand_wrong_files_give_two_thousand_lines(right, internal):
    rng = np.random.default_rng(20)
    lines, sound = 0, 0
    while lines < 2000:
        content = wrong(right, rng) if lines < 1000 else mutated(right, rng)
        line = line_of(content)
        if line is None:
            assert lines >= 1000, content
            sound += 1
            continue
        lines += 1
        assert "\n" not in line, (content, line)
        assert len(line) < 1500, (content, line)
        assert all(character.isprintable() for character in line), (content, line)
        assert " wrong field: " not in line or not any(word in line.lower() for word in internal), (content, line)
    assert 0 < sound < 1000  # most changes are for the worse, and not all


def outcome(text: bytes) -> str:
    try:
        return str(parse_sweep(text, "s.yaml").name)
    except UserError as error:
        return str(error)


def test_damaged_text_never_gives_anything_but_a_line(right):
    rng = np.random.default_rng(21)
    text = yaml.safe_dump(right).encode()
    for _ in range(300):
        damaged = bytearray(text)
        for place in rng.integers(len(damaged), size=3):
            damaged[place] = rng.integers(256)
        assert "\n" not in outcome(bytes(damaged[: rng.integers(1, len(damaged))]))
