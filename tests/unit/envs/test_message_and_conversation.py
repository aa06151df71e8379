import pytest

from goldenrule.envs import NARRATOR, Conversation, Message, View

AGENTS = ("a_0", "b_0", "c_0")
CARDS = ("card a", "card b", "card c")
SAID = (Message(NARRATOR, "Hello."), Message(0, "to b", (1,)), Message(1, "to all"), Message(2, "to myself", ()))


def test_a_message_cannot_be_altered():
    with pytest.raises(AttributeError):
        SAID[0].text = "other"  # type: ignore[misc]


@pytest.mark.parametrize(("agent", "heard"), [(0, [0, 1, 2]), (1, [0, 1, 2]), (2, [0, 2, 3])])
def test_seen_by_is_ones_own_card_and_what_one_hears(agent, heard):
    view = Conversation(AGENTS, CARDS, SAID).seen_by(agent)
    assert view == View(AGENTS, agent, CARDS[agent], tuple(SAID[i] for i in heard))


def test_append_leaves_the_conversation_as_it_was():
    talk = Conversation(AGENTS, CARDS)
    longer = talk.append(*SAID)
    assert talk.messages == ()
    assert longer.messages == SAID


def test_in_anothers_shoes_the_card_stays_mine_and_what_it_did_not_hear_is_gone():
    mine = Conversation(AGENTS, CARDS, SAID).seen_by(2)
    theirs = mine.in_the_shoes_of(0)
    assert (theirs.me, theirs.card) == (0, "card c")
    assert theirs.messages == (SAID[0], SAID[2])


@pytest.mark.parametrize("agent", [-1, 3])
def test_in_nobodys_shoes(agent):
    with pytest.raises(ValueError, match=r"agent index -?\d is not at the table; expected 0 to 2 \(a_0, b_0, c_0\)"):
        Conversation(AGENTS, CARDS).seen_by(0).in_the_shoes_of(agent)


def test_say_appends_a_message_of_ones_own():
    view = View(AGENTS, 1, "card b").say("hi", (0,))
    assert view.messages == (Message(1, "hi", (0,)),)
