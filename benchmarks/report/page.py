"""Render a run as one HTML page. It loads nothing, and no text of the run can become markup or a script.

Every text passes `shown` (hidden characters spelt out) and Jinja's autoescaping; conversations travel as JSON in a
block that is data to the browser and are written with `textContent`. The content security policy in the page's head
allows only this page's own style sheet and script, by hash, and images only from the page itself.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from goldenrule.benchmarks.analysis.common_episodes import setting_key, with_complete_cases
from goldenrule.benchmarks.analysis.endings import endings
from goldenrule.benchmarks.analysis.summary import LEAST, by_setting, columns_of, own_columns_of, summary_of
from goldenrule.benchmarks.analysis.verdicts import Line, comparisons_of, how, of_setting, over_all, remarks
from goldenrule.benchmarks.evaluation.metrics import PREDICTED, valid_range
from goldenrule.benchmarks.report.conversations import (
    MAX_CONVERSATIONS,
    NO_REASON,
    PER_CELL,
    CellEpisodes,
    read_episodes,
)
from goldenrule.benchmarks.report.crossplay import Crossing, crossing, heat_map, rating_plot, sitter
from goldenrule.benchmarks.report.figures import DETAILED, METHODS, Plot, plots, profile_plots
from goldenrule.benchmarks.report.theme import colours
from goldenrule.benchmarks.statistics import LEAST_UNITS
from goldenrule.benchmarks.storage.reader import Run, Setting, read_run, shown
from goldenrule.common.errors import UserError
from goldenrule.common.files import write_whole

PAGE, FIGURES = "report.html", "figures"
MAX_REASONS = 40
"""Reasons of one kind that the page lists at most."""

MAX_ENDINGS = 200
"""Rows of the table of endings at most."""

MAX_TABLES = 200
"""Settings (scenario and knobs) whose tables the page has at most."""

OURS = re.compile(r"(partner_reward|learning|agreement|profiles|by_\w+)(_\d+)?")
"""Names of figures of which another page may have others."""

LARGE_GAP = 0.1
"""Gaps between estimate and truth beyond this share of the range of an episode's reward are marked."""


def write_report(run_dir: Path) -> Path:
    """Write `report.html` into a run's folder, and its figures with their data into `figures/`.

    The same results give the same bytes.

    Args:
        run_dir: folder of a run, which may be unfinished.

    Returns:
        Path of the page.

    Raises:
        UserError: no run lies there, its results are damaged or of another version, or it cannot be written to.
    """
    with read_run(run_dir) as run:
        return write_page(run)


def write_page(run: Run) -> Path:
    """`write_report` of a run that has been read.

    Raises:
        UserError: the results are damaged, or the folder cannot be written to.
    """
    crossed = crossing(run)
    summary, lines = summary_of(run), comparisons_of(run)
    run = run if run.is_crossplay else with_complete_cases(run)
    episodes = read_episodes(run)
    drawn = plots(run, episodes) if crossed is None else crossplay_plots(run, crossed)
    run_dir = run.folder
    path = run_dir / PAGE
    try:
        images = [_store(run_dir / FIGURES, plot) for plot in drawn]
        html = _render(run, summary, lines, episodes, crossed, list(zip(drawn, images, strict=True)))
        write_whole(path, html.encode("utf-8", "backslashreplace"))
        _clear(run_dir / FIGURES, [plot.name for plot in drawn])
    except OSError as error:
        raise UserError(
            f"the page cannot be written to {shown(str(run_dir), 300)!r} ({error.strerror}); an earlier one is kept. "
            "Free space or mend permissions, then run the same command again"
        ) from error
    return path


def crossplay_plots(run: Run, crossed: Crossing) -> list[Plot]:
    """The figures of a cross-play: its matrix, its rating and performance profiles of who sat in the learner's seat."""
    named = [pair for cell in run.cells if (pair := sitter(cell)) is not None]
    note = " Of each agent in the learner's seat, with the partners that everyone met."
    found = [heat_map(crossed.summary), rating_plot(crossed.summary), *profile_plots(run, named, note)]
    return [plot for plot in found if plot.data]


def _store(folder: Path, plot: Plot) -> str:
    """Save the figure and its data; return the figure as a data URI."""
    folder.mkdir(exist_ok=True)
    images = plot.images()
    for kind, content in {**images, "csv": _csv(plot).encode("utf-8", "backslashreplace")}.items():
        write_whole(folder / f"{plot.name}.{kind}", content)
    return "data:image/svg+xml;base64," + base64.b64encode(images["svg"]).decode()


def _clear(folder: Path, drawn: Sequence[str]) -> None:
    """Remove what an earlier page drew and this one did not: with more settings figures have other names."""
    for data in folder.glob("*.csv"):
        old = [data, data.with_suffix(".svg"), data.with_suffix(".png")]
        if OURS.fullmatch(data.stem) and data.stem not in drawn and all(path.is_file() for path in old):
            for path in old:
                path.unlink()


