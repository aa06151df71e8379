"""What an agent, reward, method or scenario of the user's own must keep to, as tests anyone can run.

Each suite tries every property and gives a `Finding` for each; `goldenrule check` prints them.
"""

from __future__ import annotations

from goldenrule.benchmarks.conformance.agents import check_agent
from goldenrule.benchmarks.conformance.methods import check_method
from goldenrule.benchmarks.conformance.parameters import check_parameters
from goldenrule.benchmarks.conformance.rewards import check_reward
from goldenrule.benchmarks.conformance.scenarios import check_scenario
from goldenrule.envs.testing.report import Finding, holds

__all__ = [
    "Finding",
    "check_agent",
    "check_method",
    "check_parameters",
    "check_reward",
    "check_scenario",
    "holds",
]
