"""Sweep files: what is right is read, what is wrong gives one line that names the field."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import yaml

from goldenrule.agents.networks.checkpoint import weights_hash
from goldenrule.agents.networks.pretrained import bases_for, load_base
from goldenrule.benchmarks.experiments.config import MAX_BYTES, parse_sweep, read_sweep
from goldenrule.benchmarks.experiments.grid import cells_of, slow_network
from goldenrule.common.errors import UserError


def parsed(content: Any) -> Any:
    return parse_sweep(
        content if isinstance(content, str | bytes) else yaml.safe_dump(content, sort_keys=False), "s.yaml"
    )


def cells(content: Any) -> Any:
    return cells_of(parsed(content), "s.yaml")


class TestGrid:
    def test_every_combination_once_in_the_order_of_the_file(self, right):
        found = cells(right)
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

    def test_an_id_is_of_the_resolved_cell_not_of_the_file(self, right):
        other = copy.deepcopy(right)
        other["name"] = "other"
        other["scenarios"] = ["third_party-v0", {"id": "hidden_needs-v0", "similarity": [0.5, 0.0], "cue": 1.0}]
        assert {c.id for c in cells(other)} == {c.id for c in cells(right)}
        other["episodes"] = 4
        assert not {c.id for c in cells(other)} & {c.id for c in cells(right)}

    def test_seeds_take_the_bases_of_one_recipe_in_turn(self, right):
        found = cells(right | {"scenarios": ["hidden_needs-v0"], "methods": ["untrained", "scripted"], "seeds": 7})
        by_seed = [[cell.base for cell in found[start : start + 7]] for start in (0, 7)]
        made = [weights_hash(load_base("hidden_needs-v0", path)[0]) for path in bases_for("hidden_needs-v0")]
        assert len(made) == 5
        assert by_seed == [[*made, *made[:2]]] * 2

    def test_a_network_that_is_not_compiled_is_told_where_one_trains(self, right, monkeypatch):
        monkeypatch.delenv("GOLDENRULE_NATIVE", raising=False)
        found = cells(right)
        monkeypatch.setattr("goldenrule.agents.networks.native.library", lambda: None)
        assert "could not be compiled" in slow_network(found)[0]
        assert not slow_network([cell for cell in found if not cell.trains])
        monkeypatch.setenv("GOLDENRULE_NATIVE", "0")
        assert not slow_network(found)

    def test_parameters_of_a_plug_in_are_resolved_and_may_stand_in_its_name(self, right):
        def one(**entry):
            (found,) = cells(right | {"scenarios": ["hidden_needs-v0"], "methods": [entry], "seeds": 1})
            return found

        given = one(agent="examples.agent:Listener", name="a", params={"silent": 0})
        assert given.parameters == {"greeting": "I am listening.", "silent": 0.0}
        assert given.params == {"silent": 0}  # it is made with these
        inline = one(agent="examples.agent:Listener(silent=0)", name="b")
        assert (inline.agent, inline.parameters) == (given.agent, given.parameters)
        assert inline.description() == given.description() | {"method": "b"}
        assert one(agent="examples.agent:Listener(greeting=a:b)").method == "Listener(greeting=a:b)"
        trained = one(id="ppo_on(reward=examples.reward:Warmth)", updates=1)
        assert trained.method == "ppo_on(reward=examples.reward:Warmth)[updates=1]"
        assert trained.chosen.name == "ppo_on"
        assert trained.parameters == {"reward": "examples.reward:Warmth", "params": None}

    def test_a_long_parameter_is_cut_in_the_name_and_told_from_its_like(self, right):
        params = {"greeting": ["a" * 500 + last for last in "bc"]}
        entry = {"agent": "examples.agent:Listener", "name": "it", "params": params}
        found = cells(right | {"scenarios": ["hidden_needs-v0"], "methods": [entry], "seeds": 1})
        assert len({cell.method for cell in found}) == 2
        assert all(cell.method.startswith("it[greeting=aaa") and len(cell.method) < 120 for cell in found)
        assert [cell.parameters["greeting"] for cell in found] == params["greeting"]

    def test_settings_for_all_methods_and_a_name_for_one(self, right):
        wanted = right | {"training": {"updates": 7}, "methods": ["scripted", {"id": "rlhf_ppo", "name": "short"}]}
        found = cells(wanted)
        assert {c.method for c in found} == {"scripted", "short"}
        assert all(c.settings.training.updates == 7 for c in found)
        assert {c.chosen.name for c in found} == {"scripted", "rlhf_ppo"}

    def test_a_method_that_does_not_train_may_have_its_own_name_and_a_length_of_messages(self, right):
        methods = [{"id": "untrained", "name": "untrained"}, {"id": "scripted", "max_new": [4, 8]}]
        assert {c.method for c in cells(right | {"methods": methods})} == {
            "untrained",
            "scripted[max_new=4]",
            "scripted[max_new=8]",
        }

    def test_no_cuda_is_told(self, monkeypatch, right):
        monkeypatch.setattr("torch.cuda.is_available", lambda: False)
        with pytest.raises(
            UserError,
            match="device cuda was asked for, and no CUDA device is here",
        ):
            cells(right | {"device": "cuda"})

    def test_seeds_as_a_list(self, right):
        assert sorted({c.seed for c in cells(right | {"seeds": [5, 9]})}) == [5, 9]

    @pytest.mark.parametrize(
        ("change", "told"),
        [
            ({"seed": 3}, "the sweep has no field 'seed'; expected name, scenarios, methods, seeds"),
            ({"seed": 3}, "did you mean 'seeds'?"),
            ({"seeds": [0, "x"]}, "seeds.1: Input should be a valid integer, given 'x'"),
            ({"seeds": True}, "seeds"),
            ({"episodes": "5"}, "episodes: Input should be a valid integer, given '5'"),
            ({"checkpoint": [1]}, "wrong field: checkpoint: Input is not a valid path"),
            ({"scenarios": [4]}, "wrong field: scenarios.0: Input should be a valid dictionary"),
            ({"scenarios": [{"id": "hidden_needs-v0", 1: 2}]}, "scenarios.0.1"),
            ({"methods": [{"id": 3}]}, "methods.0.id: Input should be a valid string, given 3"),
            (
                {"methods": [{"id": "scripted", "params": [1]}]},
                "methods.0.params: Input should be a valid dictionary, given [1]",
            ),
            ({"name": "a b"}, "name: String should match pattern"),
            ({"training": 3}, "training: Input should be a valid dictionary, given 3"),
            ({"seeds": "many"}, "seeds"),
            ({"seeds": []}, "seeds"),
            ({"seeds": [1, 1]}, "each seed once"),
            ({"seeds": 0}, "seeds"),
            ({"seeds": [-1]}, "seeds"),
            ({"episodes": 0}, "episodes"),
            ({"episodes": 2.5}, "episodes"),
            (
                {"partner": "nobody"},
                "partner: expected lm, scripted, hf:MODEL, openai:MODEL@URL or package.module:Class, given 'nobody'",
            ),
            ({"device": "tpu"}, "device"),
            ({"name": "../../etc/passwd"}, "name"),
            ({"name": "a\nb"}, "name"),
            ({"name": ""}, "name"),
            ({"scenarios": []}, "scenarios"),
            ({"scenarios": "hidden_needs-v0"}, "scenarios"),
            ({"scenarios": [{"similarity": 1}]}, "the sweep has a wrong field: scenarios.0.id: Field required"),
            ({"scenarios": ["nowhere-v0"]}, "nowhere-v0"),
            ({"scenarios": [{"id": "hidden_needs-v0", "similarity": 2}]}, "similarity=2"),
            (
                {"scenarios": [{"id": "hidden_needs-v0", "max_length": [500, 0]}]},
                "knob max_length=0 is not allowed; expected int in [1, 100000]",
            ),
            ({"scenarios": [{"id": "hidden_needs-v0", "similarity": []}]}, "similarity is an empty list"),
            ({"scenarios": [{"id": "hidden_needs-v0", "simlarity": 1}]}, "similarity"),
            ({"scenarios": ["third_party-v0", "third_party-v0"]}, "stands there twice"),
            ({"methods": ["telepathy"]}, "telepathy"),
            (
                {"methods": [{"id": "rlhf_ppo", "updates": 0}]},
                "training has a wrong setting: updates: Input should be greater than or equal to 1, given 0",
            ),
            (
                {"methods": [{"id": "untrained", "updates": [3, 6]}]},
                "'untrained' trains nothing; its setting 'updates' has",
            ),
            (
                {"methods": [{"id": "scripted", "learning_rate": 0.1, "kl": 3}]},
                "its setting 'learning_rate' has no effect",
            ),
            ({"methods": [{"id": "scripted", "max_new": 4}], "partner": "scripted"}, "'max_new' has no effect"),
            ({"methods": [{"id": "rlhf_ppo", "split": False}]}, "name the method unsplit_kindness"),
            (
                {"methods": [{"id": "untrained", "name": "oracle_kindness"}]},
                "'oracle_kindness' is the name of a built-in",
            ),
            (
                {"methods": [{"id": "untrained", "name": "scripted"}, {"id": "scripted", "name": "untrained"}]},
                "built-in",
            ),
            ({"methods": [{"agent": "a:B", "name": "ppo_on"}]}, "'ppo_on' is the name of a built-in"),
            ({"methods": [{"agent": "mine:untrained"}]}, "'untrained' is the name of a built-in method; give this one"),
            ({"methods": [{"id": "scripted", "update": 3}]}, "update"),
            ({"methods": [{"id": "scripted", "params": {"x": 1}}]}, "has no parameter 'x'"),
            ({"methods": [{"id": "scripted", "agent": "a:B"}]}, "either id"),
            ({"methods": [{"params": {}}]}, "either id"),
            (
                {"training": {"updates": -1}},
                "training has a wrong setting: updates: Input should be greater than or equal to 1, given -1",
            ),
            ({"training": {"speed": 1}}, "speed"),
            ({"seeds": 100_000, "episodes": 1, "methods": ["scripted", "untrained"]}, "600,000 cells"),
        ],
    )
    def test_one_line_names_what_is_wrong(self, change, told, right, internal):
        with pytest.raises(UserError) as error:
            cells(right | change)
        line = str(error.value)
        assert told in line
        assert not any(word in line.lower() for word in internal)
        assert "\n" not in line
        assert line.startswith("sweep file 's.yaml'")

    def test_a_million_combinations_are_counted_not_made(self, right):
        wide = [round(i / 1000, 3) for i in range(1001)]
        scenario = {"id": "hidden_needs-v0", "similarity": wide, "cue": wide[:]}
        with pytest.raises(UserError, match="expected at most 100,000"):
            cells(right | {"scenarios": [scenario]})


class TestYaml:
    @pytest.mark.parametrize(
        ("text", "told"),
        [
            ("", "is empty"),
            ("[1, 2]", "holds a list"),
            ("name: [unclosed", "line 1"),
            ("name: !!python/object/apply:os.system ['echo hi']", "no plain YAML: line 1"),
            ("name: a\nname: b", "duplicate key"),
            ("x: " + "[" * 5000 + "]" * 5000, "RecursionError"),
            (b"\xff\xfe\x00", "UTF-8"),
            ("seeds: 1e999", "field"),
            ("name: \x07", "no plain YAML"),
            ("seeds: " + "9" * 5000, "no plain YAML: ValueError"),
        ],
    )
    def test_what_is_no_sweep(self, text, told):
        with pytest.raises(UserError) as error:
            parsed(text)
        assert told in str(error.value)
        assert "\n" not in str(error.value)

    def test_missing_unreadable_and_huge_files(self, tmp_path):
        with pytest.raises(UserError, match=r"cannot be read .No such file"):
            read_sweep(tmp_path / "none.yaml")
        with pytest.raises(UserError, match="cannot be read"):
            read_sweep(tmp_path)
        (tmp_path / "big.yaml").write_bytes(b"#" * (MAX_BYTES + 1))
        with pytest.raises(UserError, match="at most"):
            read_sweep(tmp_path / "big.yaml")

    @pytest.mark.parametrize("text", ["1:30", "2001-02-03", "yes"])
    def test_what_other_readers_take_for_numbers_is_no_number_of_seeds(self, text):
        with pytest.raises(UserError, match="wrong field: seeds"):
            parsed(f"name: a\nscenarios: [hidden_needs-v0]\nmethods: [scripted]\nseeds: {text}")

    def test_a_checkpoint_may_be_given_as_in_a_shell(self, right, monkeypatch, tmp_path):
        monkeypatch.setenv("HOME", str(tmp_path))
        assert parsed(right | {"checkpoint": "~/base"}).checkpoint == tmp_path / "base"
