"""Train and compare agents that take a partner's reward as their own.

The layers, each importing only from those before it: `goldenrule.envs`, `goldenrule.agents`,
`goldenrule.rewards`, `goldenrule.training`, `goldenrule.benchmarks`.
"""

from importlib.metadata import version

__all__ = ["__version__"]

__version__ = version("goldenrule")
