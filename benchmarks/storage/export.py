"""Write a run in the format of another tool: Parquet tables, or logs of Inspect.

Inspect (`pip install 'goldenrule[inspect]'`, then `inspect view --log-dir FOLDER`): a cell is a log, an episode a
sample; the learner is the assistant, the others are users, its own card and what happens are the system's words. A
message's rewards, scores and simulated answers are its metadata. The sums of an episode are its scores, and one that
cannot be had is no score, not a zero. The format is version 2 of https://inspect.aisi.org.uk/eval-logs.html; writing
it takes nothing but JSON.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from goldenrule.benchmarks.evaluation.metrics import METRICS
from goldenrule.benchmarks.storage.reader import Run, StoredCell, episodes, load
from goldenrule.benchmarks.storage.store import JSON_COLUMNS, episode_row
from goldenrule.common.errors import UserError
from goldenrule.common.files import write_whole, writing
from goldenrule.common.text import visible
from goldenrule.envs.message import NARRATOR

if TYPE_CHECKING:
    pass

SUMS = ("partner_reward", "partner_reward_estimate", "own_reward", "third_party_reward", "proxy_reward")
"""Sums of an episode that become its scores; Inspect's list of logs shows the first."""

UNKNOWN = "1970-01-01T00:00:00+00:00"
"""When a run began that does not say so: Inspect must be told a time."""


def to_parquet(path: str | Path, folder: str | Path) -> list[Path]:
    """Write `cells.parquet` and `episodes.parquet` of a run into a folder, which is made; gives their paths.

    A file that cannot be written is left as it was.

    Raises:
        UserError: no results there, pandas or pyarrow is not installed, or the folder cannot be written.
    """
    try:
        import pandas  # noqa: F401
        import pyarrow  # noqa: F401  # pandas asks for it by name
    except ImportError:
        raise UserError("Parquet needs pandas and pyarrow; pip install 'goldenrule[tables]'") from None
    cells, folder, written = load(path), Path(folder), list[Path]()
    for name in JSON_COLUMNS:
        cells[name] = [None if value is None else json.dumps(value, sort_keys=True) for value in cells[name]]
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for name, table in {"cells": cells, "episodes": episodes(path, log=True)}.items():
            content = io.BytesIO()
            table.to_parquet(content, index=False)
            written.append(folder / f"{name}.parquet")
            write_whole(written[-1], content.getvalue())
    return written


def export_inspect(run: Run, folder: Path) -> list[Path]:
    """Write a log a cell; gives their paths, in the order of the cells.

    Raises:
        UserError: an episode is damaged, or the folder cannot be written.
    """
    written = []
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for cell in run.cells:
            log = inspect_log(run, cell)
            written.append(folder / _file_name(log["eval"]))
            write_whole(written[-1], json.dumps(log, ensure_ascii=False, indent=1).encode("utf-8", "replace"))
    return written


def _file_name(about: Mapping[str, Any]) -> str:
    """Time, task and id, as Inspect names its logs; it takes what follows a hyphen for something else."""
    time = re.sub(r"[^0-9T+]", "-", about["created"])
    return f"{time}_{about['task']}_{about['task_id'].replace('-', '.')}.json"


def _plain(name: str) -> str:
    """An id or a scenario without what a file name, or Inspect's reading of it, gives a meaning."""
    return re.sub(r"[^A-Za-z0-9.-]", "-", name)


def inspect_log(run: Run, cell: StoredCell) -> dict[str, Any]:
    """One cell as a log, as plain data.

    Raises:
        UserError: an episode is damaged.
    """
    samples = [_sample(cell, record) for record in run.episodes(cell)]
    created = _time(run)
    versions = run.environment.get("versions")
    about = {
        "eval_id": _plain(cell.id),
        "run_id": visible(run.folder.name, 200),
        "created": created,
        "task": _plain(cell.scenario),
        "task_id": _plain(cell.id),
        "task_version": 0,
        "task_args": dict(cell.knobs),
        "dataset": {
            "name": cell.scenario,
            "samples": len(samples),
            "sample_ids": [one["id"] for one in samples],
            "shuffled": False,
        },
        "model": f"goldenrule/{cell.method}",
        "model_args": cell.row.get("params") or {},
        "config": {"epochs": 1},
        "packages": {k: str(v) for k, v in versions.items() if v} if isinstance(versions, dict) else {},
        "metadata": {"cell": cell.id, "method": cell.method, "seed": cell.row.get("seed")},
    }
    log: dict[str, Any] = {
        "version": 2,
        "status": "success" if cell.done else "error",
        "eval": about,
        "plan": {"name": "goldenrule", "steps": []},
        "results": {
            "total_samples": len(samples),
            "completed_samples": sum("error" not in one for one in samples),
            "scores": list(_means(cell)),
        },
        "stats": {"started_at": created, "completed_at": created},
        "samples": samples,
    }
    return log if cell.done else log | {"error": _error(cell.row.get("error"))}


