"""How moves are declared and how texts are understood as moves."""

from __future__ import annotations

from typing import ClassVar

import pytest

from goldenrule.envs import Judgement, Outcome, Start, make
from goldenrule.envs.scenarios import hidden_needs as hidden_needs_words
from goldenrule.envs.scenarios import third_party as third_party_words
from goldenrule.envs.scenarios.campsite.language import DEALS
from goldenrule.envs.scenarios.false_belief import language as false_belief_words
from goldenrule.envs.scenarios.move_scenario import MoveScenario
from goldenrule.envs.scenarios.moves import PUZZLED, Argument, Book, Made, Move, sentences

PLACE = Argument("place", ("box", "jar"))
LOOK = Move("look", "Say where it is.", ("The {place}.", "It is the {place}."), (PLACE,), pays="1 if right")
NOD = Move("nod", "Agree.", ("Yes.", "Of course!"))
BOOK = Book("helper", (LOOK, NOD), asides=(Move("opener", "Begin.", ("Hm.",)),), when="when asked")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("I  hear you.", ["i hear you"]),
        ("Oh! What? Well...", ["oh", "what", "well"]),
        ("Ben's coat, please", ["ben s coat please"]),
        ("?! .", []),
        ("", []),
    ],
)
def test_sentences_have_no_case_punctuation_or_runs_of_space(text, found):
    assert sentences(text) == found


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("yes", Made("nod")),
        ("Yes. Of course!", Made("nod")),
        ("Hm. Yes.", Made("nod")),
        ("it is the BOX! The box.", Made("look", (("place", "box"),))),
        ("The box. The jar.", None),
        ("Yes. The jar.", None),
        ("Yes. Perhaps.", None),
        ("Hm.", None),
        ("", None),
    ],
)
def test_a_message_makes_at_most_one_move(text, made):
    assert BOOK.understand(text) == made
    assert BOOK.move_in(text) == (made and made.move)


def test_what_is_said_beside_a_move_is_told_and_who_understood_it():
    made = BOOK.understand("Hm. It is the jar.")
    assert made["place"] == "jar"
    assert (made.asides, made.by) == ({("opener", ())}, "phrases")


def test_every_phrase_of_a_book_makes_its_move():
    assert BOOK.texts("look", place="jar") == ("The jar.", "It is the jar.")
    offered = [text for move in BOOK.moves for text, _ in move.ways()]
    assert offered == ["The box.", "It is the box.", "The jar.", "It is the jar.", "Yes.", "Of course!"]
    assert all(BOOK.move_in(text) for text in offered)


def test_the_first_argument_changes_fastest():
    put = Move("put", "Put it.", ("{thing} {place}",), (Argument("thing", ("key", "coin")), PLACE))
    assert [text for text, _ in put.ways()] == ["key box", "coin box", "key jar", "coin jar"]
    assert [*put.choices({"place": ("jar",)})] == [{"thing": thing, "place": "jar"} for thing in ("key", "coin")]


def test_phrases_that_depend_on_an_argument():
    kind = Argument("kind", ("warm", "cold"))
    say = Move("say", "Say how it is.", {"warm": ("It is hot.",), "cold": ("It is icy. Brr.",)}, (kind,))
    book = Book("helper", (say,), whole=True)
    assert book.understand("it is icy! BRR")["kind"] == "cold"
    assert book.understand("It is icy brr.") is None  # a phrase of two sentences has its stops
    assert book.understand("It is hot. It is hot.") is None
    assert book.texts("say", kind="warm") == ("It is hot.",)
    assert dict(say.ways()) == {"It is hot.": (("kind", "warm"),), "It is icy. Brr.": (("kind", "cold"),)}


def test_a_move_that_counts_alone_is_an_aside_beside_another():
    book = Book("seeker", (NOD, Move("hint", "Hint.", ("It is late.",), alone=True)))
    assert book.understand("It is late. It is late.") == Made("hint")
    assert book.understand("Yes. It is late.") == Made("nod")


def test_a_phrase_of_two_moves_is_refused():
    with pytest.raises(ValueError, match=r"'Yes\.' means nod and agree; expected one move a phrase"):
        Book("helper", (NOD, Move("agree", "Agree.", ("Yes.",)))).understand("Yes.")


