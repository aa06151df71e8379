"""Whether the rows of a sweep come from the code that runs now: a cell's id says nothing of commit and versions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from goldenrule.common.plugins import DIGEST_PREFIX

MOST = 3
"""Packages that are named."""


def other_code(rows: Sequence[Mapping[str, Any]], code: str | None, versions: Mapping[str, Any]) -> str | None:
    """That some rows were made by another commit, other versions or other code of plug-ins; `None` if none was.

    Args:
        rows: of cells, with `code` and `versions`.
        code: the commit that runs now, if this is a checkout.
        versions: of packages, now.
    """
    others = [row for row in rows if row["code"] != code or _changed(row["versions"], versions)]
    if not others:
        return None
    then = others[0]["versions"]
    differ = _changed(then, versions)
    changes = [f"{name} {then.get(name)}, now {versions.get(name)}" for name in differ[:MOST]]
    if others[0]["code"] != code:
        changes.insert(0, f"commit {_short(others[0]['code'])}, now {_short(code)}")
    if len(differ) > MOST:
        changes.append(f"and {len(differ) - MOST} packages more")
    return (
        f"{len(others)} of {len(rows)} rows were made by other code ({'; '.join(changes)}), and are kept; "
        "name a new folder with --out to have all from one"
    )


def _changed(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Names of packages that differ. A plug-in that only one of the two runs had has changed nothing in the other."""
    return [
        name
        for name in {**then, **now}
        if then.get(name) != now.get(name) and (not name.startswith(DIGEST_PREFIX) or (name in then and name in now))
    ]


def _short(code: str | None) -> str:
    return "none" if code is None else code[:12] + ("-dirty" if code.endswith("-dirty") else "")
