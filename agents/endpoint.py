"""An agent behind an OpenAI-compatible endpoint: it acts and imagines others.

It is asked for its message with a tag at the end. Where the tag is missing one short question is asked, and counted;
after that the message is what it is. A request that fails is repeated by the client, with back-off and as the server's
`Retry-After` says; what still fails is an error in the place of a reply, and ends that dialogue alone.
"""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Sequence
from typing import Annotated, Any
from urllib.parse import urlsplit

import openai
from pydantic import Field

from goldenrule.agents.base import AgentError, Reply, Seen, wait_for
from goldenrule.common.errors import UserError
from goldenrule.common.seeding import derive
from goldenrule.common.text import spoken_words, without_thoughts
from goldenrule.envs.conversation import View
from goldenrule.envs.scenarios.moves import normal
from goldenrule.envs.scenarios.understanding import split_tags

KEY = "OPENAI_API_KEY"
_HIDDEN = "(key)"


class EndpointAgent:
    """A model behind an endpoint.

    Args:
        model: `MODEL`, or `MODEL@BASE_URL` for another server than OpenAI's. The key is that of the environment.
        temperature: of sampling.
        max_new: longest message, in tokens.
        prompt: what it is told besides, where it speaks itself: "Be kind."
        concurrency: requests at a time.
        retries: how often a request that fails is repeated.
        timeout: seconds that a request may take.

    Attributes:
        tokens: how many the model has written.
        questions: how often a message had no tag and was asked for.

    Raises:
        UserError: the extra `endpoint` is not installed, or the address is none.
    """

    repeats = False  # a server promises nothing
    batch_invariant = False

    def __init__(
        self,
        model: str,
        temperature: Annotated[float, Field(ge=0)] = 0.8,
        max_new: Annotated[int, Field(ge=1)] = 200,
        prompt: str = "",
        concurrency: Annotated[int, Field(ge=1)] = 8,
        retries: Annotated[int, Field(ge=0)] = 5,
        timeout: Annotated[float, Field(gt=0)] = 60.0,
    ) -> None:
        self.model, _, url = model.partition("@")
        if url and (urlsplit(url).scheme not in ("http", "https") or urlsplit(url).username):
            raise UserError(
                f"openai:{self.model}@... has no address that can be used; expected http(s)://HOST/PATH without a "
                f"user's name: keys belong in {KEY}"
            )
        key = os.environ.get(KEY, "")
        if not key and not url:
            raise UserError(f"openai:{model} needs a key in {KEY}, or the address of a server: openai:MODEL@BASE_URL")
        self._key = key
        self._client = openai.AsyncOpenAI(
            api_key=key or "none", base_url=url or None, max_retries=retries, timeout=timeout
        )
        self.temperature, self.max_new, self.concurrency = temperature, max_new, concurrency
        self.prompt = prompt
        self.tokens = self.questions = 0
        self.reset([0])

    def reset(self, seeds: Sequence[int]) -> None:
        """Begin `len(seeds)` dialogues; the seeds are sent along, for servers that heed them."""
        self._seeds, self._asked, self._imagined = [*seeds], Counter[int](), 0
        self._imagination = derive(0, "imagination", *seeds)

    async def act(self, observations: Sequence[Seen]) -> list[Reply | AgentError]:
        """Say something in each dialogue; an error where there was no reply to be had."""
        limit = asyncio.Semaphore(self.concurrency)
        return [*await asyncio.gather(*(self._reply(seen, limit) for seen in observations))]

    async def _reply(self, seen: Seen, limit: asyncio.Semaphore) -> Reply | AgentError:
        chat = seen.view.prompted(self.prompt).chat()
        self._asked[seen.dialogue] += 1  # several drafts of one message are to differ
        seed = derive(self._seeds[seen.dialogue], "request", self._asked[seen.dialogue]) % 2**31
        try:
            async with limit:
                written = await self._ask(chat, seed)
                text = without_thoughts(written)
                if seen.tags and not split_tags(text, seen.tags)[1]:
                    self.questions += 1
                    asked = f"Which of these did you do? {' '.join(f'[{tag}]' for tag in seen.tags)} Answer with one."
                    more = [{"role": "assistant", "content": text}, {"role": "user", "content": asked}]
                    answer = normal((await self._ask([*chat, *more], seed, 16)).strip().strip("[]."))
                    text = f"{text} [{answer}]" if answer in seen.tags else text
        except AgentError as error:
            return error
        return Reply(text, record={"written": written})

    async def _ask(self, chat: Sequence[dict[str, str]], seed: int, max_new: int | None = None) -> str:
        """What the model writes next in a chat.

        Raises:
            AgentError: it could not be had, or is empty; in a line without the key.
        """
        messages: Any = list(chat)
        try:
            found: Any = await self._client.chat.completions.create(
                model=self.model,
                messages=messages,
                temperature=self.temperature,
                max_tokens=max_new or self.max_new,
                seed=seed,
            )
            text = found.choices[0].message.content
            self.tokens += getattr(found.usage, "completion_tokens", 0) or 0
        except (openai.OpenAIError, AttributeError, IndexError, TypeError, ValueError) as error:
            line = " ".join(f"{type(error).__name__}: {error}".split())[:300]
            raise AgentError(f"{self.model}: {line.replace(self._key, _HIDDEN) if self._key else line}") from None
        if not isinstance(text, str) or not without_thoughts(text):
            raise AgentError(f"{self.model} wrote nothing")
        return text

    def simulate(self, views: Sequence[View], as_agent: Sequence[int]) -> list[str | AgentError]:
        """What others would say next, from their places and without their cards; an error for what cannot be had."""
        return self.speak([view.place_of(other) for view, other in zip(views, as_agent, strict=True)])

    def speak(self, views: Sequence[View]) -> list[str | AgentError]:
        """What I would say in each view's place; an error for what cannot be had."""
        found = self.complete([view.chat() for view in views])
        return [one if isinstance(one, AgentError) else spoken_words(one) for one in found]

    def complete(self, chats: Sequence[list[dict[str, str]]]) -> list[str | AgentError]:
        """What the model writes next in each chat; an error for one that could not be had."""

        async def ask_all() -> list[str | AgentError]:
            limit = asyncio.Semaphore(self.concurrency)

            async def one(chat: list[dict[str, str]], number: int) -> str | AgentError:
                try:
                    async with limit:
                        return without_thoughts(await self._ask(chat, derive(self._imagination, number) % 2**31))
                except AgentError as error:
                    return error

            first, self._imagined = self._imagined, self._imagined + len(chats)
            return [*await asyncio.gather(*(one(chat, first + n) for n, chat in enumerate(chats)))]

        found: list[str | AgentError] = wait_for(ask_all())
        return found
