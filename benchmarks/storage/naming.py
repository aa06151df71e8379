"""What settings and cells are called in a line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from goldenrule.envs.registry import in_order

if TYPE_CHECKING:
    from goldenrule.benchmarks.evaluation.run import Cell

Row = Mapping[str, Any]


def setting_name(scenario: str, knobs: Mapping[str, Any]) -> str:
    """`hidden_needs-v0 (similarity 0.5, turns 1)`, the knobs in the scenario's order."""
    told = ", ".join(f"{name} {value}" for name, value in in_order(scenario, knobs).items())
    return f"{scenario} ({told})" if told else scenario


class Names:
    """Names for cells that are told side by side: `untrained on third_party-v0 (absent 2), seed 0`.

    The scenario is told where there are several, a knob where it varies within a scenario.

    Args:
        settings: scenario and knobs of every cell.
    """

    def __init__(self, settings: Iterable[tuple[Any, Any]]) -> None:
        values: dict[Any, dict[str, set[str]]] = {}
        for scenario, knobs in settings:
            of = values.setdefault(str(scenario), {})
            for name, value in _mapping(knobs).items():
                of.setdefault(name, set()).add(repr(value))
        self._several = len(values) > 1
        self._vary = {one: [name for name, had in of.items() if len(had) > 1] for one, of in values.items()}

    @classmethod
    def of_cells(cls, cells: Iterable[Cell]) -> Names:
        """For cells; those of one grid share their knobs, which are looked at once."""
        return cls((one.scenario, one.knobs) for one in {id(cell.knobs): cell for cell in cells}.values())

    @classmethod
    def of_rows(cls, rows: Iterable[Row]) -> Names:
        """For rows of cells, be some of them damaged."""
        return cls((row.get("scenario"), row.get("knobs")) for row in rows)

    def cell(self, cell: Cell) -> str:
        """What a cell is called."""
        return self._called(cell.method, cell.scenario, cell.knobs, cell.seed)

    def row(self, row: Row) -> str:
        """What the cell of a row is called."""
        return self._called(row.get("method"), row.get("scenario"), row.get("knobs"), row.get("seed"))

    def _called(self, method: Any, scenario: Any, knobs: Any, seed: Any) -> str:
        given = _mapping(knobs)
        told = ", ".join(f"{name} {given[name]}" for name in self._vary.get(str(scenario), ()) if name in given)
        where = f" on {scenario}" if self._several else ""
        return f"{method}{where}{f' ({told})' if told else ''}, seed {seed}"


def _mapping(knobs: Any) -> Mapping[str, Any]:
    return knobs if isinstance(knobs, Mapping) else {}
