"""The language-model agent: speaks with the behaviour output, imagines others with the prediction output."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch

from goldenrule.agents.base import Reply, Seen
from goldenrule.agents.networks.sampling import Sampled, sample
from goldenrule.agents.networks.session import Session
from goldenrule.agents.networks.three_module import Output, ThreeModuleTransformer
from goldenrule.agents.networks.tokenizer import ME, DialogueTokenizer
from goldenrule.common.seeding import derive
from goldenrule.envs.conversation import View


@dataclass(slots=True)
class _Row:
    """What one cached sequence holds."""

    fed: list[int] = field(default_factory=list)
    said: list[list[int]] = field(default_factory=list)


class LanguageModel:
    """An agent backed by a three-module transformer.

    Keeps one key-value cache over all its dialogues, which survives turns; `simulate` branches off it.

    Args:
        network, tokenizer: who speaks.
        max_new: longest message, in tokens; the network's own limit if not given.
        temperature: 1 samples the policy itself.
    """

    batch_invariant = False  # see `reset`

    def __init__(
        self,
        network: ThreeModuleTransformer,
        tokenizer: DialogueTokenizer,
        *,
        max_new: int | None = None,
        temperature: float = 1.0,
    ) -> None:
        self.network, self.tokenizer = network, tokenizer
        self.max_new = network.config.longest_message if max_new is None else max_new
        self.temperature = temperature
        self.tokens = 0
        self.reset([0])

    def reset(self, seeds: Sequence[int]) -> None:
        """Begin `len(seeds)` dialogues. Weights must not change until the next reset.

        One generator samples for the whole batch, since its rows are sampled together. It is seeded by all of `seeds`
        in their order, so what is said in one dialogue depends on the seeds of those beside it.
        """
        self._generator = torch.Generator(self.network.device).manual_seed(derive(0, "sampling", *seeds))
        self._rows: dict[tuple[int, int], int] = {}
        self._state: list[_Row] = []
        self._session = Session(self.network, 0)
        self._expected = len(seeds)

    def act(self, observations: Sequence[Seen]) -> list[Reply]:
        """Say something in each dialogue; `Reply.record` is the `Sampled` message."""
        rows = [self._row(seen) for seen in observations]
        contexts = [
            self._context(seen.view, _placed(seen.view, self._state[row].said))
            for seen, row in zip(observations, rows, strict=True)
        ]
        hidden = self._feed(rows, [[*ids, ME] for ids in contexts])
        sampled = sample(
            self._session,
            hidden,
            rows,
            "behaviour",
            self._generator,
            max_new=self.max_new,
            temperature=self.temperature,
        )
        replies = []
        for row, one in zip(rows, sampled, strict=True):
            state = self._state[row]
            state.fed += one.ids[:-1]  # all that the cache holds of it
            state.said.append(one.ids)
            self.tokens += len(one.ids)
            replies.append(Reply(self.tokenizer.decode(one.ids), record=one))
        return replies

    def _row(self, seen: Seen) -> int:
        key = (seen.dialogue, seen.view.me)
        if key not in self._rows:
            if not self._rows:
                self._session = Session(self.network, 0)
            self._rows[key] = len(self._state)
            self._state.append(_Row())
        return self._rows[key]

    @property
    def limit(self) -> int:
        """Longest context a message is sampled from as it is; of a longer one, the oldest messages are left out."""
        return self.network.config.context - self.max_new - 2

    def _context(self, view: View, said: dict[int, list[int]] | None = None) -> list[int]:
        """The ids of a view; where it would not fit, the oldest messages are left out and the card kept."""
        return self.tokenizer.encode_within(view, self.limit, said)

    def _feed(self, rows: Sequence[int], contexts: Sequence[list[int]]) -> torch.Tensor:
        """Bring rows to their contexts, feeding only what each cache does not hold yet."""
        if self._session.rows < len(self._state):
            self._session = self._grown()
        suffixes = []
        for row, ids in zip(rows, contexts, strict=True):
            state = self._state[row]
            # At least the last id is read anew: what comes next is sampled from its hidden state. Setting the length
            # back forgets what the cache holds beyond the shared prefix, such as messages left out of a long context.
            shared = _common_prefix(state.fed, ids, len(ids) - 1)
            self._session.lengths[row] = shared
            suffixes.append(ids[shared:])
            state.fed = state.fed[:shared]
        hidden = self._session.feed(rows, suffixes)
        for row, ids in zip(rows, contexts, strict=True):
            self._state[row].fed = list(ids)
        return hidden

    def _grown(self) -> Session:
        old = self._session
        grown = Session(self.network, max(len(self._state), self._expected), max(old.capacity, 64), old.decoder)
        grown.adopt(range(old.rows), old)
        return grown

    def simulate(self, views: Sequence[View], as_agent: Sequence[int]) -> list[str]:
        """What others would say next, by the prediction output, knowing what the views' owners know.

        Args:
            views: of one talk each; what is cached of them is not read again.
            as_agent: seat of the one who is imagined, for each view.

        Returns:
            A text for each view, empty where the first id drawn was the end.
        """
        return [self.tokenizer.decode(one.ids) for one in self.imagine(views, as_agent)]

    def imagine(
        self, views: Sequence[View], as_agent: Sequence[int], temperature: float | None = None
    ) -> list[Sampled]:
        """As `simulate`, as sampled ids.

        Args:
            views, as_agent: as in `simulate`.
            temperature: of the sampling; the model's own where not given.

        Returns:
            Ids with their logprobs (nats; temperature and bans included), one message a view.
        """
        prompts = [
            [*self._context(view), self.tokenizer.label(other, view.me, len(view.agents))]
            for view, other in zip(views, as_agent, strict=True)
        ]
        return self.sample(prompts, "prediction", temperature)

    def speak(self, views: Sequence[View]) -> list[str]:
        """What I would say in each view's place, by the behaviour output (a view may be `in_the_shoes_of` another)."""
        sampled = self.sample([[*self._context(view), ME] for view in views], "behaviour")
        return [self.tokenizer.decode(one.ids) for one in sampled]

    def sample(self, prompts: Sequence[list[int]], output: Output, temperature: float | None = None) -> list[Sampled]:
        """Sample a message after each prompt, in a branch of the cache where it holds a prefix of the prompt.

        Args:
            prompts: ids, at least one each, which together with `max_new` fit the network's context.
            output: `behaviour` or `prediction`.
            temperature: the model's own where not given; 0 takes the likeliest.

        Raises:
            ValueError: a prompt is longer than the context.
        """
        rows, shared = self._longest_prefixes(prompts)
        session = self._session.branch(rows, shared, room=max(map(len, prompts)) + self.max_new)
        hidden = session.feed(range(len(prompts)), [p[n:] for p, n in zip(prompts, shared, strict=True)])
        sampled = sample(
            session,
            hidden,
            range(len(prompts)),
            output,
            self._generator,
            max_new=self.max_new,
            temperature=self.temperature if temperature is None else temperature,
        )
        self.tokens += sum(len(one.ids) for one in sampled)
        return sampled

    def _longest_prefixes(self, prompts: Sequence[list[int]]) -> tuple[list[int], list[int]]:
        """For each prompt the cached row to branch from and how many of its ids it already holds."""
        if not self._state or not self._session.rows:
            if not self._session.rows:
                self._session = Session(self.network, 1)
            return [0] * len(prompts), [0] * len(prompts)
        # Rows are looked up by their first ids, or each prompt would be compared with every dialogue of the batch.
        heads: dict[tuple[int, ...], list[int]] = {}
        for number, state in enumerate(self._state):
            heads.setdefault(tuple(state.fed[:_KEY]), []).append(number)
        rows, shared = [], []
        for prompt in prompts:
            best, held = 0, 0
            for number in heads.get(tuple(prompt[:_KEY]), ()):
                common = _common_prefix(self._state[number].fed, prompt, len(prompt) - 1)
                if common > held:
                    best, held = number, common
            rows.append(best)
            shared.append(held)
        return rows, shared


_KEY = 12
"""Ids by which cached rows are looked up: most cards differ within so many, and one that does not costs time alone."""


def _placed(view: View, said: Sequence[list[int]]) -> dict[int, list[int]]:
    """The ids I said my latest messages as, by their place in the view (others may have spoken at the same time)."""
    mine = [k for k, message in enumerate(view.messages) if message.speaker == view.me]
    return dict(zip(reversed(mine), reversed(said), strict=False))


def _common_prefix(a: Sequence[int], b: Sequence[int], limit: int) -> int:
    limit = min(limit, len(a), len(b))
    if list(a[:limit]) == list(b[:limit]):
        return limit
    for i in range(limit):
        if a[i] != b[i]:
            return i
    return limit
