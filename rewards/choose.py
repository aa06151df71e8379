"""Kindness without training: draft several messages, imagine what each would bring the partner, say the best.

The best of several noisy estimates is too high by selection alone (the winner's curse), so that the estimate which is
logged for the message said is made anew, on replies imagined afresh. The control chooses among as many drafts by lot.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field

from goldenrule.agents.base import Agent, AgentError, Reply, Seen, Simulates, ask_act, ask_reset, load_agent
from goldenrule.agents.episode import SpeakerTurn
from goldenrule.common.errors import UserError
from goldenrule.common.seeding import generator
from goldenrule.envs.message import Message
from goldenrule.envs.scenarios.base import Scenario
from goldenrule.rewards.base import Reward, Score, ask_about, load_reward
from goldenrule.rewards.kindness import Kindness

READING, LOT = "reading", "lot"


@dataclass(frozen=True, slots=True)
class Choice:
    """What a message was chosen by.

    Attributes:
        drafts: all that could have been said, the one said among them.
        estimates: of each draft, the partner's reward; `None` where the imagined replies did not tell. None at all
            where lots chose.
        estimate: of the one said, on fresh replies; `None` where another reward than imagined replies chose.
        record: of its own `Reply`.
    """

    drafts: tuple[str, ...]
    estimates: tuple[float | None, ...]
    estimate: Score | None
    record: Any = None


class Choose:
    """An agent that says the draft which, by its own imagination, is best for its partner.

    Args:
        agent: who drafts and imagines: a name of an agent that can do both, like `hf:MODEL`.
        n: drafts of each message.
        imagine: `prediction` (the other's place, as the agent knows it) or `naive` (its own card in the other's place).
        samples: replies imagined to each draft; the estimate is their mean.
        reward: what drafts are chosen by: `reading` (what imagined replies tell of the reward), `lot` (nothing, a
            control), or the name of a reward, such as `judge(model=hf:MODEL)`.

    Raises:
        UserError: the agent or the reward cannot be had, the agent does not imagine, or the reward reads the truth.
    """

    def __init__(
        self,
        agent: str,
        n: Annotated[int, Field(ge=1)] = 8,
        imagine: Literal["prediction", "naive"] = "prediction",
        samples: Annotated[int, Field(ge=1)] = 1,
        reward: str = "reading",
    ) -> None:
        self.agent: Agent = load_agent(agent)
        if not isinstance(self.agent, Simulates):
            raise UserError(f"agent {agent!r} does not imagine others; choose needs one with simulate(views, as_agent)")
        self.n, self.imagine, self.samples = n, imagine, samples
        self.reward: Reward | None = None if reward in (READING, LOT) else load_reward(reward)
        if self.reward is not None and self.reward.privileged:
            raise UserError(
                f"choose(reward={reward}) would know the truth, which no agent may; expected another reward"
            )
        self.by_lot = reward == LOT
        self._scenario: Scenario | None = None
        self.repeats = getattr(self.agent, "repeats", True)
        self.batch_invariant = getattr(self.agent, "batch_invariant", True)
        self.reset([0])

    @property
    def tokens(self) -> int | None:
        """As the agent counts them."""
        return getattr(self.agent, "tokens", None)

    def weights_hash(self) -> str | None:
        """As the agent gives it, if it does."""
        hash_of = getattr(self.agent, "weights_hash", None)
        return None if hash_of is None else str(hash_of())

    def sit(self, scenario: Scenario, partners: Sequence[int]) -> None:
        """Take a place: estimates are made by the public reading of `scenario`, for the seats of `partners`."""
        assert isinstance(self.agent, Simulates)
        self._scenario = scenario
        if self.reward is None or isinstance(self.reward, Kindness):  # of the place before
            self.reward = Kindness(self.imagine, self.agent, scenario.read, partners, scenario=scenario)

    def reset(self, seeds: Sequence[int]) -> None:
        """Begin `len(seeds)` dialogues."""
        ask_reset(self.agent, seeds)
        self._lots = [generator(seed, "choice") for seed in seeds]

    def simulate(self, views: Sequence[Any], as_agent: Sequence[int]) -> Sequence[str | AgentError]:
        """As the agent does."""
        assert isinstance(self.agent, Simulates)
        return self.agent.simulate(views, as_agent)

    def act(self, observations: Sequence[Seen]) -> list[Reply | AgentError]:
        """The best draft in each dialogue."""
        if self.reward is None:
            raise AgentError("choose has no place at a table; let it play in a goldenrule.agents.world.World")
        asked = [seen for seen in observations for _ in range(self.n)]
        drafts = ask_act(self.agent, asked)
        estimates = None if self.by_lot else self._estimate(asked, drafts)
        chosen: list[tuple[int, Reply | AgentError]] = []
        for first, seen in zip(range(0, len(asked), self.n), observations, strict=True):
            own = range(first, first + self.n)
            lots = self._lots[seen.dialogue].permutation(self.n)
            best = max(
                own,
                key=lambda k: (
                    isinstance(drafts[k], Reply),
                    -1e9 if estimates is None or (value := estimates[k].value) is None else value,
                    lots[k - first],
                ),
            )
            chosen.append((first, drafts[best]))
        again: Sequence[Score | None] = [None] * len(chosen)
        if isinstance(self.reward, Kindness):
            again = self._estimate(observations, [reply for _, reply in chosen])
        return [
            reply
            if isinstance(reply, AgentError)
            else Reply(
                reply.text,
                reply.to,
                Choice(
                    tuple(one.text for one in drafts[first : first + self.n] if isinstance(one, Reply)),
                    () if estimates is None else tuple(one.value for one in estimates[first : first + self.n]),
                    estimate,
                    reply.record,
                ),
            )
            for (first, reply), estimate in zip(chosen, again, strict=True)
        ]

    def _estimate(self, seen: Sequence[Seen], replies: Sequence[Reply | AgentError]) -> list[Score]:
        """The mean over imagined replies of what each tells of the partner's reward."""
        assert self.reward is not None
        assert self._scenario is not None
        said = [k for k, reply in enumerate(replies) if isinstance(reply, Reply)]
        turns = []
        for k in said:
            reply, view = replies[k], seen[k].view
            assert isinstance(reply, Reply)
            words = self._scenario.words_of(reply.text, seen[k].tags)  # nobody hears the tag
            turns.append(SpeakerTurn(Message(view.me, words, reply.to), view))
        sampled = [ask_about(self.reward, turns, self._place) for _ in range(self.samples)]
        found = [Score(None, "there is no message")] * len(replies)
        for k, scores in zip(said, zip(*sampled, strict=True), strict=True):
            values = [score.value for score in scores if score.value is not None]
            note = " | ".join(score.note for score in scores)
            found[k] = Score(sum(values) / len(values), note=note) if values else Score(None, scores[0].reason, note)
        return found

    @staticmethod
    def _place(number: int) -> str:
        return f"choose, draft {number}"
