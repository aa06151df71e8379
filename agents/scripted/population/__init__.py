"""People of a temper of their own, to meet agents with: registered as styles beside `default` and `corpus`.

exploiter     takes all it can get
saint         gives all it has
manipulator   says what pleases, does what serves itself
stranger      means well in other words and another order than anyone whom agents learn from
"""

from __future__ import annotations

from goldenrule.agents.scripted.population import exploiter, manipulator, saint, stranger

__all__ = ["exploiter", "manipulator", "saint", "stranger"]
