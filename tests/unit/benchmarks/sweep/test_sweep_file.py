"""Sweep files: what is right is read, what is wrong gives one line that names the field."""

from __future__ import annotations

import copy
import re
from typing import Any

import numpy as np
import pytest
import yaml

from goldenrule.benchmarks.errors import UserError
from goldenrule.benchmarks.sweep.grid import cells_of, rehearse_agents
from goldenrule.benchmarks.sweep.plain_yaml import load
from goldenrule.benchmarks.sweep.schema import MAX_BYTES, parse_sweep, read_sweep
from goldenrule.envs.render import clean

INTERNAL = ("constrained", "pydantic", "valid dictionary", "instance of", "<class", "pathlib", "input should", "valid ")
"""Words of the libraries below, which tell a reader of the file nothing."""
RIGHT: dict[str, Any] = {
    "name": "smoke",
    "scenarios": [{"id": "hidden_needs-v0", "similarity": [0.0, 0.5]}, "third_party-v0"],
    "methods": ["scripted", {"id": "empathetic_kindness", "updates": [2, 3], "kl": 0.1}],
    "seeds": 2,
    "episodes": 3,
}


def parsed(content: Any) -> Any:
    return parse_sweep(
        content if isinstance(content, str | bytes) else yaml.safe_dump(content, sort_keys=False), "s.yaml"
    )


def cells(content: Any) -> Any:
    return cells_of(parsed(content), "s.yaml")


