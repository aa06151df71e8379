"""People never met: what is held out is heard by nobody who learns, and met in the evaluation made for it.

What is held out is computed here from what the scenarios declare, by the rule itself.
"""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import chain

import numpy as np
import pytest

from goldenrule.agents.networks.three_module import NetworkConfig
from goldenrule.agents.networks.tokenizer import DialogueTokenizer
from goldenrule.agents.scripted import people, person, population
from goldenrule.agents.world import World, seat_name
from goldenrule.benchmarks.evaluation import run
from goldenrule.benchmarks.evaluation.run import Cell, CellSettings
from goldenrule.envs.registry import spec
from goldenrule.envs.scenarios.campsite.dialogue_acts import WORDS
from goldenrule.envs.scenarios.campsite.participants import REASONS
from goldenrule.envs.scenarios.false_belief import language
from goldenrule.envs.scenarios.hidden_needs import (
    CUES,
    HELD_OUT,
    OFFER,
    PERSONAS,
    REPLY,
    SITUATION_PHRASES,
    SITUATIONS,
    TELL,
    need,
)
from goldenrule.envs.scenarios.moves import PUZZLED
from goldenrule.envs.scenarios.third_party import NAMES, REACTION, REQUESTS
from goldenrule.envs.scenarios.third_party import REPLY as ASKER_REPLY
from goldenrule.training.methods.rlhf import annotated_dialogues
from goldenrule.training.pretraining.base_model import BASES, further_items
from goldenrule.training.pretraining.corpus import CorpusConfig, sample_items, texts

HIDDEN, FALSE, THIRD, CAMP = "hidden_needs-v0", "false_belief-v0", "third_party-v0", "campsite-v0"
UNSEEN = {"people": "unseen"}


def last(groups):
    return [group[-1] for group in groups if len(group) >= 3]


def plain(moves):
    return last(move.phrases for move in moves if isinstance(move.phrases, tuple))


KEPT = {
    HIDDEN: [*last(SITUATION_PHRASES.values()), *last(CUES.values()), *plain(REPLY.moves)],
    THIRD: [
        *[text.format(name=name) for text in last(REQUESTS.values()) for name in NAMES],
        *plain((*ASKER_REPLY.moves, *REACTION.moves)),
    ],
    FALSE: [
        *[text.format(thing=thing) for text in last(language.QUESTIONS.values()) for thing in language.THINGS],
        PUZZLED[-1],
    ],
    CAMP: [
        *plain(WORDS.moves),
        *last(chain(*REASONS.values())),
        *[f"My top priority is {issue}" for issue in ("food", "water", "firewood")],
    ],
}
"""Phrasings of partners that are kept for people never met."""
N_MOVES = {HIDDEN: 8 + 6 + 3, THIRD: 12 * len(NAMES) + 4 + 2, FALSE: 3 * len(language.THINGS) + 1, CAMP: 10 + 6 + 3}


def kept_in(scenario, lines):
    """The held-out phrasings that are in some of these texts."""
    said = "\n".join(lines).lower()
    return {text for text in KEPT[scenario] if text.lower() in said}


def dealt(cards):
    """Persona and situation of the seekers on these cards."""
    return {pair for card in cards for pair in re.findall(r"You are (\w+)\. Trouble: (\w+)\.", card)}


def heard(episodes):
    return [text for e in episodes for text in (*e.cards, *(turn.message.text for turn in e.turns))]


def decoded(items, tokenizer):
    return [tokenizer.decode(item.encoded.ids) for item in items]


@pytest.fixture(scope="module")
def all_words():
    """A tokenizer of each scenario, made as for a base."""
    return {name: DialogueTokenizer.train(texts(name, UNSEEN, 300, 0), 400) for name in KEPT}


def test_the_rule_gives_as_many_phrasings_as_there_are_moves_with_three():
    assert {name: len(kept) for name, kept in KEPT.items()} == N_MOVES


