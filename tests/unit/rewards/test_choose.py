"""Choosing the draft that, in imagination, is best for the partner."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from goldenrule.agents.base import AgentError, Reply, Seen, load_agent
from goldenrule.agents.scripted import person
from goldenrule.agents.world import World
from goldenrule.benchmarks.evaluation.run import evaluate
from goldenrule.common.errors import UserError
from goldenrule.envs import make
from goldenrule.rewards.choose import Choose

DRAFTS = ["You should make a plan.", "I hear you.", "You will be fine.", "I will come over tonight."]


class Drafting:
    """Says its phrases one after the other, and imagines thanks for one of them."""

    liked = "I hear you."
    luck = 0

    def reset(self, seeds: Sequence[int]) -> None:
        self.said = 0

    def act(self, observations):
        first, self.said = self.said, self.said + len(observations)
        return [Reply(DRAFTS[(first + n) % len(DRAFTS)]) for n in range(len(observations))]

    def simulate(self, views, as_agent):
        self.asked = [view.messages[-1].text for view in views]
        return ["Thank you so much." if text == self.liked else "That is not it." for text in self.asked]

    def speak(self, views):
        return ["Please, not that." for _ in views]


class Silent:
    """Cannot imagine."""

    def reset(self, seeds: Sequence[int]) -> None: ...

    def act(self, observations):
        return [Reply("I hear you.") for _ in observations]


@pytest.fixture
def choose(monkeypatch):
    made = Drafting()
    monkeypatch.setattr("goldenrule.rewards.choose.load_agent", lambda name: made)
    return lambda **options: (Choose("drafting", **options), made)


def world():
    seeker = person("hidden_needs-v0", "seeker_0")
    return World("hidden_needs-v0", {"turns": 1}, {"seeker_0": seeker}, 0)


def test_the_draft_whose_imagined_reply_is_best_is_said(choose):
    agent, _ = choose(n=4)
    for episode in world().run_episodes(agent, 5, "test"):
        (turn,) = episode.turns_of(0)
        assert turn.message.text == "I hear you."
        assert turn.record.drafts == tuple(DRAFTS)
        assert turn.record.estimates == (0.0, 1.0, 0.0, 0.0)
        assert turn.record.estimate.value == 1.0


def test_the_estimate_of_the_winner_is_made_anew(choose, monkeypatch):
    """Of drafts that are all alike the luckiest wins; what it was lucky with is not what is told."""
    agent, made = choose(n=4)
    calls = []

    def lucky(views, as_agent):
        calls.append(len(views))
        thanks = len(calls) % 2 == 1  # the first imagining of each message is lucky, the second is not
        return ["Thank you so much." if thanks else "That is not it."] * len(views)

    monkeypatch.setattr(made, "simulate", lucky)
    (episode,) = world().run_episodes(agent, 1, "test")
    record = episode.turns_of(0)[0].record
    assert (max(record.estimates), record.estimate.value) == (1.0, 0.0)


def test_a_table_shows_what_it_thought_and_the_log_what_it_chose_by(choose, monkeypatch):
    """Also where it imagines otherwise than by prediction: the table's estimate is its own."""
    agent, made = choose(n=4, imagine="naive")
    said = iter(range(1000))
    monkeypatch.setattr(
        made, "speak", lambda views: ["Thank you so much." if next(said) % 3 == 0 else "That is not it."] * len(views)
    )
    monkeypatch.setattr(made, "simulate", lambda views, as_agent: ["Hm."] * len(views))
    found = evaluate(world(), agent, agent, "prediction", 2)
    for record in found.episodes:
        (turn,) = (turn for turn in record["turns"] if turn["speaker"] == 0)
        assert turn["scores"]["estimate"] == 0.0
        assert turn["notes"]["best_of_drafts"].count(" | ") == 3
    assert found.episodes[0]["turns"][1]["scores"]["best_of_drafts"] == 1.0


def test_one_draft_is_the_agent_itself(choose):
    agent, _ = choose(n=1)
    texts = [e.turns_of(0)[0].message.text for e in world().run_episodes(agent, 4, "test")]
    assert texts == DRAFTS


