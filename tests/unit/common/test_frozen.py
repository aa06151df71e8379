"""`quick_init`: a dataclass is made as before, and as frozen."""

from __future__ import annotations

import copy
import inspect
import pickle
from collections.abc import Mapping
from dataclasses import FrozenInstanceError, dataclass, field, replace

import pytest

from goldenrule.common.frozen import quick_init


@dataclass(frozen=True, slots=True)
class Plain:
    one: int
    two: str = "two"
    three: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.one < 0:
            raise ValueError("one is below 0")


@quick_init
@dataclass(frozen=True, slots=True)
class Quick:
    one: int
    two: str = "two"
    three: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.one < 0:
            raise ValueError("one is below 0")


@pytest.mark.parametrize("given", [(1,), (1, "b"), (1, "b", {"c": 3})])
def test_it_takes_what_the_dataclass_takes(given) -> None:
    by_name = dict(zip(("one", "two", "three"), given, strict=False))
    plain = Plain(*given)
    for quick in (Quick(*given), Quick(**by_name), replace(Quick(0), **by_name)):
        assert (quick.one, quick.two, quick.three) == (plain.one, plain.two, plain.three)
    assert quick == Quick(*given) == copy.deepcopy(quick) == pickle.loads(pickle.dumps(quick))
    assert repr(quick) == repr(plain).replace("Plain", "Quick")
    assert inspect.signature(Quick) == inspect.signature(Plain)


def test_it_refuses_what_the_dataclass_refuses() -> None:
    for cls in (Plain, Quick):
        with pytest.raises(TypeError, match="missing 1 required positional argument: 'one'"):
            cls()
        with pytest.raises(TypeError, match="unexpected keyword argument 'four'"):
            cls(1, four=4)
        with pytest.raises(ValueError, match="below 0"):
            cls(-1)
        with pytest.raises(FrozenInstanceError):
            cls(1).one = 2


def test_a_default_that_is_made_is_nobody_elses() -> None:
    assert Quick(1).three is not Quick(1).three
