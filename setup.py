"""List the packages: each layer, a folder at the top, installs under the name `goldenrule`."""

from setuptools import find_packages, setup

LAYERS = ("envs", "agents", "rewards", "training", "benchmarks")


def packages_of(layer: str) -> list[str]:
    """Return the layer and every package nested in it, by the names they install under."""
    return [f"goldenrule.{name}" for name in (layer, *(f"{layer}.{p}" for p in find_packages(layer)))]


setup(
    packages=["goldenrule", "goldenrule.common", *(name for layer in LAYERS for name in packages_of(layer))],
    package_dir={"goldenrule": "src/goldenrule"} | {f"goldenrule.{layer}": layer for layer in LAYERS},
)
