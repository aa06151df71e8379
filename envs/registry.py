"""The registry of scenarios: versioned ids, typed knobs, roles. Third parties register theirs with `register`."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pettingzoo

from goldenrule.common.data import has
from goldenrule.common.errors import UserError, closest
from goldenrule.common.plugins import check_callable, find_plugin, installed, load_object
from goldenrule.common.text import kind_of, typed
from goldenrule.common.untrusted import contained, one_line
from goldenrule.envs.scenarios.base import Scenario
from goldenrule.envs.scenarios.understanding import LANGUAGES, PAYS, Reader, Understanding

KnobValue = bool | int | float | str
OPTIONS = ("max_cycles", "mode", "private", "max_length", "render_mode")
"""Settings of every environment; `goldenrule.envs.make` takes them beside the knobs."""
TAKEN = (*OPTIONS, "api", "scenario_id", "id")
"""Names that no knob may have: what is given under them goes elsewhere."""

Range = tuple[float, float]
ANY: Range = (-math.inf, math.inf)
SHARE: Range = (0.0, 1.0)


@dataclass(frozen=True, slots=True)
class Knob:
    """One setting of a scenario.

    Attributes:
        name: keyword argument of the scenario's factory.
        default: its default; its type is the knob's type.
        doc: what it means, in a line.
        low, high: inclusive range of a number.
        choices: allowed values of a text.
        transfers: to which other values it carries over what a network has learnt under some. `any`: it changes only
            how often a case occurs, or what it pays; `less`: a lower value only cuts talks short; `between`: to those
            between the values learnt from.
    """

    name: str
    default: KnobValue
    doc: str
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    transfers: Literal["any", "less", "between"] = "between"

    def known(self, value: KnobValue, learnt: Collection[KnobValue]) -> bool:
        """Whether a network that has learnt under the values `learnt` has learnt what talks under `value` are like."""
        if self.transfers == "any" or value in learnt:
            return True
        if isinstance(self.default, bool | str):
            return False
        numbers = [float(one) for one in learnt]
        low = -math.inf if self.transfers == "less" else min(numbers)
        return low <= float(value) <= max(numbers)

    @property
    def range(self) -> str:
        """The allowed values, in words."""
        if self.choices:
            return " | ".join(self.choices)
        if isinstance(self.default, bool):
            return "true | false"
        kind = type(self.default).__name__
        if self.low is None and self.high is None:
            return kind
        low = "-inf" if self.low is None else f"{self.low:g}"
        high = "inf" if self.high is None else f"{self.high:g}"
        return f"{kind} in [{low}, {high}]"

    def parse(self, value: Any, scenario: str = "") -> KnobValue:
        """`value` (perhaps text from a command line) as this knob's type.

        Args:
            value: of any kind.
            scenario: whose knob it is, for the error.

        Raises:
            ValueError: wrong type or out of range; the message names the knob, the value and what is allowed.
        """
        parsed = _convert(value, type(self.default))
        if parsed is None or not self._allows(parsed):
            whose = f"{scenario}: " if scenario else ""
            raise UserError(f"{whose}knob {self.name}={typed(value)} is not allowed; expected {self.range}")
        return parsed

    def _allows(self, value: KnobValue) -> bool:
        if self.choices:
            return value in self.choices
        if isinstance(value, bool | str):
            return True
        if value != value:  # NaN is in no range
            return False
        return (self.low is None or value >= self.low) and (self.high is None or value <= self.high)


def _convert(value: Any, kind: type) -> KnobValue | None:
    if kind is bool:
        if isinstance(value, bool):
            return value
        return {"true": True, "false": False}.get(str(value).lower())
    # Python's own reading of numbers takes `1_0` and other scripts' digits too.
    odd = kind is not str and isinstance(value, str) and (not value.isascii() or "_" in value)
    if odd or isinstance(value, bool):
        return None
    try:
        if kind is int:
            return int(value) if isinstance(value, str) or value == int(value) else None
        return float(value) if kind is float else str(value)
    except (TypeError, ValueError, OverflowError):
        return None


PEOPLE = Knob(
    "people", "seen", "whom one meets: people that agents learn from, or others", choices=("seen", "unseen"),
    transfers="any",
)  # fmt: skip
"""Of scenarios that keep some people and words out of all that agents learn from (`ScenarioSpec.among`)."""

NO_READER = "none"
COMMON_KNOBS = (
    Knob("max_length", 2000, "characters a message may have", 1, 100_000, transfers="any"),
    Knob(
        "language",
        "phrases",
        "what is understood: a phrase book, or free words too",
        choices=LANGUAGES,
        transfers="any",
    ),
    Knob("pay", "tag", "in free words: what is paid, the tag or always the words", choices=PAYS, transfers="any"),
    Knob("reader", NO_READER, "in free words: who reads what is no phrase (embedding: extra open)", transfers="any"),
)
"""Options of every environment that can be set like a knob. They are in what `resolve` returns only where given, so
that a run at their defaults is known by its scenario's knobs alone."""


