"""Print the figures of the layout: lines, loose files, circles, imports inside functions, modules on the main path.

python dev/figures.py            # all of them (`make figures`); the main path takes some seconds
python dev/figures.py --check    # exit code 1 if benchmarks/ has more than 45 % of the library's lines, or a circle
"""

from __future__ import annotations

import ast
import contextlib
import inspect
import os
import sys
import tempfile
from collections import Counter
from importlib.metadata import entry_points
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import grimp
import networkx

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = {"common": ROOT / "src/goldenrule/common"} | {
    name: ROOT / name for name in ("envs", "agents", "rewards", "training", "benchmarks")
}
MOST = 0.45
"""Share of the library's lines that `benchmarks/` may have."""
OPENED = 40
"""Lines of a module that run on the main path, from which on a reader has to open it."""


def sources(folder: Path) -> list[Path]:
    """The Python files of a folder and of those below it."""
    return [path for path in sorted(folder.rglob("*.py")) if "__pycache__" not in path.parts]


def lines(folder: Path) -> int:
    """Lines of Python, blank ones and comments included."""
    return sum(len(path.read_text(encoding="utf-8").splitlines()) for path in sources(folder))


def imports_in_functions(path: Path) -> int:
    """Statements inside a function that import from this project."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    found = {
        (inner.lineno, inner.col_offset)
        for node in functions
        for inner in ast.walk(node)
        if isinstance(inner, ast.ImportFrom) and (inner.module or "").startswith("goldenrule")
    }
    return len(found)


def circles() -> tuple[list[set[str]], list[set[str]]]:
    """Modules, and folders, that import each other, imports inside functions counted."""
    sys.path.insert(0, str(ROOT / "typings"))
    graph = grimp.build_graph("goldenrule", cache_dir=None)
    packages = {module for module in graph.modules if graph.find_children(module)}
    files, folders = networkx.DiGraph(), networkx.DiGraph()
    for importer in graph.modules:
        for imported in graph.find_modules_directly_imported_by(importer):
            files.add_edge(importer, imported)
            a, b = (name if name in packages else name.rpartition(".")[0] for name in (importer, imported))
            # A folder may use its own subfolders, and they what lies loose in it.
            if a != b and not f"{a}.".startswith(f"{b}.") and not f"{b}.".startswith(f"{a}."):
                folders.add_edge(a, b)
    return tuple([c for c in networkx.strongly_connected_components(g) if len(c) > 1] for g in (files, folders))


def main_path() -> Counter[str]:
    """Lines of each module in functions that run from `goldenrule compare` to its table and page: one update.

    The second of two runs is watched: what runs as modules are imported is not on the path.
    """
    seen: set[CodeType] = set()

    def note(frame: FrameType, event: str, argument: Any) -> None:
        if event == "call":
            seen.add(frame.f_code)

    command = "compare --methods empathetic_kindness --seeds 1 --steps 1 --dialogues 8 --episodes 8 --workers 0 --out"
    goldenrule = next(iter(entry_points(group="console_scripts", name="goldenrule"))).load()
    with tempfile.TemporaryDirectory() as folder, open(os.devnull, "w") as nowhere:
        for run, watcher in enumerate((None, note)):
            with (
                contextlib.redirect_stdout(nowhere),
                contextlib.redirect_stderr(nowhere),
                contextlib.suppress(SystemExit),
            ):
                sys.setprofile(watcher)
                goldenrule([*command.split(), f"{folder}/{run}"])
            sys.setprofile(None)
    places = {os.path.realpath(path): path for root in FOLDERS.values() for path in sources(root)}
    counted: Counter[str] = Counter()
    for code in seen:
        path = places.get(os.path.realpath(code.co_filename))
        if path is not None and code.co_flags & inspect.CO_OPTIMIZED:  # a function, not a module or the body of a class
            counted[str(path.relative_to(ROOT))] += len({line for _, _, line in code.co_lines() if line})
    return counted


def main(arguments: list[str]) -> int:
    """Print the figures and return the exit code."""
    total = {name: lines(folder) for name, folder in FOLDERS.items()}
    library, share = sum(total.values()), total["benchmarks"] / sum(total.values())
    files, folders = circles()
    print(f"lines of the library                {library:7,}   ({', '.join(f'{n} {k:,}' for n, k in total.items())})")
    print(
        f"lines of benchmarks/                {total['benchmarks']:7,}   {share:.1%} of the library, at most {MOST:.0%}"
    )
    for name in ("benchmarks", "envs", "training"):
        loose = [path for path in FOLDERS[name].glob("*.py") if path.name != "__init__.py"]
        print(f"{f'loose files in {name}/':<36}{len(loose):7}")
    print(f"circles of files                    {len(files):7}   {' | '.join(' '.join(sorted(one)) for one in files)}")
    print(
        f"circles of folders                  {len(folders):7}   {' | '.join(' '.join(sorted(one)) for one in folders)}"
    )
    inside = {path: n for root in FOLDERS.values() for path in sources(root) if (n := imports_in_functions(path))}
    most = ", ".join(f"{p.relative_to(ROOT)} {n}" for p, n in sorted(inside.items(), key=lambda one: -one[1])[:6])
    print(f"imports inside functions            {sum(inside.values()):7}   {most}")
    run = main_path()
    opened = [name for name, count in run.most_common() if count >= OPENED]
    print(f"modules that run on the main path   {len(run):7}")
    print(f"modules to open for the main path   {len(opened):7}   those of which {OPENED} lines or more run")
    return int("--check" in arguments and (share > MOST or bool(files) or bool(folders)))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
