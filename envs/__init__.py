"""What is said: messages, conversations, the PettingZoo environment and its scenarios. No torch here."""

from __future__ import annotations

from goldenrule.envs.conversation import Conversation, View
from goldenrule.envs.dialogue import DialogueEnv, ParallelDialogueEnv
from goldenrule.envs.make import EnvModule, make
from goldenrule.envs.message import NARRATOR, Message
from goldenrule.envs.registry import Knob, ScenarioSpec, register, spec, specs
from goldenrule.envs.scenarios import hidden_needs as _hidden_needs  # noqa: F401 - registers itself
from goldenrule.envs.scenarios import hidden_needs_v1 as _hidden_needs_v1  # noqa: F401 - registers itself
from goldenrule.envs.scenarios import third_party as _third_party  # noqa: F401 - registers itself
from goldenrule.envs.scenarios.base import Judgement, Outcome, Scenario, Start
from goldenrule.envs.scenarios.campsite import scenario as _campsite  # noqa: F401 - registers itself
from goldenrule.envs.scenarios.false_belief import scenario as _false_belief  # noqa: F401 - registers itself
from goldenrule.envs.scenarios.move_scenario import MoveScenario
from goldenrule.envs.scenarios.moves import Argument, Book, Made, Move
from goldenrule.envs.spaces import Utterance
from goldenrule.envs.testing.checker import CheckReport, check
from goldenrule.envs.testing.checks import CheckError

campsite_v0 = EnvModule("campsite-v0")
false_belief_v0 = EnvModule("false_belief-v0")
hidden_needs_v0 = EnvModule("hidden_needs-v0")
third_party_v0 = EnvModule("third_party-v0")

__all__ = [
    "NARRATOR",
    "Argument",
    "Book",
    "CheckError",
    "CheckReport",
    "Conversation",
    "DialogueEnv",
    "EnvModule",
    "Judgement",
    "Knob",
    "Made",
    "Message",
    "Move",
    "MoveScenario",
    "Outcome",
    "ParallelDialogueEnv",
    "Scenario",
    "ScenarioSpec",
    "Start",
    "Utterance",
    "View",
    "campsite_v0",
    "check",
    "false_belief_v0",
    "hidden_needs_v0",
    "make",
    "register",
    "spec",
    "specs",
    "third_party_v0",
]
