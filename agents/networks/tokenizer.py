"""Texts and labels as token ids.

Labels and turn ends are ids below `N_CONTROL`; texts are byte-level BPE ids shifted above it. No text can
therefore produce a label, whatever it contains: the two ranges do not meet.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from goldenrule.envs.conversation import View
from goldenrule.envs.message import NARRATOR, Message

PAD, CARD, END, ME, NARRATED, PRIVATE = range(6)
OTHER_0 = 6
N_CONTROL = 16
MAX_OTHERS = N_CONTROL - OTHER_0


@dataclass(frozen=True, slots=True)
class Span:
    """Where one message lies in a sequence: its text and end in `ids[start:stop]`, after its label and audience."""

    speaker: int
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class Encoded:
    """A view as token ids, and where its messages are."""

    ids: list[int]
    spans: list[Span]


class DialogueTokenizer:
    """Byte-level BPE with labels as reserved ids.

    Args:
        bpe: a byte-level Hugging Face tokenizer without special tokens.
    """

    def __init__(self, bpe: Tokenizer) -> None:
        self.bpe = bpe
        self.vocab_size = N_CONTROL + bpe.get_vocab_size()
        self._cache: dict[str, list[int]] = {}

    @classmethod
    def train(cls, texts: Iterable[str], vocab_size: int) -> DialogueTokenizer:
        """Learn merges from `texts`; the same texts in the same order give the same tokenizer.

        Args:
            texts: what to learn from.
            vocab_size: number of ids, control ids included; at least `N_CONTROL + 256`.
        """
        bpe = Tokenizer(models.BPE())
        bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        bpe.decoder = decoders.ByteLevel()
        trainer = trainers.BpeTrainer(
            vocab_size=vocab_size - N_CONTROL,
            initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
            show_progress=False,
        )
        bpe.train_from_iterator((" " + text for text in texts), trainer)
        return cls(bpe)

    def encode(self, text: str) -> list[int]:
        """Ids of a text: all of them at or above `N_CONTROL`. A space is put before it, and taken off by `decode`."""
        ids = self._cache.get(text)
        if ids is None:
            ids = [i + N_CONTROL for i in self.bpe.encode(" " + text, add_special_tokens=False).ids]
            if len(self._cache) < 200_000:
                self._cache[text] = ids
        return ids

    def decode(self, ids: Sequence[int]) -> str:
        """The text of ids; control ids are left out, bytes that are no UTF-8 become U+FFFD."""
        text = self.bpe.decode([i - N_CONTROL for i in ids if i >= N_CONTROL])
        return text.removeprefix(" ")

    def label(self, speaker: int, me: int, n_agents: int) -> int:
        """The label of a speaker as seen from seat `me`: `ME`, the narrator's, or an other's.

        Others are counted from the seat after mine, so that exchanging seats exchanges labels.

        Raises:
            ValueError: more agents than there are labels.
        """
        if speaker == NARRATOR:
            return NARRATED
        if speaker == me:
            return ME
        other = (speaker - me) % n_agents - 1
        if other >= MAX_OTHERS:
            raise ValueError(f"{n_agents} agents at one table; the tokenizer has labels for {MAX_OTHERS + 1}")
        return OTHER_0 + other

    def encode_view(self, view: View, said: Mapping[int, Sequence[int]] | None = None) -> Encoded:
        """A view as ids: the card, then each message as label, audience (unless everyone), text, end.

        Args:
            view: what is known, and whose place it is.
            said: by message index, the ids a message was sampled as, where they should be kept as they were.
        """
        ids = [CARD, *self.encode(view.card), END]
        spans = []
        for index, message in enumerate(view.messages):
            ids.append(self.label(message.speaker, view.me, len(view.agents)))
            ids += self._audience(message, view)
            start = len(ids)
            ids += said[index] if said and index in said else [*self.encode(message.text), END]
            spans.append(Span(message.speaker, start, len(ids)))
        return Encoded(ids, spans)

    def encode_within(self, view: View, limit: int, said: Mapping[int, Sequence[int]] | None = None) -> list[int]:
        """The ids of a view; of more than `limit`, the oldest messages are left out as need be, and the card kept."""
        ids, messages = self.encode_view(view, said).ids, view.messages
        while len(ids) > limit and messages:
            messages = messages[1:]
            ids = self.encode_view(replace(view, messages=messages)).ids
        return ids

    def _audience(self, message: Message, view: View) -> list[int]:
        """Nothing for a message to everyone; otherwise `PRIVATE` and who else has heard it."""
        if message.to is None:
            return []
        heard = {*message.to} - {message.speaker, view.me}
        return [PRIVATE, *sorted(self.label(agent, view.me, len(view.agents)) for agent in heard)]

    def to_json(self) -> str:
        """The tokenizer as text, for a checkpoint."""
        return self.bpe.to_str()

    @classmethod
    def from_json(cls, text: str) -> DialogueTokenizer:
        """The tokenizer of `to_json`."""
        return cls(Tokenizer.from_str(text))
