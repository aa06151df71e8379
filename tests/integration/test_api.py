"""The Python interface does what `goldenrule compare` does, with classes of a notebook too."""

from __future__ import annotations

import inspect
import json
import re
import subprocess
import sys
import textwrap

import pytest

import goldenrule
from goldenrule.agents import Reply
from goldenrule.benchmarks.cli.main import main
from goldenrule.benchmarks.cli.sweep import compare
from goldenrule.benchmarks.experiments.config import METHODS
from goldenrule.benchmarks.storage.store import VOLATILE
from goldenrule.common.errors import UserError

pd = pytest.importorskip("pandas")

SHORT = {"methods": ["untrained", "scripted"], "seeds": 2, "episodes": 4, "progress": False}
BRIEF = {"methods": ["scripted"], "seeds": 1, "episodes": 3, "progress": False}


def plain(rows):
    return [{key: value for key, value in row.items() if key not in VOLATILE} for row in rows]


def test_it_gives_the_rows_of_the_command(tmp_path, capsys):
    run = goldenrule.compare(out=tmp_path / "api", workers=1, **SHORT)
    command = "compare --methods untrained,scripted --seeds 2 --episodes 4 --workers 1 --json --out"
    assert main([*command.split(), str(tmp_path / "command")]) == 0
    assert plain(run.rows) == plain(json.loads(capsys.readouterr().out)["rows"])
    assert list(run.table["method"]) == ["untrained", "scripted"]
    scripted = run.table.set_index("method").loc["scripted"]
    assert scripted["partner_reward"] == pytest.approx(sum(r["partner_reward"] for r in run.rows[2:]) / 2)
    assert len(run.episodes) == 4 * 4
    assert run.report().read_text(encoding="utf-8").startswith("<!doctype html>")
    assert "untrained" in str(run)
    assert "scripted" in run._repr_html_()


def test_it_compares_what_the_command_compares():
    assert inspect.signature(goldenrule.compare).parameters["methods"].default == METHODS
    assert ",".join(METHODS) == inspect.signature(compare).parameters["methods"].default


@pytest.mark.parametrize(
    ("wrong", "line"),
    [
        ({"agents": ["x"]}, "agents is a list; expected agents by name: {'mine': Mine}"),
        (
            {"agents": {"a": 3}},
            "agent 'a' is 3; expected a class, a function that makes one, or 'package.module:Class'",
        ),
        ({"seeds": -1}, "seeds=-1 is out of range; expected a count from 1, or a list of seeds"),
        ({"methods": "untrained,nobody"}, "no method 'nobody'"),
        ({"knobs": {"similarity": 2}}, "similarity=2"),
        ({"scenario": "nope"}, "no scenario 'nope'"),
    ],
)
def test_wrong_input_is_one_line(wrong, line, tmp_path):
    with pytest.raises(UserError, match=re.escape(line)) as error:
        goldenrule.compare(out=tmp_path, **(BRIEF | wrong))
    assert "\n" not in str(error.value)
    assert not list(tmp_path.iterdir())


def test_a_run_goes_on_where_it_stopped(tmp_path):
    first = goldenrule.compare(out=tmp_path, workers=0, **(SHORT | {"seeds": 1}))
    more = goldenrule.compare(out=tmp_path, workers=0, **SHORT)
    started = {row["cell"]: row["started"] for row in more.rows}
    assert len(more.rows) == 4
    assert all(started[row["cell"]] == row["started"] for row in first.rows)


def test_a_class_of_a_function_runs_in_this_process_and_that_is_said(tmp_path):
    said = []

    class Mine:
        def reset(self, seeds):
            pass

        def act(self, observations):
            said.append(len(observations))
            return [Reply("I hear you.") for _ in observations]

    with pytest.warns(UserWarning, match="agents mine are defined where other processes cannot import them"):
        run = goldenrule.compare(
            methods=["scripted"], agents={"mine": Mine}, seeds=1, episodes=3, out=tmp_path, progress=False
        )
    assert [row["status"] for row in run.rows] == ["done", "done"]
    assert sum(said) > 0


def test_a_class_of_a_module_runs_in_workers_without_a_word(tmp_path, recwarn):
    from examples.agent import Listener

    run = goldenrule.compare(
        methods=["scripted"],
        agents={"listener": Listener},
        seeds=1,
        episodes=3,
        workers=1,
        out=tmp_path,
        progress=False,
    )
    assert [row["status"] for row in run.rows] == ["done", "done"]
    assert not [one for one in recwarn if "cannot import" in str(one.message)]


def test_a_class_of_a_notebook(tmp_path):
    code = """
        import goldenrule
        class Mine:
            def reset(self, seeds): pass
            async def act(self, observations):
                return [goldenrule.agents.Reply("I hear you.") for _ in observations]
        run = goldenrule.compare(methods=["scripted"], agents={"mine": Mine}, seeds=1, episodes=2, progress=False)
        print([row["status"] for row in run.rows])
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout == "['done', 'done']\n"
    assert "cannot import them" in done.stderr


def test_importing_the_package_imports_no_layer():
    code = "import sys, goldenrule; print([n for n in sys.modules if n.startswith(('goldenrule.', 'torch'))])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
