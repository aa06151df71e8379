"""A claim: a sentence, where it stands, the experiment that could refute it, and the rule that decides.

A file `benchmarks/claims/C2.yaml` is a sweep with one field more:

claim:
  sentence: Naive kindness works as far as partners are alike.
  place: "[K] 3.1"
  expect:
    - {method: naive_kindness, is: less, than: empathetic_kindness, where: {similarity: 0.0}}
    - {method: naive_kindness, is: alike, than: empathetic_kindness, where: {similarity: 1.0}}

The rule is the same for all. Each expectation is one comparison, paired by seed, and all of a claim's are corrected
together (Holm). *More* and *less* hold where the comparison says so, and fail where it says the opposite, or where the
95 % interval leaves no difference of `margin` that way; *alike* holds where the interval lies within `margin` of
zero, and fails where a difference is found. A claim is supported where all hold, refuted where one fails, and
inconclusive otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from goldenrule.benchmarks.analysis.verdicts import widest_range
from goldenrule.benchmarks.experiments.config import SweepFile, errors_named, fields_of, read_file, sweep_from
from goldenrule.benchmarks.statistics import Comparison, Options, compare, corrected, read_scores
from goldenrule.common.errors import UserError
from goldenrule.common.parameters import explain

FOLDER = Path(str(files("goldenrule.benchmarks"))) / "claims"
"""Rules (`C1.yaml`) and results (`results/C1.json`)."""
Verdict = Literal["supported", "refuted", "inconclusive"]
Row = Mapping[str, Any]


class Expectation(BaseModel):
    """What one comparison should show.

    Attributes:
        method, than: what is compared, as tables call them.
        relation: of the first to the second.
        where: scenario and knobs of the settings compared; all of the experiment if empty.
        measure: column of the rows; the claim's if not given.
        margin: the smallest difference that matters, in units of the measure.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)
    method: str
    than: str
    relation: Literal["more", "less", "alike"] = Field(alias="is")
    where: dict[str, Any] = {}
    measure: str | None = None
    margin: float = Field(0.1, gt=0)


class Rule(BaseModel):
    """The field `claim` of a file."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    sentence: str
    place: str
    expect: list[Expectation] = Field(min_length=1)
    measure: str = "partner_reward"


@dataclass(frozen=True, slots=True)
class Claim:
    """A claim as written down.

    Attributes:
        id: name of its file: `C2`.
        rule: what it says and what decides.
        experiment: what is run.
        file: where it stands.
    """

    id: str
    rule: Rule
    experiment: SweepFile
    file: Path


@dataclass(frozen=True, slots=True)
class Finding:
    """What one comparison showed: whether it is as expected, `None` where that is open."""

    expectation: Expectation
    line: Comparison
    holds: bool | None


def read_claim(file: Path) -> Claim:
    """The claim in a file.

    Raises:
        UserError: it cannot be read, or a field is unknown or wrong: one line.
    """
    raw = read_file(file)
    with errors_named(str(file)):
        content = fields_of(raw)
        try:
            rule = Rule.model_validate(content.pop("claim", {}))
        except ValidationError as error:
            raise UserError(explain(error, "the claim", "field", Rule.model_fields)) from None
        experiment = sweep_from({"name": file.stem, **content})
        known = [entry.label for entry in experiment.methods]
        for name in (name for one in rule.expect for name in (one.method, one.than)):
            if name not in known:
                raise UserError(f"the claim compares {name!r}; expected one of its methods: {', '.join(known)}")
        return Claim(file.stem, rule, experiment, file)


def claims(ids: Sequence[str] = ()) -> list[Claim]:
    """The claims of those ids, or all that ship, in their order.

    Raises:
        UserError: there is none of an id, or a file is wrong.
    """
    by_id = {file.stem: file for file in FOLDER.glob("C*.yaml")}
    for name in ids:
        if name not in by_id:
            raise UserError(f"no claim {name!r}; expected one of {', '.join(sorted(by_id, key=_number))}")
    return [read_claim(by_id[name]) for name in sorted(ids or by_id, key=_number)]


def _number(name: str) -> tuple[int, str]:
    digits = name.removeprefix("C")
    return (int(digits) if digits.isdigit() else 1_000_000, name)


def judge(rule: Rule, rows: Sequence[Row]) -> tuple[Verdict, list[Finding]]:
    """What the rows of an experiment say of a claim.

    Args:
        rule: the claim's.
        rows: one a run, as tables have them.

    Returns:
        the verdict, and what each expectation's comparison showed.
    """
    tables = []
    for one in rule.expect:
        measure = one.measure or rule.measure
        some = [row for row in rows if row["method"] in (one.method, one.than) and _within(row, one.where)]
        scores = read_scores(some, measure, bounds=widest_range(some, measure))
        tables.append(compare(scores, methods=[one.than, one.method], baseline=one.than, options=Options()))
    lines = [line for table in corrected(*tables) for line in table.comparisons]
    found = [Finding(one, line, _holds(one, line)) for one, line in zip(rule.expect, lines, strict=True)]
    if any(one.holds is False for one in found):
        return "refuted", found
    return ("supported" if all(one.holds for one in found) else "inconclusive"), found


def _within(row: Row, where: Mapping[str, Any]) -> bool:
    setting = {**row["knobs"], "scenario": row["scenario"]}
    return all(setting.get(name) == value for name, value in where.items())


def _holds(one: Expectation, line: Comparison) -> bool | None:
    low, high, margin = line.low, line.high, one.margin
    if one.relation == "alike":
        if line.verdict in ("better", "worse"):
            return False
        return True if low is not None and high is not None and -margin < low and high < margin else None
    if line.verdict in ("better", "worse"):
        return (line.verdict == "better") == (one.relation == "more")
    if low is None or high is None:
        return None
    return False if (high < margin if one.relation == "more" else low > -margin) else None