def _csv(plot: Plot) -> str:
    """The figure's data as a table. Text that a spreadsheet would run as a formula gets an apostrophe before it."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(plot.data[0]), lineterminator="\n")
    writer.writeheader()
    for record in plot.data:
        writer.writerow({key: _csv_value(value) for key, value in record.items()})
    return text.getvalue()


def _csv_value(value: Any) -> Any:
    if isinstance(value, list):
        return " ".join(repr(item) for item in value)
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@") else value


def _render(
    run: Run,
    summary: Mapping[str, Any],
    lines: Sequence[Line],
    episodes: Sequence[CellEpisodes],
    crossed: Crossing | None,
    drawn: Sequence[tuple[Plot, str]],
) -> str:
    here = files("goldenrule.benchmarks.report")
    style = (here / "report.css").read_text("utf-8") + _swatches(run)
    script = (here / "report.js").read_text("utf-8")
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"number": _number, "signed": _signed, "p_value": _p_value, "shown": shown}
    ends, settings = {one.cell: one.ends for one in episodes}, run.settings[:MAX_TABLES]
    unscored = _counted((one.cell.method, one.unscored) for one in episodes)
    template = environment.from_string((here / "report.html.jinja").read_text("utf-8"))
    return template.render(
        run=run,
        facts=_facts(run, crossed),
        title=_title(run, crossed),
        crossed=crossed,
        done=sum(cell.done for cell in run.cells),
        warnings=summary["warnings"],
        columns=columns_of(summary["groups"]),
        tables=_tables(settings, summary, lines),
        overall=_verdicts(over_all(lines), lines) if len(run.settings) > 1 else None,
        negotiation=_deals(settings, summary),
        large_gap=LARGE_GAP,
        min_seeds={"t": LEAST, "bootstrap": LEAST_UNITS},
        figures=drawn,
        trained=any(plot.name.startswith("learning") for plot, _ in drawn),
        compared=any(one.pairs for one in episodes),
        failed=[
            (cell.method, cell.scenario, cell.seed, cell.status, shown(cell.row.get("error") or NO_REASON))
            for cell in run.cells
            if not cell.done
        ],
        endings=[line for setting in settings for line in endings(setting, ends, together=not run.is_crossplay)],
        failures=_counted((one.cell.method, one.failures) for one in episodes),
        unscored=[(method, count, *why) for method, count, why in unscored if why[0] != PREDICTED],
        unscored_predictions=[(method, count, why[1]) for method, count, why in unscored if why[0] == PREDICTED],
        episodes=sum(len(one.ends) for one in episodes),
        conversations=sum(len(one.conversations) for one in episodes),
        most={
            "reasons": MAX_REASONS,
            "endings": MAX_ENDINGS,
            "tables": MAX_TABLES,
            "figures": DETAILED,
            "methods": METHODS,
            "per_cell": PER_CELL,
            "conversations": MAX_CONVERSATIONS,
        },
        config=list(_flat(run.config)),
        environment=list(_flat(run.environment)),
        swatch={} if run.is_crossplay else _swatch_classes(run),
        style=Markup(style),
        script=Markup(script),
        style_hash=_hash(style),
        script_hash=_hash(script),
        data=Markup(_embedded(_browser_data(run, episodes))),
    )


def _facts(run: Run, crossed: Crossing | None) -> list[tuple[str, str]]:
    """What was run, in a few lines; the whole configuration follows at the end of the page."""
    versions, command = run.environment.get("versions"), run.environment.get("command")
    scenarios: dict[str, dict[str, dict[str, None]]] = {}
    for cell in run.cells:
        knobs = scenarios.setdefault(cell.scenario, {})
        for name, value in cell.knobs.items():
            knobs.setdefault(name, {})[shown(value, 40)] = None
    told = {name: ", ".join(f"{knob} {' / '.join(values)}" for knob, values in knobs.items())
            for name, knobs in scenarios.items()}  # fmt: skip
    agents = [] if crossed is None else [member["name"] for member in crossed.summary["members"]]
    whose = {"Agents": ", ".join(agents)} if agents else {"Methods": ", ".join(run.methods)}
    pairs = {
        "Scenarios": "; ".join(f"{name} ({knobs})" if knobs else name for name, knobs in told.items()),
        **whose,
        "Seeds": ", ".join(dict.fromkeys(cell.seed for cell in run.cells)),
        "Command": " ".join(["goldenrule", *map(str, command)]) if isinstance(command, list) else None,
        "Commit": run.environment.get("commit"),
        "Versions": ", ".join(f"{name} {version}" for name, version in versions.items() if version)
        if isinstance(versions, dict)
        else None,
        "Started": run.environment.get("started"),
    }
    return [(name, shown(value, 400)) for name, value in pairs.items() if value]


def _title(run: Run, crossed: Crossing | None) -> str:
    """How many methods, or agents, on what."""
    if crossed is not None:
        return f"cross-play of {len(crossed.summary['members'])} agents on {crossed.summary['scenario']}"
    scenarios = list(dict.fromkeys(cell.scenario for cell in run.cells))
    methods = len(run.methods)
    if not scenarios:
        return "a run without rows"
    return f"{methods} method{'s' * (methods != 1)} on {', '.join(scenarios[:4])}{' …' if len(scenarios) > 4 else ''}"


def _tables(settings: Sequence[Setting], summary: Mapping[str, Any], lines: Sequence[Line]) -> list[dict[str, Any]]:
    """For each setting the groups of its table, from which gap on estimates are marked, notes, and verdicts."""
    groups, notes = by_setting(summary["groups"]), {setting_key(one): one["notes"] for one in summary["settings"]}
    found = []
    for setting in settings:
        first, rows = setting.cells[0], [cell.row for cell in setting.cells]
        low, high = valid_range("partner_reward", first.scenario, first.knobs)
        found.append(
            {
                "label": setting.label,
                "groups": groups[setting_key(first.row)],
                "large_gap": LARGE_GAP * (high - low) if math.isfinite(high - low) else LARGE_GAP,
                "notes": notes[setting_key(first.row)],
                "verdicts": _verdicts(of_setting(lines, rows), lines),
            }
        )
    return found


def _verdicts(mine: Sequence[Line], lines: Sequence[Line]) -> dict[str, Any] | None:
    """A table of some of the lines; what holds for several methods is said once, below it."""
    if not mine:
        return None
    notes: dict[str, list[str]] = {}
    for line in mine:
        for remark in remarks(line):
            notes.setdefault(remark, []).append(str(line["method"]))
    said = [f"{', '.join(methods)}: {remark}" if len(mine) > 1 else remark for remark, methods in notes.items()]
    return {"baseline": mine[0]["baseline"], "lines": mine, "notes": said, "method": how(lines)}


def _deals(settings: Sequence[Setting], summary: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The negotiations of each setting that has some, and what people reached in them."""
    groups, human, found = by_setting(summary["groups"]), summary.get("human"), []
    for setting in settings:
        same = groups[setting_key(setting.cells[0].row)]
        lines = [(group["method"], group["negotiation"]) for group in same if group["negotiation"]]
        if lines and human and human["figures"]:
            lines.append((f"people ({human['dialogues']} dialogues)", human["figures"]))
        if lines:
            found.append({"label": setting.label, "columns": own_columns_of(same), "lines": lines})
    return found


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _swatch_classes(run: Run) -> dict[str, str]:
    """The class of each method's colour, of those whose colour no other has before them."""
    first: dict[str, str] = {}
    for method, colour in colours(run.methods).items():
        first.setdefault(colour, method)
    return {method: f"m{place}" for place, method in enumerate(run.methods) if method in first.values()}