def test_a_book_describes_its_moves():
    assert BOOK.describe().splitlines() == [
        "helper, when asked:",
        "  look <place>: Say where it is. Pays 1 if right. For example 'The box.'",
        "  nod: Agree. For example 'Yes.'",
    ]


@pytest.mark.parametrize("scenario_id", ["hidden_needs-v0", "third_party-v0", "false_belief-v0"])
def test_every_candidate_makes_a_move_of_its_speaker(scenario_id):
    env = make(scenario_id)
    for seed in range(5):
        env.reset(seed=seed)
        while not any((*env.terminations.values(), *env.truncations.values())):
            here = env.scenario
            offered = [text for text in here.candidates(env.dialogue.waiting[0]) if text]
            assert all(here.books[here.phase].understand(text) for text in offered)
            env.step(offered[seed % len(offered)])


class Looking(MoveScenario):
    """The helper names a place, the seeker says whether it is the one."""

    agents, n_candidates, max_turns = ("helper_0", "seeker_0"), 6, 2
    books: ClassVar = {
        "look": BOOK,
        "answer": Book("seeker", (Move("yes", "It is.", ("Yes!",), tells=1.0), Move("no", "It is not.", ("No.",)))),
    }
    phase = "look"

    def reset(self, rng):
        return Start(("", ""))

    def take(self, message, made):
        return Outcome((0.0, 0.0), (Judgement(),))

    def allowed(self, agent):
        return {"place": ("jar",)}


def test_candidates_and_readings_come_from_the_books():
    here = Looking()
    assert here.candidates(0) == ("The jar.", "It is the jar.", "Yes.", "Of course!", "", "")
    assert here.candidates(1) == ("Yes!", "No.", "", "", "", "")  # what it may say later: never nothing at all
    assert here.speakers() == (0,)
    mute = type("Mute", (Looking,), {"books": {"look": BOOK}})()
    assert mute.candidates(1) == ("",) * 6  # a role without moves
    assert [here.read(text) for text in ("yes", "No!", "The jar.", "")] == [1.0, None, None, None]
    assert here.manual.splitlines()[-2:] == [
        "  yes: It is. For example 'Yes!'",
        "  no: It is not. For example 'No.'",
    ]


@pytest.mark.parametrize("phrase", PUZZLED)
def test_puzzled_people_are_understood_in_every_scenario(phrase):
    assert hidden_needs_words.reply_kind(phrase) == third_party_words.reply_kind(phrase) == "puzzled"
    assert false_belief_words.read_reply(phrase) == false_belief_words.Reading()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("I lost my job.", ("job", set())),
        ("I lost my job. My job is gone. I hardly sleep.", ("job", {"anxious"})),
        ("I hardly sleep. Nobody calls me. My dog died.", ("loss", {"anxious", "lonely"})),
        ("I lost my job. My dog died.", None),
        ("I lost my job. What do you mean?", None),
        ("I hardly sleep.", None),
        ("", None),
    ],
)
def test_an_opening_of_hidden_needs_tells_of_one_situation(text, told):
    made = hidden_needs_words.OPENING.understand(text)
    assert told == (made and (made["situation"], {dict(values)["persona"] for _, values in made.asides}))


def test_a_scenario_without_a_manual_is_described_by_its_moves():
    made = type("Nodding", (MoveScenario,), {"books": {"nod": BOOK}})
    assert made.manual == BOOK.describe()
    assert hidden_needs_words.HiddenNeeds.manual.startswith("A seeker tells of a trouble")


def test_deal_messages_of_campsite_are_moves():
    texts = [text for move in DEALS.moves for text, _ in move.ways()]
    assert len(texts) == 67
    assert all(DEALS.move_in(text) in DEALS.names for text in texts)
    assert DEALS.understand("Fine. submit-deal: I get 1 water, 2 food, and 0 firewood?")["packages"] == (
        "2 food, 1 water, 0 firewood"
    )
    assert DEALS.move_in("Accept-Deal. Walk-Away.") == "malformed"
    assert DEALS.understand("I need food.") is None