def _time(run: Run) -> str:
    """When the run began, with a colon in the zone."""
    told = str(run.environment.get("started") or UNKNOWN)
    found = re.fullmatch(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)([+-]\d\d):?(\d\d)", told)
    return f"{found[1]}{found[2]}:{found[3]}" if found else UNKNOWN


def _means(cell: StoredCell) -> Iterator[dict[str, Any]]:
    """The row's figures; those that are none are left out."""
    for name in dict.fromkeys((*SUMS, *METRICS)):
        value = cell.value(name)
        if value is not None:
            yield {"name": name, "scorer": name, "metrics": {"mean": {"name": "mean", "value": value}}}


def _error(message: Any) -> dict[str, str]:
    text = str(message or "no reason was given")
    return {"message": text, "traceback": text, "traceback_ansi": visible(text, len(text))}


def _sample(cell: StoredCell, record: Mapping[str, Any]) -> dict[str, Any]:
    try:
        sums = episode_row(cell.id or "", record)
        messages = _messages(cell, record, record["learner"])
    except (KeyError, TypeError, ValueError, IndexError) as error:
        what = visible(str(error), 200)
        raise UserError(
            f"an episode of {visible(cell.id, 80)} is damaged ({what}); `goldenrule replay` says which"
        ) from None
    said = [message for message in messages if message["role"] == "assistant"]
    begin = next((k for k, message in enumerate(messages) if message["role"] == "assistant"), len(messages))
    answer = {"answer": said[-1]["content"]} if said else {}
    sample = {
        "id": record["episode"],
        "epoch": 1,
        "input": messages[:begin],
        "target": "",
        "messages": messages,
        "output": {
            "model": f"goldenrule/{cell.method}",
            "choices": [{"message": message, "stop_reason": "stop"} for message in said[-1:]],
        },
        "scores": {name: {"value": sums[name]} | answer for name in SUMS if sums[name] is not None},
        "metadata": {
            "seed": str(record["seed"]),  # beyond what JavaScript's numbers hold
            "status": record["status"],
            "cards": dict(zip(record["agents"], record["cards"], strict=True)),
        },
        "uuid": f"{_plain(cell.id)}-{record['episode']}",
    }
    return sample if record["status"] != "failed" else sample | {"error": _error(record["error"])}


def _messages(cell: StoredCell, record: Mapping[str, Any], me: int) -> list[dict[str, Any]]:
    """The card, then everything that was said, the narrator included."""
    agents, turns = record["agents"], list(record["turns"])
    for told in record["narration"]:
        turns.insert(told["at"], {**told, "speaker": NARRATOR})
    name = f"{_plain(cell.id)}-{record['episode']}"
    found = [
        {"id": f"{name}-card", "role": "system", "content": record["cards"][me], "metadata": {"card of": agents[me]}}
    ]
    for place, turn in enumerate(turns):
        speaker = turn["speaker"]
        role = "system" if speaker == NARRATOR else "assistant" if speaker == me else "user"
        message = {"id": f"{name}-{place}", "role": role, "content": turn["text"], "metadata": _told(turn, agents)}
        found.append(message | ({"model": f"goldenrule/{cell.method}"} if role == "assistant" else {}))
    return found


def _told(turn: Mapping[str, Any], agents: list[str]) -> dict[str, Any]:
    """What goes with a message. Who speaks is data here too, never a part of the text."""
    to = turn["to"]
    told: dict[str, Any] = {"speaker": "narrator" if turn["speaker"] == NARRATOR else agents[turn["speaker"]]}
    told |= {} if to is None else {"to": [agents[one] for one in to]}
    if turn["speaker"] == NARRATOR:
        return told
    rewards = {name: value for name, value in zip(agents, turn["rewards"], strict=True) if value}
    parts = {"rewards": rewards | turn["absent"], "simulated": turn["notes"], "scores": turn["scores"]}
    parts |= {"unscored because": turn["reasons"], "facts": turn["facts"]}
    judged = {key: turn[key] for key in ("valid", "proxy", "faithful") if turn[key] is not None}
    return told | {key: value for key, value in parts.items() if value} | judged
