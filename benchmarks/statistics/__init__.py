"""Statistics of runs: from long-form rows to intervals, corrected p-values and verdicts.

    scores = read_scores(rows, "partner_reward")
    for line in compare(scores, baseline="rlhf_ppo").comparisons:
        print(line.paired.method, line.verdict.answer, line.verdict.because)

The unit is the seed within a stratum (a scenario), never the episode, nor the value of a knob. Comparisons are paired;
what one method lacks is left out for all of the table, and counted.
"""

from goldenrule.benchmarks.statistics.aggregates import iqm
from goldenrule.benchmarks.statistics.comparison import Options, Paired
from goldenrule.benchmarks.statistics.holm import holm
from goldenrule.benchmarks.statistics.intervals import Bootstrap, Estimate
from goldenrule.benchmarks.statistics.per_method import Aggregated, Profiles, aggregate, profile
from goldenrule.benchmarks.statistics.power import minimum_detectable_effect, seeds_needed
from goldenrule.benchmarks.statistics.profiles import Profile
from goldenrule.benchmarks.statistics.samples import Dropped, Sample, Scores, align, read_scores
from goldenrule.benchmarks.statistics.sign_flip import least_units
from goldenrule.benchmarks.statistics.table import Comparison, Table, compare, corrected
from goldenrule.benchmarks.statistics.verdict import Evidence, Verdict, judge

__all__ = [
    "Aggregated",
    "Bootstrap",
    "Comparison",
    "Dropped",
    "Estimate",
    "Evidence",
    "Options",
    "Paired",
    "Profile",
    "Profiles",
    "Sample",
    "Scores",
    "Table",
    "Verdict",
    "aggregate",
    "align",
    "compare",
    "corrected",
    "holm",
    "iqm",
    "judge",
    "least_units",
    "minimum_detectable_effect",
    "profile",
    "read_scores",
    "seeds_needed",
]
