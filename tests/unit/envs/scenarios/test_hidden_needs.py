"""hidden_needs-v0: whom it deals, exactly, and what seekers say of what they hoped for."""

from __future__ import annotations

from collections import Counter
from itertools import product

import numpy as np
import pytest

from goldenrule.agents.scripted import people
from goldenrule.agents.world import World
from goldenrule.envs.make import make
from goldenrule.envs.message import Message
from goldenrule.envs.registry import spec
from goldenrule.envs.scenarios.hidden_needs import HELD_OUT, OFFER, PERSONAS, SITUATIONS, WISH, need

ID = "hidden_needs-v0"
N = 6000


def deals(**knobs):
    """Helper's persona, and the seekers' personas and situations, of many episodes."""
    scene, rng = spec(ID).build(**knobs), np.random.default_rng(1)
    for _ in range(N):
        scene.reset(rng)
        yield scene.persona, list(zip(scene.personas, scene.situations, strict=True))


@pytest.mark.parametrize("people", ["seen", "unseen"])
@pytest.mark.parametrize("similarity", [0.0, 0.25, 0.7, 1.0])
def test_similarity_is_the_chance_of_needing_what_the_helper_would_among_all_people(people, similarity):
    """By the needs themselves, for each helper and each of two seekers; and exactly so where it is 0 or 1."""
    alike = {persona: [] for persona in PERSONAS}
    for mine, seekers in deals(people=people, similarity=similarity, seekers=2):
        alike[mine] += [need(*pair) == need(mine, pair[1]) for pair in seekers]
        assert all((pair in HELD_OUT) == (people == "unseen") for pair in seekers)
    for found in alike.values():
        error = 4 * np.sqrt(similarity * (1 - similarity) / len(found))
        assert abs(np.mean(found) - similarity) <= error


@pytest.mark.parametrize("people", ["seen", "unseen"])
def test_every_person_of_a_kind_is_dealt_and_every_need_about_as_often(people):
    """So that no act is a better guess than another, whoever is met."""
    dealt = Counter(pair for _, seekers in deals(people=people) for pair in seekers)
    kind = {pair for pair in product(PERSONAS, SITUATIONS) if (pair in HELD_OUT) == (people == "unseen")}
    assert set(dealt) == kind
    needs = Counter[str]()
    for pair, count in dealt.items():
        needs[need(*pair)] += count
    assert all(abs(needs[act] / N - 1 / 6) < 4 * np.sqrt(5 / 36 / N) for act in OFFER.names)


def talk(tells, reply, act=None):
    """The judgement of a seeker's reply, after an act that meets its need or is given."""
    env = make(ID, tells=tells)
    env.reset(seed=5)
    needed = env.scenario.needs[0]
    env.step("I lost my job.")
    env.step(OFFER.texts(act or needed)[0])
    wish = WISH.texts(act=needed)[0]
    other = WISH.texts(act=next(name for name in OFFER.names if name != needed))[0]
    env.step(reply.format(wish=wish, other=other))
    return env.dialogue.outcome.judgements[0]


@pytest.mark.parametrize(
    ("tells", "reply", "faithful"),
    [
        (1.0, "{wish} Thank you so much.", True),
        (1.0, "Thank you so much.", True),  # no card asks for it
        (1.0, "{other} Thank you so much.", False),
        (1.0, "{wish} {other} Thank you so much.", False),
        (0.0, "Thank you so much.", True),
        (0.0, "{wish} Thank you so much.", False),
        (0.0, "{wish} That is not it.", False),
        (1.0, "{wish} That is not it.", False),
    ],
)
def test_a_wish_is_faithful_if_it_is_ones_own_and_not_to_be_kept(tells, reply, faithful):
    judgement = talk(tells, reply)
    assert judgement.valid
    assert judgement.faithful is faithful


@pytest.mark.parametrize("tells", [0.0, 0.3, 1.0])
def test_seekers_keep_their_wish_as_often_as_tells_has_it_and_their_cards_say_so(tells):
    scene, rng = spec(ID).build(tells=tells), np.random.default_rng(2)
    secretive = np.mean([scene.reset(rng).cards[1].endswith("You keep your wish to yourself.") for _ in range(N)])
    assert abs(1 - secretive - tells) <= 4 * np.sqrt(tells * (1 - tells) / N)


def test_a_scenario_judges_nothing_by_a_card_of_before():
    scene = spec(ID).build(tells=0.5)
    rng = np.random.default_rng(3)
    for _ in range(20):
        card = scene.reset(rng).cards[1]
        scene.hear((Message(1, "I lost my job."),))
        scene.hear((Message(0, OFFER.texts(scene.needs[0])[0]),))
        reply = f"{WISH.texts(act=scene.needs[0])[0]} Thank you so much."
        judgement = scene.hear((Message(1, reply),)).judgements[0]
        assert judgement.faithful is not card.endswith("to yourself.")


@pytest.mark.parametrize("scenario", ["hidden_needs-v0", "hidden_needs-v1"])
@pytest.mark.parametrize("knobs", [{}, {"turns": 3}, {"turns": 2, "seekers": 2}])
def test_a_silent_seeker_is_paid_and_says_nothing(scenario, knobs):
    world = World(scenario, {"silence": 1.0, **knobs}, {"seeker": people(scenario)["seeker"]()}, 0)
    helper = people(scenario, "corpus")["helper"]()
    for episode in world.run_episodes(helper, 30, "silence"):
        assert episode.status == "terminated"
        seekers = len(episode.agents) - 1
        said = [turn.message.speaker for turn in episode.turns]
        assert [speaker for speaker in said if speaker] == [*range(1, seekers + 1)]  # each opens, and that is all
        assert seekers <= said.count(0) <= seekers * knobs.get("turns", 1)
        paid = [turn.rewards for turn in episode.turns if turn.message.speaker == 0]
        assert all(
            sum(rewards[1:]) == float(turn.judgement.facts["met"])
            for rewards, turn in zip(paid, [turn for turn in episode.turns if turn.message.speaker == 0], strict=True)
        )


def test_seekers_are_silent_as_often_as_the_knob_has_it():
    world = World(ID, {"silence": 0.7}, {"seeker": people(ID)["seeker"]()}, 0)
    episodes = world.run_episodes(people(ID)["helper"](), 400, "silence")
    silent = np.mean([len(episode.turns) == 2 for episode in episodes])
    assert abs(silent - 0.7) < 0.1