def _swatches(run: Run) -> str:
    """A class for each method's colour: our own hexadecimal digits, nothing of the run."""
    return "".join(
        f".m{place} {{ --method: {colour}; }}\n" for place, colour in enumerate(colours(run.methods).values())
    )


def _embedded(data: Any) -> str:
    """JSON that cannot end its script element, nor open a comment in it."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for char in "<>&\u2028\u2029":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return text


def _browser_data(run: Run, episodes: Sequence[CellEpisodes]) -> dict[str, Any]:
    """What the page's script gets: methods, cells that have conversations, and these."""
    methods, cells = run.methods, [one.cell for one in episodes if one.conversations]
    return {
        "methods": methods,
        "cells": [
            {"method": methods.index(cell.method), "setting": run.label(cell), "seed": cell.seed} for cell in cells
        ],
        "talks": [conversation for one in episodes for conversation in one.conversations],
    }


def _number(value: float | None, percent: bool = False) -> str:
    """Two decimals, or a share in percent; a dash where there is none."""
    if value is None:
        return "–"
    text = f"{100 * value:.0f}" if percent else f"{value:.2f}"
    return text.replace("-", "\u2212") if float(text) else text.lstrip("-")


def _signed(value: float | None) -> str:
    """A difference: three decimals and a sign."""
    return "–" if value is None else f"{value:+.3f}".replace("-", "\u2212")


def _p_value(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}" if value >= 0.001 else "< 0.001"


def _flat(value: Any, name: str = "") -> list[tuple[str, str]]:
    """Nested settings as lines `a.b.c`, at most 400 of them; the list of cells is left to its own file."""
    if isinstance(value, dict) and value:
        lines = [line for key, inner in value.items() if (name, key) != ("", "cells")
                 for line in _flat(inner, f"{name}.{key}" if name else str(key))]  # fmt: skip
        return lines[:400]
    return [(shown(name, 120), shown(value, 400))]


def _counted(found: Iterable[tuple[str, Counter[Any]]]) -> list[tuple[str, int, Any]]:
    """Method, count and reason, the most frequent first."""
    total: Counter[tuple[str, Any]] = Counter()
    for method, reasons in found:
        for reason, count in reasons.items():
            total[method, reason] += count
    ordered = sorted(total.items(), key=lambda item: (-item[1], str(item[0])))
    return [(method, count, reason) for (method, reason), count in ordered]
