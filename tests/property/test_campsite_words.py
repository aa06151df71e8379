"""Deal messages and points of campsite-v0, over all deals and any text."""

from __future__ import annotations

from itertools import permutations

from hypothesis import given
from hypothesis import strategies as st

from goldenrule.envs import make
from goldenrule.envs.scenarios.campsite.dialogue_acts import proxy, sense
from goldenrule.envs.scenarios.campsite.language import (
    ALLOCATIONS,
    ISSUES,
    Deal,
    efficient,
    packages_text,
    parse_deal,
    points,
    read,
    rest,
    stated_needs,
    submit,
)
from goldenrule.envs.scenarios.campsite.participants import ORDERS

deals = st.sampled_from(ALLOCATIONS)
orders = st.sampled_from(ORDERS)
spaces = st.sampled_from(["", " ", "   ", "\t"])
texts = st.text(st.characters(codec="utf-8"), min_size=1, max_size=80)
fragments = st.lists(
    st.sampled_from(
        "submit - deal : i get 2 4 0 food water firewood , . ? accept reject walk away Submit-Deal: Accept-Deal".split()
    ),
    min_size=1,
    max_size=16,
).map(" ".join)


@given(deals, st.permutations(range(3)), spaces, st.booleans(), st.sampled_from(["", "Hello. ", "How about this? "]))
def test_a_deal_is_read_in_any_case_spacing_and_order(mine, order, space, shout, before):
    items = f"{space},{space}".join(f"{mine[i]} {space}{ISSUES[i]}" for i in order)
    text = f"{before}Submit{space}-{space}Deal{space}:{space}I get {space}{items}{space}"
    assert parse_deal(text.upper() if shout else text) == Deal("submit", mine)


@given(deals)
def test_the_canonical_text_comes_back(mine):
    assert parse_deal(submit(mine)) == Deal("submit", mine)
    assert parse_deal(f"{submit(mine)}. Are you happy with this deal?") == Deal("submit", mine)


@given(deals, st.integers(4, 10**6), st.integers(0, 2))
def test_more_than_three_packages_are_refused(mine, count, place):
    asked = [*mine]
    asked[place] = count
    assert parse_deal(f"Submit-Deal: I get {packages_text(tuple(asked))}") == Deal("malformed")


@given(st.one_of(texts, fragments))
def test_any_text_is_taken_without_error(text):
    deal = parse_deal(text)
    assert deal is None or (deal.kind == "submit") == (deal.mine is not None)
    assert deal is None or deal.mine is None or deal.mine in ALLOCATIONS
    assert 0.0 <= proxy(text) <= 1.0
    assert read(text) is None or 0.0 <= read(text) <= 1.0
    assert sense(text) in (True, False, None)
    assert stated_needs(text).top in (None, *ISSUES)


@given(texts)
def test_words_alone_never_end_the_talk(text):
    env = make("campsite-v0")
    env.reset(seed=0)
    env.step(text)
    assert not env.dialogue.outcome.done or parse_deal(text) == Deal("walk")


@given(orders, deals)
def test_points_are_those_of_the_table(order, mine):
    worth = dict(zip(order, (5, 4, 3), strict=True))
    assert points(order, mine) == sum(worth[issue] * n for issue, n in zip(ISSUES, mine, strict=True))
    assert points(order, mine) + points(order, rest(mine)) == 36


@given(orders, orders)
def test_efficient_deals_are_those_that_nothing_beats(first, second):
    """Against a brute force over the points of both."""
    worth = [(points(first, m), points(second, rest(m))) for m in ALLOCATIONS]
    for mine, (a, b) in zip(ALLOCATIONS, worth, strict=True):
        beaten = any((x > a and y >= b) or (x >= a and y > b) for x, y in worth)
        assert (mine in efficient(first, second)) == (not beaten)


def test_all_orders_are_there():
    assert sorted(ORDERS) == sorted(permutations(ISSUES))
