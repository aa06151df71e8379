"""Scripted people for each scenario: they play partners and hold the conversations that pre-training reads.

`people(scenario_id)` gives a maker for each role.
"""

from __future__ import annotations

from goldenrule.agents.scripted import campsite as _campsite  # noqa: F401 - registers itself
from goldenrule.agents.scripted import false_belief as _false_belief  # noqa: F401 - registers itself
from goldenrule.agents.scripted import hidden_needs as _hidden_needs  # noqa: F401 - registers itself
from goldenrule.agents.scripted import hidden_needs_v1 as _hidden_needs_v1  # noqa: F401 - registers itself
from goldenrule.agents.scripted import population as _population  # noqa: F401 - registers its members
from goldenrule.agents.scripted import third_party as _third_party  # noqa: F401 - registers itself
from goldenrule.agents.scripted.base import Maker, UnscriptedError, people, person, population, register_people

__all__ = ["Maker", "UnscriptedError", "people", "person", "population", "register_people"]