class TestGrid:
    def test_every_combination_once_in_the_order_of_the_file(self):
        found = cells(RIGHT)
        assert len(found) == 3 * 3 * 2
        assert [c.scenario for c in found].count("third_party-v0") == 6
        first = [(c.method, c.knobs["similarity"], c.seed) for c in found[:6]]
        assert first == [
            ("scripted", 0.0, 0),
            ("scripted", 0.0, 1),
            ("empathetic_kindness[kl=0.1,updates=2]", 0.0, 0),
            ("empathetic_kindness[kl=0.1,updates=2]", 0.0, 1),
            ("empathetic_kindness[kl=0.1,updates=3]", 0.0, 0),
            ("empathetic_kindness[kl=0.1,updates=3]", 0.0, 1),
        ]
        assert [c.settings.training.updates for c in found[2:6:2]] == [2, 3]
        assert all(c.settings.episodes == 3 for c in found)

    def test_an_id_is_of_the_resolved_cell_not_of_the_file(self):
        other = copy.deepcopy(RIGHT)
        other["name"] = "other"
        other["scenarios"] = ["third_party-v0", {"id": "hidden_needs-v0", "similarity": [0.5, 0.0], "cue": 1.0}]
        assert {c.id for c in cells(other)} == {c.id for c in cells(RIGHT)}
        other["episodes"] = 4
        assert not {c.id for c in cells(other)} & {c.id for c in cells(RIGHT)}

    def test_settings_for_all_methods_and_a_name_for_one(self):
        wanted = RIGHT | {"training": {"updates": 7}, "methods": ["scripted", {"id": "rlhf_ppo", "name": "short"}]}
        found = cells(wanted)
        assert {c.method for c in found} == {"scripted", "short"}
        assert all(c.settings.training.updates == 7 for c in found)
        assert {c.chosen.name for c in found} == {"scripted", "rlhf_ppo"}

    def test_seeds_as_a_list(self):
        assert sorted({c.seed for c in cells(RIGHT | {"seeds": [5, 9]})}) == [5, 9]

    @pytest.mark.parametrize(
        ("change", "told"),
        [
            ({"seed": 3}, "unknown field seed; expected some of name, scenarios, methods, seeds"),
            ({"seed": 3}, "did you mean seeds?"),
            ({"seeds": [0, "x"]}, "field seeds: given 'x', expected how many"),
            ({"seeds": True}, "field seeds: given True, expected how many"),
            (
                {"episodes": "5"},
                "field episodes: given '5', expected a whole number from 1 to 1,000,000",
            ),
            ({"checkpoint": [1]}, "field checkpoint: given [1], expected the path of a folder"),
            ({"scenarios": [4]}, "field scenarios.0: given 4, expected the id of a scenario"),
            ({"scenarios": [{"id": "hidden_needs-v0", 1: 2}]}, "field scenarios.0: given the key 1, expected a text"),
            ({"methods": [{"id": 3}]}, "field methods.0.id: given 3, expected the name of a method"),
            ({"methods": [{"id": "scripted", "params": [1]}]}, "field methods.0.params: given [1], expected a mapping"),
            ({"name": "a b"}, "field name: given 'a b', expected a text of up to 64 letters"),
            ({"training": 3}, "field training: given 3, expected a mapping of settings"),
            ({"seeds": "many"}, "seeds"),
            ({"seeds": []}, "seeds"),
            ({"seeds": [1, 1]}, "each once"),
            ({"seeds": 0}, "seeds"),
            ({"seeds": [-1]}, "seeds"),
            ({"episodes": 0}, "episodes"),
            ({"episodes": 2.5}, "episodes"),
            ({"partner": "nobody"}, "partner"),
            ({"device": "tpu"}, "device"),
            ({"name": "../../etc/passwd"}, "name"),
            ({"name": "a\nb"}, "name"),
            ({"name": ""}, "name"),
            ({"scenarios": []}, "scenarios"),
            ({"scenarios": "hidden_needs-v0"}, "scenarios"),
            ({"scenarios": [{"similarity": 1}]}, "scenarios.0.id is missing"),
            ({"scenarios": ["nowhere-v0"]}, "nowhere-v0"),
            ({"scenarios": [{"id": "hidden_needs-v0", "similarity": 2}]}, "similarity=2"),
            ({"scenarios": [{"id": "hidden_needs-v0", "similarity": []}]}, "similarity is an empty list"),
            ({"scenarios": [{"id": "hidden_needs-v0", "simlarity": 1}]}, "similarity"),
            ({"scenarios": ["third_party-v0", "third_party-v0"]}, "stands there twice"),
            ({"methods": ["telepathy"]}, "telepathy"),
            ({"methods": [{"id": "scripted", "updates": 0}]}, "updates=0"),
            ({"methods": [{"id": "scripted", "update": 3}]}, "update"),
            ({"methods": [{"id": "scripted", "params": {"x": 1}}]}, "takes no parameters"),
            ({"methods": [{"id": "scripted", "agent": "a:B"}]}, "either id"),
            ({"methods": [{"params": {}}]}, "either id"),
            ({"training": {"updates": -1}}, "updates=-1"),
            ({"training": {"speed": 1}}, "speed"),
            ({"seeds": 100_000, "episodes": 1, "methods": ["scripted", "untrained"]}, "600,000 cells"),
        ],
    )
    def test_one_line_names_what_is_wrong(self, change, told):
        with pytest.raises(UserError) as error:
            cells(RIGHT | change)
        line = str(error.value)
        assert told in line
        assert not any(word in line.lower() for word in INTERNAL)
        assert "\n" not in line
        assert line.startswith("sweep file 's.yaml'")

    def test_a_million_combinations_are_counted_not_made(self):
        wide = [round(i / 1000, 3) for i in range(1001)]
        scenario = {"id": "hidden_needs-v0", "similarity": wide, "cue": wide[:]}
        with pytest.raises(UserError, match="expected at most 100,000"):
            cells(RIGHT | {"scenarios": [scenario]})