@dataclass(frozen=True, slots=True)
class EpisodeMetrics:
    """Metrics that a scenario has beside those of every scenario; a run's are means over its finished episodes.

    Attributes:
        name: key of the group, in rows and tables: `negotiation`.
        ranges: valid range of each metric, by name.
        of_episode: from an episode record (`turns`, each with the `facts` of its judgement) and the seats of learner
            and partner to the metrics; `None` where one is not defined for the episode.
    """

    name: str
    ranges: Mapping[str, Range]
    of_episode: Callable[[Mapping[str, Any], int, int], Mapping[str, float | None]]


@dataclass(frozen=True, slots=True)
class HumanReference:
    """Human dialogues that a scenario is modelled on.

    Attributes:
        data: the data set, by its name in `goldenrule.common.data.SOURCES`.
        knobs: under which the people of the data are dealt: an experiment's defaults where the data are here.
        reached: for each dialogue, in a fixed order, the scenario's own metrics as people reached them: one value, or
            one a person, or none where it is not defined. Raises `DataError` where the data are not here.
    """

    data: str
    knobs: Mapping[str, KnobValue]
    reached: Callable[[], Sequence[Mapping[str, Sequence[float]]]]


@dataclass(frozen=True, slots=True)
class ScenarioSpec:
    """What is known of a scenario without making one.

    Attributes:
        id: versioned id, `name-vN`; results under one id are comparable.
        doc: what it is about, in a line.
        factory: makes the scenario from knob values.
        knobs: its settings.
        learner: role (`helper` means `helper_0`) or seat (`camper_0`) that learns by default.
        partner: role or seat whose reward kindness is about.
        modes: ways to act: `text`, `choice`.
        discount: what a later message's reward counts for an earlier one of the same speaker, 0 to 1: 0 where each
            message is paid for itself, 1 where only the end of the talk pays.
        reward_ranges: from the knobs, possibly not all, to the range of what an episode pays `learner` and `partner`
            (several partners together); what is missing may be anything.
        metrics: the scenario's own, if any.
        human: the human dialogues it is modelled on, if any.
        keeps_people: from the knobs to whether some people, not only some words, are kept from all learning.
    """

    id: str
    doc: str
    factory: Callable[..., Scenario]
    knobs: tuple[Knob, ...]
    learner: str
    partner: str
    modes: tuple[str, ...] = ("text", "choice")
    discount: float = 0.0
    reward_ranges: Callable[[Mapping[str, Any]], Mapping[str, Range]] = lambda knobs: {}
    metrics: EpisodeMetrics | None = None
    human: HumanReference | None = None
    keeps_people: Callable[[Mapping[str, Any]], bool] = lambda knobs: False

    def resolve(self, knobs: Mapping[str, Any]) -> dict[str, KnobValue]:
        """All knobs of this scenario, given values parsed and the rest at their defaults; then the common ones given.

        Raises:
            ValueError: unknown knob, wrong type or out of range.
        """
        own = {knob.name: knob for knob in self.knobs}
        known = own | {knob.name: knob for knob in COMMON_KNOBS}
        for name in knobs:
            if name not in known:
                raise UserError(f"{self.id} has no knob {name!r}; expected {', '.join(known)}{closest(name, known)}")
        return {
            name: knob.parse(knobs.get(name, knob.default), self.id)
            for name, knob in known.items()
            if name in {*own, *knobs}
        }

    def among(self, people: str, knobs: Mapping[str, Any]) -> dict[str, Any]:
        """The knobs with `people` (`seen`, `unseen`) as whom one meets; as they are where all people are alike."""
        return {**knobs, PEOPLE.name: people} if self.parts_people else dict(knobs)

    @property
    def parts_people(self) -> bool:
        """Whether some people, or some of their words, are kept out of all that agents learn from."""
        return PEOPLE in self.knobs

    def build(self, **knobs: Any) -> Scenario:
        """Make the scenario with these knobs; `max_length` is the environment's, and a reader may be one or its name.

        Raises:
            ValueError: a knob is wrong, the factory raised, or what it made is no `Scenario`.
        """
        reader = knobs.pop("reader", NO_READER)
        if isinstance(reader, str):
            reader = None if reader == NO_READER else _reader(reader)
        resolved = self.resolve(knobs)
        try:
            with contained():
                made = self.factory(**{knob.name: resolved[knob.name] for knob in self.knobs})
        except ValueError:  # says itself what it was given, as where human data are missing
            raise
        except Exception as error:
            raise UserError(f"scenario {self.id!r} cannot be made ({one_line(error)})") from error
        if not isinstance(made, Scenario):
            raise UserError(f"scenario {self.id!r} made {kind_of(made)}; expected a goldenrule.envs.Scenario")
        about = {name: resolved[name] for name in ("language", "pay") if name in resolved}
        if about or reader is not None:
            made.understand_by(Understanding(**about, reader=reader))  # type: ignore[arg-type]  # choices were checked
        return made

    @property
    def learner_seat(self) -> str:
        """Agent name of the seat that learns: `helper_0`."""
        return _first_seat(self.learner)

    @property
    def partner_seat(self) -> str:
        """Agent name of the partner; of several, the first."""
        return _first_seat(self.partner)

    def partner_seats(self, agents: Sequence[str]) -> tuple[int, ...]:
        """Seats of all partners among `agents`: everyone of that role, or the one seat that is named."""
        learner = self.learner_seat
        return tuple(
            seat
            for seat, name in enumerate(agents)
            if self.partner in (name, name.rsplit("_", 1)[0]) and name != learner
        )

    def default_knobs(self, given: Collection[str] = ()) -> dict[str, KnobValue]:
        """Knobs that experiments set by default: those of the human data where they are here, `given` ones excepted."""
        if self.human is None or not has(self.human.data):
            return {}
        return {name: value for name, value in self.human.knobs.items() if name not in given}


