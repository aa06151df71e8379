"""Who is who in a world."""

from __future__ import annotations

import pytest

from goldenrule.agents.world import World
from goldenrule.envs.registry import spec


def world(scenario, **knobs):
    return World(scenario, {**spec(scenario).resolve({}), **knobs}, {}, 0)


def named(made, seats):
    return [made.names[seat] for seat in seats]


@pytest.mark.parametrize(
    ("scenario", "knobs", "partners"),
    [
        ("hidden_needs-v0", {}, ["seeker_0"]),
        ("hidden_needs-v0", {"seekers": 3}, ["seeker_0", "seeker_1", "seeker_2"]),
        ("campsite-v0", {}, ["camper_1"]),  # named with its number: that one alone
        ("false_belief-v0", {}, ["seeker_0"]),
        ("third_party-v0", {"absent": 2}, ["asker_0"]),  # who is only talked about is no partner
    ],
)
def test_partners_are_all_of_the_partners_role(scenario, knobs, partners):
    made = world(scenario, **knobs)
    assert named(made, made.partners) == partners
    assert made.partner == made.partners[0]
    assert made.learner not in made.partners
