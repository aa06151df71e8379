"""Sweep files: what is right is read, what is wrong gives one line that names the field."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import yaml

from goldenrule.benchmarks.errors import UserError
from goldenrule.benchmarks.sweep.grid import cells_of, rehearse_agents
from goldenrule.benchmarks.sweep.schema import MAX_BYTES, parse_sweep, read_sweep
from goldenrule.envs.render import clean

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
            ({"seed": 3}, "unknown field seed"),
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
            ("x: " + "[" * 5000 + "]" * 5000, "cannot be read"),
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


def test_two_thousand_wrong_files_give_two_thousand_lines():
    rng = np.random.default_rng(20)
    for number in range(2000):
        content = wrong(rng)
        with pytest.raises(UserError) as error:
            rehearse_agents(cells(content))
        line = clean(str(error.value))  # as the command line tells it
        assert "\n" not in line, (number, content, line)
        assert len(line) < 1500, (number, content, line)
        assert all(character.isprintable() for character in line), (number, content, line)


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
