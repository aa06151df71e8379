"""Render a run as one HTML page. It loads nothing, and no text of the run can become markup or a script.

Every text passes `visible` (hidden characters spelt out) and Jinja's autoescaping; conversations travel as JSON in a
block that is data to the browser and are written with `textContent`. The content security policy in the page's head
allows only this page's own style sheet and script, by hash, and images only from the page itself.
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from goldenrule.benchmarks.analysis.common_episodes import setting_key
from goldenrule.benchmarks.analysis.summary import (
    Ends,
    Findings,
    by_setting,
    columns_of,
    deals_of,
    endings,
    findings_of,
    read_ends,
)
from goldenrule.benchmarks.analysis.verdicts import Line, how, notes_on, of_setting, over_all
from goldenrule.benchmarks.evaluation.metrics import PREDICTED, valid_range
from goldenrule.benchmarks.report.conversations import MAX_CONVERSATIONS, NO_REASON, PER_CELL, Logs, read_logs
from goldenrule.benchmarks.report.crossplay import Crossing, crossing, crossplay_plots
from goldenrule.benchmarks.report.figures import DETAILED, METHODS, Plot, plots
from goldenrule.benchmarks.report.layout import csv_bytes, p_value, page_number
from goldenrule.benchmarks.report.theme import colours
from goldenrule.benchmarks.statistics import LEAST_SEEDS, LEAST_UNITS
from goldenrule.benchmarks.storage.reader import Run, Setting, read_run
from goldenrule.common.errors import UserError
from goldenrule.common.files import write_whole
from goldenrule.common.text import visible

PAGE, FIGURES = "report.html", "figures"
MAX_REASONS = 40
"""Reasons of one kind that the page lists at most."""

MAX_TABLES = 200
"""Settings (scenario and knobs) whose tables the page has at most, and lines of the table of endings."""

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
        return write_page(findings_of(run))


def write_page(found: Findings) -> Path:
    """`write_report` of a run that has been read.

    Raises:
        UserError: the results are damaged, or the folder cannot be written to.
    """
    run = found.run
    crossed, ends = crossing(run), read_ends(run)
    logs = read_logs(run, ends)
    drawn = plots(run, logs.pairs) if crossed is None else crossplay_plots(run, crossed)
    path, figures = run.folder / PAGE, run.folder / FIGURES
    try:
        images = [_store(figures, plot) for plot in drawn]
        html = _render(found, ends, logs, crossed, list(zip(drawn, images, strict=True)))
        write_whole(path, html.encode("utf-8", "backslashreplace"))
        _clear(figures, [plot.name for plot in drawn])
    except OSError as error:
        raise UserError(
            f"the page cannot be written to {visible(str(run.folder), 300)!r} ({error.strerror}); an earlier one is "
            "kept. Free space or mend permissions, then run the same command again"
        ) from error
    return path


def _store(folder: Path, plot: Plot) -> str:
    """Save the figure and its data; return the figure as a data URI."""
    folder.mkdir(exist_ok=True)
    images = plot.images()
    for kind, content in {**images, "csv": csv_bytes(plot.data)}.items():
        write_whole(folder / f"{plot.name}.{kind}", content)
    return "data:image/svg+xml;base64," + base64.b64encode(images["svg"]).decode()


def _clear(folder: Path, drawn: Sequence[str]) -> None:
    """Remove what an earlier page drew and this one did not: with more settings figures have other names."""
    for data in folder.glob("*.csv"):
        old = [data, data.with_suffix(".svg"), data.with_suffix(".png")]
        if OURS.fullmatch(data.stem) and data.stem not in drawn and all(path.is_file() for path in old):
            for path in old:
                path.unlink()


def _render(
    found: Findings,
    ends: Ends,
    logs: Logs,
    crossed: Crossing | None,
    drawn: Sequence[tuple[Plot, str]],
) -> str:
    run, summary, lines = found.run, found.summary, found.verdicts
    here = files("goldenrule.benchmarks.report")
    style = (here / "report.css").read_text("utf-8") + "".join(
        f".m{place} {{ --method: {colour}; }}\n" for place, colour in enumerate(colours(run.methods).values())
    )
    script = (here / "report.js").read_text("utf-8")
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"number": page_number, "signed": _signed, "p_value": _p_value, "visible": visible}
    settings = run.settings[:MAX_TABLES]
    unscored = _by_frequency(logs.unscored)
    template = environment.from_string((here / "report.html.jinja").read_text("utf-8"))
    return template.render(
        run=run,
        facts=_facts(run, crossed),
        scenarios=list(dict.fromkeys(cell.scenario for cell in run.cells)),
        crossed=crossed,
        warnings=summary["warnings"],
        columns=columns_of(summary["groups"]),
        tables=_tables(settings, summary, lines),
        overall=over_all(lines) if len(run.settings) > 1 else [],
        notes_on=notes_on,
        method=how(lines) if lines else "",
        large_gap=LARGE_GAP,
        min_seeds={"t": LEAST_SEEDS, "bootstrap": LEAST_UNITS},
        figures=drawn,
        trained=any(plot.name.startswith("learning") for plot, _ in drawn),
        compared=bool(logs.pairs),
        failed=[
            (cell.method, cell.scenario, cell.seed, cell.status, visible(cell.row.get("error") or NO_REASON))
            for cell in run.cells
            if not cell.done
        ],
        endings=[line for setting in settings for line in endings(setting, ends, together=not run.is_crossplay)],
        failures=_by_frequency(logs.failures),
        unscored=[line for line in unscored if line[2] != PREDICTED],
        unscored_predictions=[(method, count, why) for method, count, name, why in unscored if name == PREDICTED],
        episodes=sum(len(ends.get(cell.id, ())) for cell in run.cells),
        conversations=len(logs.conversations),
        most={
            "reasons": MAX_REASONS,
            "tables": MAX_TABLES,
            "figures": DETAILED,
            "methods": METHODS,
            "per_cell": PER_CELL,
            "conversations": MAX_CONVERSATIONS,
        },
        config=_flat(run.config),
        environment=_flat(run.environment),
        swatch=_swatches(run),
        style=Markup(style),
        script=Markup(script),
        style_hash=_hash(style),
        script_hash=_hash(script),
        data=Markup(_embed(_browser_data(run, logs))),
    )


def _facts(run: Run, crossed: Crossing | None) -> list[tuple[str, str]]:
    """What was run, in a few lines; the whole configuration follows at the end of the page."""
    versions, command = run.environment.get("versions"), run.environment.get("command")
    scenarios: dict[str, dict[str, dict[str, None]]] = {}
    for cell in {(cell.scenario, id(cell.knobs)): cell for cell in run.cells}.values():  # many cells share their knobs
        knobs = scenarios.setdefault(cell.scenario, {})
        for name, value in cell.knobs.items():
            knobs.setdefault(name, {})[visible(value, 40)] = None
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
    return [(name, visible(value, 400)) for name, value in pairs.items() if value]


def _tables(settings: Sequence[Setting], summary: Mapping[str, Any], lines: Sequence[Line]) -> list[dict[str, Any]]:
    """For each setting the groups of its table, from which gap on estimates are marked, notes, verdicts and deals."""
    groups, notes = by_setting(summary["groups"]), {setting_key(one): one["notes"] for one in summary["settings"]}
    found = []
    for setting in settings:
        first, rows = setting.cells[0], [cell.row for cell in setting.cells]
        key = setting_key(first.row)
        low, high = valid_range("partner_reward", first.scenario, first.knobs)
        found.append(
            {
                "label": setting.label,
                "groups": groups[key],
                "large_gap": LARGE_GAP * (high - low) if math.isfinite(high - low) else LARGE_GAP,
                "notes": notes[key],
                "verdicts": of_setting(lines, rows),
                "deals": deals_of(groups[key], summary.get("human")),
            }
        )
    return found


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _swatches(run: Run) -> dict[str, str]:
    """The class of each method's colour, of those whose colour no other has before them; none of a cross-play."""
    first: dict[str, str] = {}
    for method, colour in colours(run.methods).items():
        first.setdefault(colour, method)
    named = {method: f"m{place}" for place, method in enumerate(run.methods) if method in first.values()}
    return {} if run.is_crossplay else named