def test_held_out_pairs_are_spread_over_personas_situations_and_needs():
    assert len(HELD_OUT) == 12
    assert [sum(p == persona for p, _ in HELD_OUT) for persona in PERSONAS] == [2] * len(PERSONAS)
    needs = [need(*pair) for pair in HELD_OUT]
    assert [needs.count(act) for act in OFFER.names] == [2] * len(OFFER.names)
    assert all(0 < sum(s == situation for _, s in HELD_OUT) < len(PERSONAS) for situation in SITUATIONS)


@pytest.mark.parametrize("scenario", KEPT)
def test_nothing_held_out_is_in_conversations_to_learn_from_whatever_the_knobs_say(scenario, all_words):
    """What a base learns from: texts for its tokenizer, dialogues of scripts, and views in every imitation."""
    lines = texts(scenario, UNSEEN, 600, 1, [UNSEEN, {}], narrated=True)
    assert kept_in(scenario, lines) == set()
    for imitation in ("observed", "reenacted"):
        corpus = CorpusConfig(scenario, UNSEEN, seat_name(scenario, "learner"), imitation, imitated_share=1.0)
        read = decoded(sample_items(corpus, all_words[scenario], 200, 2), all_words[scenario])
        assert len(read) > 200
        assert kept_in(scenario, read) == set()
        assert not dealt(read) & HELD_OUT
    assert not dealt(lines) & HELD_OUT


def test_nothing_held_out_is_in_the_further_views_of_a_base(all_words):
    config = replace(BASES[CAMP], human={}, cards=0.0, network=NetworkConfig(0, context=256))
    corpus = CorpusConfig(CAMP, {}, "camper_0")
    items = further_items(config, corpus, all_words[CAMP], {}, 300, 1)
    assert len(items) > 90
    assert kept_in(CAMP, decoded(items, all_words[CAMP])) == set()


def test_nothing_held_out_is_heard_while_a_learner_learns(make_learner):
    learner = make_learner(corpus=True, dialogues=200, interleave=64)
    rollout = heard(learner.collect(0))
    shown = heard(annotated_dialogues(learner, 100))
    interleaved = decoded(learner._pool, learner.tokenizer)
    for lines in (rollout, shown, interleaved):
        assert dealt(lines)
        assert not dealt(lines) & HELD_OUT
        assert kept_in(HIDDEN, lines) == set()


def test_training_is_among_people_seen_whomever_it_is_evaluated_with(monkeypatch):
    """A cell with `people=unseen` trains and interleaves as any other; its evaluation deals what it names."""
    learnt = []

    class StopError(Exception):
        pass

    def stop(*given):
        learnt.extend(given)
        raise StopError

    monkeypatch.setattr(run, "Learner", stop)
    with pytest.raises(StopError):
        Cell("naive_kindness", HIDDEN, UNSEEN, 0, CellSettings(episodes=2)).run()
    world, corpus = (one for one in learnt if isinstance(one, World | CorpusConfig))
    assert world.knobs["people"] == corpus.knobs["people"] == "seen"
    assert not dealt(card for seed in range(200) for card in _cards(HIDDEN, world.knobs, seed)) & HELD_OUT
    evaluated = Cell("scripted", HIDDEN, UNSEEN, 0, CellSettings(episodes=40, partner="scripted")).run()
    assert dealt(card for one in evaluated.episodes for card in one["cards"]) <= HELD_OUT


def _cards(scenario, knobs, seed):
    scene = spec(scenario).build(**knobs)
    return scene.reset(np.random.default_rng(seed)).cards


@pytest.mark.parametrize(
    ("scenario", "style"), [(name, style) for name in KEPT for style in ("corpus", *population(name))]
)
def test_no_other_scripted_person_says_what_is_held_out(scenario, style):
    names = spec(scenario).build().agents
    world = World(scenario, {}, {name: person(scenario, name, style) for name in names}, 0)
    lines = heard(world.run_episodes(person(scenario, names[0], style), 150, "x"))
    assert kept_in(scenario, lines) == set()


