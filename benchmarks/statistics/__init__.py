"""Statistics of runs: from long-form rows to intervals, corrected p-values and verdicts.

    scores = read_scores(rows, "partner_reward")
    for line in compare(scores, baseline="rlhf_ppo").comparisons:
        print(line.method, line.verdict, line.because)

The unit is the seed within a stratum (a scenario), never the episode, nor the value of a knob. Comparisons are paired;
what one method lacks is left out for all of the table, and counted. Nothing here knows of the rest of the project.
"""

from goldenrule.benchmarks.statistics.bootstrap import LEAST_UNITS, Options, aggregate, profile
from goldenrule.benchmarks.statistics.compare import Comparison, Table, compare, corrected
from goldenrule.benchmarks.statistics.intervals import LEAST_SEEDS, Estimate, mean_interval, ratio_interval
from goldenrule.benchmarks.statistics.scores import SETTING, STRATUM, Scores, align, read_scores
from goldenrule.benchmarks.statistics.tests import holm, least_units, minimum_detectable_effect, seeds_needed

__all__ = [
    "LEAST_SEEDS",
    "LEAST_UNITS",
    "SETTING",
    "STRATUM",
    "Comparison",
    "Estimate",
    "Options",
    "Scores",
    "Table",
    "aggregate",
    "align",
    "compare",
    "corrected",
    "holm",
    "least_units",
    "mean_interval",
    "minimum_detectable_effect",
    "profile",
    "ratio_interval",
    "read_scores",
    "seeds_needed",
]