def test_naive_imagination_uses_its_own_words(choose):
    agent, _ = choose(n=2, imagine="naive")
    (episode,) = world().run_episodes(agent, 1, "test")
    assert episode.turns_of(0)[0].record.estimates == (0.0, 0.0)


def test_by_lot_drafts_are_said_evenly_and_nothing_is_imagined_of_them(choose):
    agent, _ = choose(n=4, reward="lot")
    turns = [episode.turns_of(0)[0] for episode in world().run_episodes(agent, 80, "test")]
    counts = [sum(turn.message.text == draft for turn in turns) for draft in DRAFTS]
    assert all(8 <= count <= 34 for count in counts)
    assert {turn.record.estimates for turn in turns} == {()}
    assert {turn.record.estimate.value for turn in turns} <= {0.0, 1.0}


class Short:
    """Prefers short messages."""

    name, privileged = "short", False

    def score(self, turns):
        return [-len(turn.message.text) for turn in turns]


def test_a_reward_of_the_users_own_chooses(choose, monkeypatch):
    monkeypatch.setattr("goldenrule.rewards.choose.load_reward", lambda name: Short())
    agent, _ = choose(n=4, reward="short")
    (episode,) = world().run_episodes(agent, 1, "test")
    turn = episode.turns_of(0)[0]
    assert turn.message.text == "I hear you."
    assert max(turn.record.estimates) == -len("I hear you.")
    assert turn.record.estimate is None


def test_a_deal_made_by_tag_is_imagined_as_it_will_be_heard(monkeypatch):
    """In campsite a tag's deal is heard in canonical words: what is accepted pays, what is refused does not."""

    class Camper:
        def reset(self, seeds): ...

        def act(self, observations):
            texts = ("Fine by me. [accept]", "I am not sure. [reject]")
            return [Reply(texts[n % 2]) for n in range(len(observations))]

        def simulate(self, views, as_agent):
            return ["I need water most, then food, then firewood."] * len(views)

    monkeypatch.setattr("goldenrule.rewards.choose.load_agent", lambda name: Camper())
    agent, env = Choose("camper", n=2), make("campsite-v0", language="open")
    env.reset(seed=0)
    env.step("Hi! [talk]")
    env.step("I get three water and the rest is yours. [submit: 0 food, 3 water, 0 firewood]")
    agent.sit(make("campsite-v0", language="open").scenario, (1,))
    agent.reset([0])
    (reply,) = agent.act([Seen(0, env.dialogue.view(0), None, env.scenario.tags(0))])
    assert reply.text == "Fine by me. [accept]"
    assert reply.record.estimates == (15.0, 0.0)


def test_a_reward_that_reads_the_truth_is_refused(choose, monkeypatch):
    monkeypatch.setattr(Short, "privileged", True)
    monkeypatch.setattr("goldenrule.rewards.choose.load_reward", lambda name: Short())
    with pytest.raises(UserError, match="truth"):
        choose(reward="short")


def test_it_needs_an_agent_that_imagines_and_a_place(choose, monkeypatch):
    agent, _ = choose(n=2)
    view = world().env(0).deal(0).view(0)
    with pytest.raises(AgentError, match="no place"):
        agent.act([Seen(0, view)])
    for wrong in ("n=0", "samples=0", "n=two"):
        with pytest.raises(UserError, match=wrong.partition("=")[0]):
            load_agent(f"choose(agent=hf:smollm2, {wrong})")
    monkeypatch.setattr("goldenrule.rewards.choose.load_agent", lambda name: Silent())
    with pytest.raises(UserError, match="does not imagine"):
        Choose("silent")


def test_a_partner_who_chooses_takes_its_place_too(choose):
    agent, made = choose(n=2)
    made.act = lambda observations: [Reply("Thank you, that is it.") for _ in observations]
    script = person("hidden_needs-v0", "helper_0")
    (episode,) = World("hidden_needs-v0", {"turns": 1}, {"seeker_0": agent}, 0).run_episodes(script, 1, "test")
    assert next(turn.record.drafts for turn in episode.turns_of(1)) == ("Thank you, that is it.",) * 2
