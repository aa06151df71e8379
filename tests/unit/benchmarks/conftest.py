"""Plug-ins in a module and an installed package of their own."""

from __future__ import annotations

import sys
from textwrap import dedent

import pytest

from goldenrule.envs import registry


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Write a module of this source, to be imported by the name that is given back. Scenarios are forgotten after."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(registry, "_SPECS", dict(registry._SPECS))
    monkeypatch.setattr(registry, "_PLUGGED", {})
    monkeypatch.setattr(registry, "_register_with_pettingzoo", lambda scenario_id: None)
    written = []

    def write(source, called="plugged"):
        (tmp_path / f"{called}.py").write_text(dedent(source), encoding="utf-8")
        written.append(called)
        return called

    yield write
    for name in written:
        sys.modules.pop(name, None)


@pytest.fixture
def announce(tmp_path, monkeypatch):
    """Install a package that announces entry points, as text of `entry_points.txt`."""
    monkeypatch.syspath_prepend(tmp_path)

    def install(points, package="plugs"):
        folder = tmp_path / f"{package}-1.2.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.2\n")
        (folder / "entry_points.txt").write_text(dedent(points))

    return install
