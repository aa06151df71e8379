"""The distribution is one namespace, typed, and tells its version."""

import subprocess
import sys
from importlib import import_module
from importlib.metadata import entry_points, version
from importlib.resources import files

import pytest

import goldenrule

LAYERS = ("envs", "agents", "rewards", "training", "benchmarks")


@pytest.mark.parametrize("layer", LAYERS)
def test_layer_imports_under_the_one_name(layer):
    module = import_module(f"goldenrule.{layer}")
    assert module.__name__ == f"goldenrule.{layer}"
    assert module.__doc__


def test_version_is_the_installed_one():
    assert goldenrule.__version__ == version("goldenrule")


def test_package_says_it_is_typed():
    assert files("goldenrule").joinpath("py.typed").is_file()


def test_command_is_installed_once():
    (command,) = entry_points(group="console_scripts", name="goldenrule")
    assert command.value == "goldenrule.benchmarks.cli.main:main"


def test_environments_load_without_torch():
    code = "import sys, goldenrule.envs; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0