@pytest.mark.parametrize("scenario", KEPT)
def test_people_never_met_say_what_is_held_out_and_no_other_way_where_there_is_one(scenario):
    learner = seat_name(scenario, "learner")
    names = [name for name in spec(scenario).build().agents if name != learner]
    others = {name: person(scenario, name, "unseen") for name in names}
    world = World(scenario, UNSEEN, others, 0)
    episodes = world.run_episodes(people(scenario, "corpus")[learner.rpartition("_")[0]](), 400, "x")
    said = [turn.message.text for e in episodes for turn in e.turns if turn.message.speaker != world.learner]
    # Of moves that are rare or impossible here (someone else's name, an end without a deal) some are not heard.
    assert len(kept_in(scenario, [*said, *(card for e in episodes for card in e.cards)])) > 0.2 * len(KEPT[scenario])
    if scenario == HIDDEN:
        seen = {text for group in (*TELL.phrases.values(), *CUES.values()) for text in group[:-1]}
        seen |= {text for name in ("thanks", "refusal", "puzzled") for text in REPLY[name].phrases[:-1]}
        assert not [text for text in seen if any(text in line for line in said)]
        assert kept_in(HIDDEN, said) == set(KEPT[HIDDEN])
        assert dealt(card for e in episodes for card in e.cards) == HELD_OUT
    assert all(turn.judgement.valid for e in episodes for turn in e.turns if turn.message.speaker != world.learner)
    assert all(turn.judgement.faithful is not False for e in episodes for turn in e.turns_of(world.partner))


@pytest.mark.parametrize("scenario", KEPT)
@pytest.mark.parametrize("whom", ["seen", "unseen"])
def test_candidates_of_partners_are_in_the_words_of_those_dealt(scenario, whom):
    scene = spec(scenario).build(people=whom)
    for seed in range(40):
        cards = scene.reset(np.random.default_rng(seed)).cards
        partner = spec(scenario).partner_seats(scene.agents)[0]
        if scenario == CAMP:
            assert bool(kept_in(CAMP, cards)) == (whom == "unseen")
        elif scenario in (HIDDEN, THIRD):  # these begin with the partner
            offered = [text for text in scene.candidates(partner) if text]
            assert [bool(kept_in(scenario, [text])) for text in offered] == [whom == "unseen"] * len(offered)
            assert len(set(offered)) == len(offered)


def test_a_row_tells_of_people_never_met_and_of_words_never_heard_apart_from_all_else():
    result = Cell("scripted", HIDDEN, {}, 3, CellSettings(episodes=60, partner="scripted")).run()
    parts = {part: [one for one in result.unseen if one["unmet"] == part] for part in ("people", "words")}
    assert [len(some) for some in parts.values()] == [15, 15]
    assert dealt(card for one in parts["people"] for card in one["cards"]) <= HELD_OUT
    for episodes in (parts["words"], result.episodes):
        assert not dealt(card for one in episodes for card in one["cards"]) & HELD_OUT
    openings = {part: {one["turns"][0]["text"] for one in some} for part, some in parts.items()}
    kept = {phrases[-1] for phrases in SITUATION_PHRASES.values()}
    assert all(any(phrase in text for phrase in kept) for text in openings["words"])
    assert not any(phrase in text for phrase in kept for text in openings["people"])
    for part, key in (("people", "unseen_partner_reward"), ("words", "unheard_partner_reward")):
        paid = [sum(turn["rewards"][1] for turn in one["turns"]) for one in parts[part]]
        assert result.row[key] == pytest.approx(sum(paid) / 15)
        assert result.row[f"{key}_estimate"] is None  # a script imagines nobody
    assert result.row["episodes"] == len(result.episodes) == 60


def test_where_only_words_are_kept_nobody_counts_as_never_met():
    result = Cell("scripted", "third_party-v0", {}, 3, CellSettings(episodes=8, partner="scripted")).run()
    assert {one["unmet"] for one in result.unseen} == {"words"}
    assert result.row["unseen_partner_reward"] is None
    assert result.row["unheard_partner_reward"] is not None
