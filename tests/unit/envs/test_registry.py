import pettingzoo
import pytest
from pettingzoo.env_registry import registration

import goldenrule.envs as envs
from goldenrule.common.text import typed
from goldenrule.envs import Knob, ScenarioSpec, registry

KNOBS = (
    Knob("share", 0.5, "a share", 0.0, 1.0),
    Knob("count", 2, "a number", 1, 4),
    Knob("loud", False, "aloud"),
    Knob("kind", "tea", "a drink", choices=("tea", "milk")),
)


@pytest.fixture
def spec(monkeypatch, panel):
    monkeypatch.setattr(registry, "_SPECS", dict(registry._SPECS))
    for found in (registration.aec_registry, registration.parallel_registry):
        monkeypatch.setitem(found, "goldenrule/panel-v0", None)  # so that it is gone again afterwards
        del found["goldenrule/panel-v0"]
    return envs.register(
        ScenarioSpec("panel-v0", "a panel", panel, (Knob("together", True, "at once"),), "host", "guest")
    )


def test_a_registered_scenario_can_be_made_here_and_by_pettingzoo(spec):
    assert envs.specs()["panel-v0"] is spec
    env = envs.make("panel-v0", together=False)
    assert env.scenario.together is False
    made = pettingzoo.make("parallel", "goldenrule/panel-v0", together="false", max_cycles=2)
    assert made.scenario.together is False
    assert made.max_cycles == 2


def test_a_registered_scenario_passes_the_check(spec):
    assert envs.check(lambda: envs.make("panel-v0", private=True)).passed


def test_the_same_factory_may_register_twice_and_another_may_not(spec, recwarn):
    envs.register(spec)
    assert not recwarn.list
    with pytest.raises(ValueError, match="'panel-v0' is taken"):
        envs.register(ScenarioSpec("panel-v0", "another", lambda: None, (), "a", "b"))


@pytest.mark.parametrize("name", ["panel", "panel-v", "-v1", "panel-vx"])
def test_an_id_needs_a_version(name):
    with pytest.raises(ValueError, match="has no version"):
        envs.register(ScenarioSpec(name, "", lambda: None, (), "a", "b"))


@pytest.mark.parametrize("name", ["mode", "api", "max_cycles", "id"])
def test_a_knob_may_not_have_the_name_of_a_setting_of_every_environment(name):
    knobs = (Knob(name, 1, ""),)
    with pytest.raises(ValueError, match=f"'mine-v0' has a knob '{name}'; call it otherwise"):
        envs.register(ScenarioSpec("mine-v0", "", lambda: None, knobs, "a", "b"))
    assert "mine-v0" not in envs.specs()


def test_an_unknown_scenario_is_told_its_nearest():
    with pytest.raises(ValueError, match=r"no scenario 'hiden_needs-v0'.*did you mean 'hidden_needs-v0'\?"):
        envs.make("hiden_needs-v0")


def test_an_unknown_knob_is_told_its_nearest():
    with pytest.raises(ValueError, match=r"hidden_needs-v0 has no knob 'similarty'.*did you mean 'similarity'\?"):
        envs.make("hidden_needs-v0", similarty=1)


@pytest.mark.parametrize(
    ("name", "given", "parsed"),
    [
        ("share", "0.25", 0.25),
        ("share", 1, 1.0),
        ("count", "3", 3),
        ("count", 4.0, 4),
        ("loud", "True", True),
        ("kind", "milk", "milk"),
    ],
)
def test_a_knob_reads_text_and_numbers(name, given, parsed):
    knob = next(knob for knob in KNOBS if knob.name == name)
    value = knob.parse(given)
    assert value == parsed
    assert type(value) is type(knob.default)


@pytest.mark.parametrize(
    ("name", "given", "allowed"),
    [
        ("share", 1.01, "float in [0, 1]"), ("share", float("nan"), "float in [0, 1]"),
        ("share", "much", "float in [0, 1]"),
        ("share", None, "float in [0, 1]"), ("count", 0, "int in [1, 4]"), ("count", 2.5, "int in [1, 4]"),
        ("count", True, "int in [1, 4]"), ("count", float("inf"), "int in [1, 4]"), ("loud", 3, "true | false"),
        ("kind", "wine", "tea | milk"), ("count", "３", "int in [1, 4]"), ("count", "0_3", "int in [1, 4]"),
        ("share", "0_0.5", "float in [0, 1]"),
    ],
)  # fmt: skip
def test_a_knob_refuses_in_words(name, given, allowed):
    knob = next(knob for knob in KNOBS if knob.name == name)
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the whole text is compared
        knob.parse(given)
    assert str(caught.value) == f"knob {name}={typed(given)} is not allowed; expected {allowed}"


def test_an_unknown_api_mode_or_render_mode():
    with pytest.raises(ValueError, match="api 'gym' is unknown"):
        envs.make("hidden_needs-v0", api="gym")
    with pytest.raises(ValueError, match="mode 'sing' is unknown; expected one of text, choice"):
        envs.make("hidden_needs-v0", mode="sing")
    with pytest.raises(ValueError, match="render_mode 'rgb' is unknown"):
        envs.make("hidden_needs-v0", render_mode="rgb")


def test_seats_are_read_from_roles_and_names() -> None:
    one = envs.spec("hidden_needs-v0")
    assert (one.learner_seat, one.partner_seat) == ("helper_0", "seeker_0")
    assert one.partner_seats(("helper_0", "seeker_0", "seeker_1")) == (1, 2)
    two = envs.spec("campsite-v0")
    assert (two.learner_seat, two.partner_seats(("camper_0", "camper_1"))) == ("camper_0", (1,))


def test_a_common_knob_is_resolved_only_where_given_and_reaches_the_environment() -> None:
    one = envs.spec("hidden_needs-v0")
    assert "max_length" not in one.resolve({})
    assert one.resolve({"max_length": "500"})["max_length"] == 500
    assert envs.make("hidden_needs-v0", **one.resolve({"max_length": "500"})).utterance.max_length == 500
    assert one.build(max_length=500).agents == one.build().agents
    with pytest.raises(ValueError, match="hidden_needs-v0: knob max_length=0 is not allowed"):
        one.resolve({"max_length": "0"})


def test_reward_ranges_follow_the_knobs() -> None:
    assert envs.spec("hidden_needs-v0").reward_ranges({"seekers": 3})["partner"] == (0.0, 3.0)
    assert envs.spec("hidden_needs-v0").reward_ranges({})["partner"][1] == float("inf")
    assert envs.spec("third_party-v0").reward_ranges({}) == {}


def test_episode_metrics_of_a_negotiation() -> None:
    metrics = envs.spec("campsite-v0").metrics
    assert metrics is not None
    facts = {"agreement": True, "points_0": 20, "points_1": 17, "joint": 37, "pareto": True}
    got = metrics.of_episode({"turns": [{"facts": {}}, {"facts": facts}]}, 0, 1)
    assert set(got) == set(metrics.ranges)
    assert (got["own_points"], got["partner_points"], got["pareto_share"]) == (20.0, 17.0, 1.0)
    cut = metrics.of_episode({"turns": [{"facts": {"kind": "talk"}}]}, 0, 1)
    assert (cut["own_points"], cut["agreement_share"], cut["pareto_share"]) == (0.0, 0.0, None)