def _embed(data: Any) -> str:
    """JSON that cannot end its script element, nor open a comment in it."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for char in "<>&\u2028\u2029":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return text


def _browser_data(run: Run, logs: Logs) -> dict[str, Any]:
    """What the page's script gets: methods, cells that have conversations, and these."""
    cells = [
        {"method": run.methods.index(cell.method), "setting": run.label(cell), "seed": cell.seed} for cell in logs.cells
    ]
    return {"methods": run.methods, "cells": cells, "talks": logs.conversations}


def _signed(value: float | None) -> str:
    """A difference: three decimals and a sign."""
    return "–" if value is None else f"{value:+.3f}".replace("-", "\u2212")


def _p_value(value: float | None) -> str:
    return "–" if value is None else p_value(value)


def _flat(value: Any, name: str = "") -> list[tuple[str, str]]:
    """Nested settings as lines `a.b.c`, at most 400 of them; the list of cells is left to its own file."""
    if isinstance(value, dict) and value:
        lines = [line for key, inner in value.items() if (name, key) != ("", "cells")
                 for line in _flat(inner, f"{name}.{key}" if name else str(key))]  # fmt: skip
        return lines[:400]
    return [(visible(name, 120), visible(value, 400))]


def _by_frequency(counts: Counter[Any]) -> list[tuple[Any, ...]]:
    """Method, count and what was counted, the most frequent first."""
    ordered = sorted(counts.items(), key=lambda item: (-item[1], str(item[0])))
    return [(method, count, *what) for (method, *what), count in ordered]
