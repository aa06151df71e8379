"""Check a wheel against the checkout: every module and data file is in it, and nothing else.

Usage: python .ci/check_wheel.py WHEEL
"""

import sys
from pathlib import Path
from zipfile import ZipFile

ROOT = Path(__file__).resolve().parent.parent
LAYERS = ("envs", "agents", "rewards", "training", "benchmarks")
FOLDERS = {ROOT / layer: f"goldenrule/{layer}" for layer in LAYERS}
FOLDERS[ROOT / "src" / "goldenrule"] = "goldenrule"


def expected_files() -> set[str]:
    """Return the path within the wheel of every file in the folders, documents left out."""
    return {
        f"{name}/{path.relative_to(folder).as_posix()}"
        for folder, name in FOLDERS.items()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path.suffix not in {".md", ".pyc"}
    }


def wheel_files(wheel: Path) -> set[str]:
    """Return the path of every file in the wheel, its metadata left out."""
    with ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if not name.endswith("/")}
    return {name for name in names if not name.split("/")[0].endswith(".dist-info")}


def main(wheel: Path) -> int:
    """Print what is missing and what is stray, and return the exit status."""
    expected, present = expected_files(), wheel_files(wheel)
    for name in sorted(expected - present):
        hint = "does its folder have an __init__.py?" if name.endswith(".py") else "see package-data"
        print(f"missing from the wheel: {name} ({hint})")
    for name in sorted(present - expected):
        print(f"stray in the wheel: {name}")
    if expected != present:
        return 1
    print(f"{wheel.name}: {len(present)} files, as in the checkout")
    return 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python .ci/check_wheel.py WHEEL")
    sys.exit(main(Path(sys.argv[1])))
