"""R as one's own: fitted to one's own rewards in the other's place, and to nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from goldenrule.envs.conversation import View
from goldenrule.envs.message import Message
from goldenrule.rewards import experience as module
from goldenrule.rewards.experience import Experience
from goldenrule.rewards.kindness import Kindness
from goldenrule.training.methods.empathetic_kindness import lived_experience

NAMES = ("helper_0", "seeker_0")


def place(told: str, said: str, card: str = "You want company.") -> View:
    return View(NAMES, 1, card, (Message(0, told), Message(1, said)))


@pytest.fixture
def lived(make_learner, monkeypatch):
    """Thanks were worth 1 and refusals nothing, whatever had been told and whatever the card."""
    monkeypatch.setattr(module, "STEPS", 60)
    learner = make_learner()
    own = Experience(learner.network, learner.tokenizer)
    words = {"Thank you, that helps.": 1.0, "That is not it.": 0.0}
    talks = [
        (place(told, said, card), paid)
        for told in ("Go on.", "Cheer up.")
        for card in ("You want advice.", "You want company.")
        for said, paid in words.items()
    ]
    error = own.fit(talks, np.random.default_rng(0))
    return own, error


def test_what_was_lived_is_expected_of_others(lived):
    own, error = lived
    assert error < 0.05
    mine = View(NAMES, 0, "You want advice.", (Message(0, "Go on."),))
    thanks, refusal = own.rate([(mine, 1, "Thank you, that helps."), (mine, 1, "That is not it.")])
    assert thanks > 0.8 > 0.2 > refusal


def test_my_card_has_no_part_in_what_anothers_words_are_worth(lived):
    own, _ = lived
    one, other = (View(NAMES, 0, card, (Message(0, "Go on."),)) for card in ("You want advice.", "Nothing."))
    assert own.rate([(one, 1, "Thank you.")]) == own.rate([(other, 1, "Thank you.")])


def test_kindness_takes_it_for_r(lived):
    own, _ = lived

    class Mind:
        def simulate(self, views, as_agent):
            return ["Thank you, that helps." if "Go" in view.messages[-1].text else "That is not it." for view in views]

    kindness = Kindness("prediction", Mind(), lambda text: None, 1, reward=own)
    view = View(NAMES, 0, "You want advice.", ())
    turns = [type("T", (), {"message": Message(0, text), "view": view})() for text in ("Go on.", "Cheer up.")]
    first, second = kindness.score(turns)
    assert first.value > second.value + 0.5
    assert first.note == "Thank you, that helps."


def test_it_is_learnt_in_the_partners_place_from_its_own_rewards_alone(make_learner, monkeypatch):
    monkeypatch.setattr(module, "STEPS", 3)
    seen = []
    monkeypatch.setattr(Experience, "fit", lambda self, lived, rng: seen.append(lived) or 0.0)
    learner = make_learner(knobs={"turns": 1})
    lived_experience(learner, 24)
    assert len(seen[0]) > 20
    for view, paid in seen[0]:
        assert view.me == view.messages[-1].speaker == 1
        assert view.card.startswith("You are")
        assert paid in (0.0, 1.0)
    lived_experience(make_learner(knobs={"turns": 1}), 24)
    assert seen[1] == seen[0]


def test_nothing_lived_is_told(make_learner):
    learner = make_learner()
    with pytest.raises(ValueError, match="nothing was lived"):
        Experience(learner.network, learner.tokenizer).fit([], np.random.default_rng(0))