class TestYaml:
    @pytest.mark.parametrize(
        ("text", "told"),
        [
            ("", "is empty"),
            ("[1, 2]", "holds a list"),
            ("name: [unclosed", "line 1"),
            ("name: !!python/object/apply:os.system ['echo hi']", "no safe YAML"),
            ("a: &x [1]\nb: *x", "aliases"),
            ("name: a\nname: b", "'name' stands here twice"),
            ("x: " + "[" * 5000 + "]" * 5000, "nested more than 20 deep"),
            (b"\xff\xfe\x00", "UTF-8"),
            ("seeds: 1e999", "field"),
            ("name: \x07", "no safe YAML"),
        ],
    )
    def test_what_is_no_sweep(self, text, told):
        with pytest.raises(UserError) as error:
            parsed(text)
        assert told in str(error.value)
        assert "\n" not in str(error.value)

    def test_missing_unreadable_and_huge_files(self, tmp_path):
        with pytest.raises(UserError, match="no sweep file"):
            read_sweep(tmp_path / "none.yaml")
        with pytest.raises(UserError, match="cannot be read"):
            read_sweep(tmp_path)
        (tmp_path / "big.yaml").write_bytes(b"#" * (MAX_BYTES + 1))
        with pytest.raises(UserError, match="at most"):
            read_sweep(tmp_path / "big.yaml")

    @pytest.mark.parametrize("text", ["seeds: !!int ''", "seeds: !!bool x", "seeds: !!timestamp 3", "? !!set {a}\n: 1"])
    def test_a_tag_is_one_line_whatever_it_makes_of_its_value(self, text):
        with pytest.raises(UserError, match=r"is no safe YAML: tags like !!\w+ are not allowed"):
            parsed(text)

    @pytest.mark.parametrize("text", ["010", "0x1F", "0b11", "1:30", "1_0", "2001-02-03", "9" * 5000, "yes"])
    def test_what_readers_of_yaml_disagree_about_is_a_text_and_so_no_number_of_seeds(self, text):
        with pytest.raises(UserError, match=f"field seeds: given '{text[:50]}"):
            parsed(f"name: a\nscenarios: [hidden_needs-v0]\nmethods: [scripted]\nseeds: {text}")

    @pytest.mark.parametrize(
        ("text", "value"),
        [("12", 12), ("-3", -3), ("1e-3", 0.001), (".5", 0.5), ("true", True), ("~", None)],
    )
    def test_plain_values(self, text, value):
        found = load(f"a: {text}")["a"]
        assert found == value
        assert type(found) is type(value)

    @pytest.mark.parametrize("unit", ["[", "{", "- ", "? ", "[a: ", "{a: ", "'[' ["])
    def test_a_megabyte_of_nesting_is_refused_before_much_of_it_is_read(self, unit, monkeypatch):
        read = []
        scan = yaml.scanner.Scanner.fetch_more_tokens
        monkeypatch.setattr(yaml.scanner.Scanner, "fetch_more_tokens", lambda self: (read.append(1), scan(self))[1])
        with pytest.raises(UserError, match="nested more than 20 deep; write it flatter"):
            parsed(unit * (MAX_BYTES // len(unit)))
        assert len(read) < 100


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


def wrong(rng: np.random.Generator) -> Any:
    """A sweep with one mistake, drawn."""
    content = copy.deepcopy(RIGHT)
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


OTHERS: tuple[dict[str, Any], ...] = (
    RIGHT,
    RIGHT | {"seeds": [0, 5, 9], "training": {"updates": 4, "kl": 0.5}, "partner": "scripted", "device": "cpu"},
    {
        "name": "agents",
        "scenarios": [{"id": "hidden_needs-v0", "similarity": 0.5, "cue": [0.5, 1.0]}],
        "methods": [
            "untrained",
            {"agent": "examples.agent:Listener", "name": "listener", "params": {"greeting": ["Hm?", "Hello."]}},
            {"id": "ppo_on", "name": "warm", "params": {"reward": "examples.reward:Warmth"}, "updates": [2, 3]},
        ],
        "checkpoint": None,
        "partner": "scripted",
    },
)
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


def mutated(rng: np.random.Generator) -> Any:
    """A right sweep after one to three changes, which may have left it right."""
    content = copy.deepcopy(OTHERS[rng.integers(len(OTHERS))])
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
        rehearse_agents(cells(content))
    except UserError as error:
        return clean(str(error))
    return None


def test_two_thousand_wrong_files_give_two_thousand_lines():
    rng = np.random.default_rng(20)
    lines, right = 0, 0
    while lines < 2000:
        content = wrong(rng) if lines < 1000 else mutated(rng)
        line = line_of(content)
        if line is None:
            assert lines >= 1000, content
            right += 1
            continue
        lines += 1
        assert "\n" not in line, (content, line)
        assert len(line) < 1500, (content, line)
        assert all(character.isprintable() for character in line), (content, line)
        assert ": field " not in line or not any(word in line.lower() for word in INTERNAL), (content, line)
    assert 0 < right < 1000  # most changes are for the worse, and not all


def outcome(text: bytes) -> str:
    try:
        return str(parsed(text).name)
    except UserError as error:
        return str(error)


def test_damaged_text_never_gives_anything_but_a_line():
    rng = np.random.default_rng(21)
    text = yaml.safe_dump(RIGHT).encode()
    for _ in range(300):
        damaged = bytearray(text)
        for place in rng.integers(len(damaged), size=3):
            damaged[place] = rng.integers(256)
        assert "\n" not in outcome(bytes(damaged[: rng.integers(1, len(damaged))]))
