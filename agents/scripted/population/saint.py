"""Saints give all they have, to whoever asks, whatever it costs themselves or anyone else."""

from __future__ import annotations

import numpy as np

from goldenrule.agents.scripted import third_party
from goldenrule.agents.scripted.base import Scripted, register_people
from goldenrule.agents.scripted.campsite import answer, take_in
from goldenrule.agents.scripted.words import pick
from goldenrule.envs.conversation import View
from goldenrule.envs.scenarios.campsite.dialogue_acts import PHRASES
from goldenrule.envs.scenarios.campsite.language import ACCEPT, submit

NOTHING = (0, 0, 0)


class Camper(Scripted):
    """Offers all nine packages and accepts whatever is asked of it.

    By the scenario's judgement it is not faithful: its card says that walking away is worth more to it.
    """

    def say(self, view: View, rng: np.random.Generator) -> str:
        """An answer to a question, an acceptance, or the gift."""
        now = take_in(view)
        reply = answer(now, rng)
        if reply is not None:
            return reply
        if now.open and now.theirs:
            return ACCEPT
        return f"{pick(rng, PHRASES['better'])} {submit(NOTHING)}" if rng.random() < 0.5 else submit(NOTHING)


class RequestHelper(Scripted):
    """Grants everything."""

    def say(self, view: View, rng: np.random.Generator) -> str:
        """A yes."""
        return third_party.answer("comply", rng)


register_people("campsite-v0", "saint", {"camper": Camper})
register_people("third_party-v0", "saint", {"helper": RequestHelper})
