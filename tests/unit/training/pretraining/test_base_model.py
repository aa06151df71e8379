"""The gate of a scenario that asks: what was told must be known, what was not told cannot be."""

from __future__ import annotations

import pytest

from goldenrule.agents.scripted import people
from goldenrule.agents.world import World
from goldenrule.envs.scenarios.campsite.dialogue_acts import STATE_ORDER
from goldenrule.envs.scenarios.campsite.language import stated_needs
from goldenrule.envs.scenarios.campsite.participants import ORDERS
from goldenrule.training.pretraining import base_model as base
from goldenrule.training.pretraining.base_model import Gate


class Listener:
    """Answers for the partner what it said of its needs before, else one and the same order."""

    def simulate(self, views, as_agent):
        return [STATE_ORDER.format(*self.order(view, other)) for view, other in zip(views, as_agent, strict=True)]

    def order(self, view, other):
        told = [stated_needs(m.text).order for m in view.messages if m.speaker == other]
        return next((order for order in told if order), ORDERS[0])


class Deaf(Listener):
    def order(self, view, other):
        return ORDERS[0]


@pytest.fixture(scope="module")
def held():
    camper = people("campsite-v0", "corpus")["camper"]()
    world = World("campsite-v0", {"similarity": 0.0}, {"camper_1": camper}, 4)
    return world, world.run_episodes(camper, 150, "test")


def test_who_listens_knows_what_was_told_and_guesses_the_rest(held):
    listens, deaf = (base._paid(held[0], mind, held[1]) for mind in (Listener(), Deaf()))
    assert set(listens) == {"told", "untold"}
    assert listens["told"] == 1.0
    assert listens["untold"] == deaf["untold"] < 0.6
    assert deaf["told"] < 0.6


def test_what_was_told_decides_where_the_scenario_asks():
    assert Gate(0.3, {"1": 0.3}, 0.3, 10, {"told": 0.96, "untold": 0.2}).decisive == 0.96
    assert Gate(0.3, {"1": 0.4}, 0.4, 10, {"untold": 0.2}).decisive == 0.0
    assert Gate(0.97, {"1": 0.96}, 0.96, 10).decisive == 0.96


def test_scenarios_that_ask_nothing_have_no_such_figure():
    helper, seeker = people("hidden_needs-v0")["helper"](), people("hidden_needs-v0")["seeker"]()
    world = World("hidden_needs-v0", {}, {"seeker": seeker}, 0)
    assert base._paid(world, Listener(), world.run_episodes(helper, 4, "test")) is None
    assert "paid" not in Gate(0.97, {"1": 0.96}, 0.96, 10).as_dict()