@functools.lru_cache(maxsize=8)
def _reader(name: str) -> Reader:
    """The reader of that name, one in a process.

    Raises:
        UserError: it cannot be loaded or made, or reads nothing.
    """
    made: Reader = find_plugin("reader", name).make()
    check_callable(made, f"reader {name!r}", "read", "book", "text", "context")
    return made


def _first_seat(role: str) -> str:
    return role if role.rpartition("_")[2].isdigit() else f"{role}_0"


_SPECS: dict[str, ScenarioSpec] = {}
_PLUGGED: dict[str, ScenarioSpec] = {}
"""Plug-ins by the names they were asked for by; they are in `_SPECS` too, by id."""


def register(spec: ScenarioSpec) -> ScenarioSpec:
    """Add a scenario, here and (as `goldenrule/<id>`) to PettingZoo's own registry.

    Returns `spec`, so that a module can keep it.

    Raises:
        ValueError: the id is taken by another spec or is not of the form `name-vN`, or a knob's name is taken.
    """
    name, _, version = spec.id.rpartition("-v")
    if not name or not version.isdigit():
        raise ValueError(f"scenario id {spec.id!r} has no version; expected a form like 'my_scenario-v0'")
    if spec.id in _SPECS and _SPECS[spec.id].factory is not spec.factory:
        raise ValueError(f"scenario id {spec.id!r} is taken; register yours under another name or version")
    if taken := [knob.name for knob in spec.knobs if knob.name in TAKEN]:
        raise ValueError(
            f"scenario {spec.id!r} has a knob {taken[0]!r}; call it otherwise: {', '.join(TAKEN)} are taken"
        )
    if spec.id not in _SPECS:
        _register_with_pettingzoo(spec.id)
    _SPECS[spec.id] = spec
    return spec


def _register_with_pettingzoo(scenario_id: str) -> None:
    """So that `pettingzoo.make("aec" | "parallel", "goldenrule/<id>", **options)` finds it as well."""
    name, kwargs = f"goldenrule/{scenario_id}", {"scenario_id": scenario_id}
    pettingzoo.register("aec", name, "goldenrule.envs.make:make_wrapped", kwargs=kwargs)
    pettingzoo.register("parallel", name, "goldenrule.envs.make:make", kwargs={**kwargs, "api": "parallel"})


def specs() -> dict[str, ScenarioSpec]:
    """All registered scenarios by id."""
    return dict(sorted(_SPECS.items()))


def in_order(scenario_id: str, knobs: Mapping[str, Any]) -> dict[str, Any]:
    """Knobs in the order in which the scenario declares them; as they come where it is not registered here."""
    known = _SPECS.get(scenario_id)
    names = [] if known is None else [knob.name for knob in known.knobs]
    return {**{name: knobs[name] for name in names if name in knobs}, **knobs}


def spec(scenario_id: str) -> ScenarioSpec:
    """The spec of `scenario_id`: registered, or a plug-in (`package.module:SPEC`, or the id of an entry point).

    A plug-in is imported and registered when it is first asked for, so that it is known in every process.

    Raises:
        ValueError: no such scenario; the message names the nearest ones. A `UserError` where it is a plug-in that
            cannot be loaded.
    """
    known = _SPECS.get(scenario_id) or _PLUGGED.get(scenario_id)
    if known is not None:
        return known
    if ":" not in scenario_id and scenario_id not in installed("scenario"):
        raise UserError(
            f"no scenario {scenario_id!r}; expected one of {', '.join(specs())}{closest(scenario_id, _SPECS)}"
        )
    _PLUGGED[scenario_id] = plugged = _plugged(scenario_id)
    return plugged


def _plugged(name: str) -> ScenarioSpec:
    """The scenario plug-in called `name`, registered."""
    given = load_object("scenario", name)
    if not isinstance(given, ScenarioSpec):
        what = f"the class {given.__name__}" if isinstance(given, type) else kind_of(given)
        raise UserError(f"scenario {name!r} is {what}; expected a ScenarioSpec, as goldenrule.envs.register takes")
    if ":" not in name and name != given.id:
        raise UserError(f"scenario {name!r} has the id {given.id!r}; give its entry point that name")
    try:
        return register(given)
    except ValueError as error:
        raise UserError(f"scenario {name!r} cannot be registered: {error}") from error
