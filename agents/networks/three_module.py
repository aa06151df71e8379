"""The three-module transformer ([T] arXiv 2411.04127, 4.1).

The attention heads of every layer belong to the behaviour, the prediction or the perception module. One forward
pass gives a trunk that both outputs read: the behaviour policy `b(a|s)` and the prediction `p(a|s)`. The modules
share the residual stream and the feed-forward layers; what separates them is which loss writes which parameters
(see `routing`).

Departures: the paper leaves layer types open; this is a pre-norm decoder with rotary positions, squared ReLU
(arXiv 2109.08668) and heads of one module sharing keys and values (arXiv 2305.13245), both chosen for speed. A value
output for PPO belongs to the behaviour module and reads the trunk without writing to it.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, Literal, cast

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.autograd.function import FunctionCtx
from torch.nn import functional as F

from goldenrule.agents.networks import native
from goldenrule.agents.networks.tokenizer import PAD

Output = Literal["behaviour", "prediction"]
HEAD_MODULES = ("behaviour", "prediction", "perception")

Trunk = Float[Tensor, "B T width"]
Angles = Float[Tensor, "#B T 1 half_head"]
"""Cosines or sines of rotary positions; one row serves all where all have the same positions."""
Mask = Float[Tensor, "B 1 T T"] | Bool[Tensor, "B 1 T T"]
"""Where a position may look: true, or the number that is added to its score."""


@dataclass(frozen=True, slots=True)
class NetworkConfig:
    """Sizes of the network.

    Attributes:
        vocab_size: number of token ids.
        width: size of the residual stream.
        layers: number of layers.
        behaviour_heads, prediction_heads, perception_heads: attention heads of each module in every layer.
        sharing: heads of one module that share a key and a value; divides the heads of every module.
        head_width: size of one head; even.
        feed_forward: hidden size of the feed-forward layer.
        context: longest sequence, in tokens.
        longest_message: longest message it says, in tokens.
    """

    vocab_size: int
    width: int = 96
    layers: int = 4
    behaviour_heads: int = 2
    prediction_heads: int = 2
    perception_heads: int = 2
    sharing: int = 2
    head_width: int = 16
    feed_forward: int = 384
    context: int = 512
    longest_message: int = 24

    def __post_init__(self) -> None:
        if self.sharing < 1 or any(count % self.sharing for count in self.heads.values()):
            given = ", ".join(f"{module} {count}" for module, count in self.heads.items())
            raise ValueError(f"sharing={self.sharing} was given with heads {given}; expected a divisor of each")

    @property
    def heads(self) -> dict[str, int]:
        """Heads of each module, in the order they are laid out."""
        return {name: getattr(self, f"{name}_heads") for name in HEAD_MODULES}

    @property
    def key_heads(self) -> int:
        """Keys and values of all modules together."""
        return sum(self.heads.values()) // self.sharing

    def as_dict(self) -> dict[str, int]:
        """Plain values, for a checkpoint."""
        return asdict(self)


class SplitAttention(nn.Module):
    """Causal self-attention whose heads belong to modules.

    A head owns its rows of the query projection and its columns of the output projection, and shares those of the
    key and value projections with the other heads of its group, all of its module; each module's are separate
    parameters, joined at use.
    """

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        width, self.head_width = config.width, config.head_width
        self.n_heads, self.key_heads, self.sharing = sum(config.heads.values()), config.key_heads, config.sharing

        def parts(sharing: int) -> nn.ParameterDict:
            sizes = {m: n // sharing * self.head_width for m, n in config.heads.items()}
            return nn.ParameterDict({m: nn.Parameter(torch.empty(size, width)) for m, size in sizes.items()})

        self.query, self.key, self.value = parts(1), parts(self.sharing), parts(self.sharing)
        self.out = nn.ParameterDict(
            {m: nn.Parameter(torch.empty(width, n * self.head_width)) for m, n in config.heads.items()}
        )

    def weights(self) -> tuple[Float[Tensor, "qkv width"], Float[Tensor, "width mixed"]]:
        """The joined projections: into queries, keys and values, and out of the mixed values of all heads."""
        qkv = torch.cat([part[m] for part in (self.query, self.key, self.value) for m in HEAD_MODULES])
        return qkv, torch.cat([self.out[m] for m in HEAD_MODULES], dim=1)

    def split_heads(
        self, qkv: Float[Tensor, "B T qkv"], cos: Angles, sin: Angles
    ) -> tuple[
        Float[Tensor, "B T heads head"], Float[Tensor, "B T key_heads head"], Float[Tensor, "B T key_heads head"]
    ]:
        """Queries, keys (both rotated) and values, from the product of x and their weight."""
        heads = qkv.unflatten(-1, (-1, self.head_width))
        to_turn, values = heads.split((self.n_heads + self.key_heads, self.key_heads), dim=2)
        queries, keys = rotate(to_turn, cos, sin).split((self.n_heads, self.key_heads), dim=2)
        return queries, keys, values

    def forward(self, x: Trunk, cos: Angles, sin: Angles, mask: Mask | None = None) -> Trunk:
        """Attend over all of x: to all before, or as `mask` has it."""
        qkv_weight, out_weight = self.weights()
        q, k, v = (part.transpose(1, 2) for part in self.split_heads(F.linear(x, qkv_weight), cos, sin))
        mixed = F.scaled_dot_product_attention(q, k, v, mask, is_causal=mask is None, enable_gqa=self.sharing > 1)
        return F.linear(mixed.transpose(1, 2).flatten(2), out_weight)


def rotate(x: Float[Tensor, "B T heads head"], cos: Angles, sin: Angles) -> Float[Tensor, "B T heads head"]:
    """Rotary positions."""
    first, second = x.chunk(2, dim=-1)
    return torch.cat([first * cos - second * sin, second * cos + first * sin], dim=-1)


class _SquaredReLU(torch.autograd.Function):
    """max(x, 0)^2, whose gradient 2 max(x, 0) takes one pass; autograd's own takes three."""

    @staticmethod
    def forward(ctx: FunctionCtx, x: Tensor) -> Tensor:
        positive = F.relu(x)
        ctx.save_for_backward(positive)
        return positive.square()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        (positive,) = ctx.saved_tensors
        return torch.mul(gradients[0], positive).mul_(2.0)


def squared_relu(x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """max(x, 0)^2, elementwise (arXiv 2109.08668); in place of x where no gradient is kept."""
    if torch.is_grad_enabled():
        squared: Tensor = _SquaredReLU.apply(x)
        return squared
    return x.relu_().square_()


class Block(nn.Module):
    """One layer: attention, then feed-forward, each on a normed residual stream."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(config.width, bias=False)
        self.attention = SplitAttention(config)
        self.feed_forward_norm = nn.LayerNorm(config.width, bias=False)
        self.up = nn.Linear(config.width, config.feed_forward, bias=False)
        self.down = nn.Linear(config.feed_forward, config.width, bias=False)

    def feed_forward(self, x: Trunk) -> Trunk:
        """The feed-forward half, residual included."""
        return x + self.down(squared_relu(self.up(self.feed_forward_norm(x))))

    def forward(self, x: Trunk, cos: Angles, sin: Angles, mask: Mask | None = None) -> Trunk:
        """The next residual stream; `mask` as in `SplitAttention`."""
        x = x + self.attention(self.attention_norm(x), cos, sin, mask)
        return self.feed_forward(x)


class ThreeModuleTransformer(nn.Module):
    """Behaviour and prediction from one forward pass.

    Args:
        config: sizes.
        seed: the weights are drawn from a generator of this seed; the global generator is not used.
    """

    def __init__(self, config: NetworkConfig, seed: int = 0) -> None:
        super().__init__()
        self.config = config
        self.embedding = nn.Parameter(torch.empty(config.vocab_size, config.width))
        with torch.random.fork_rng(devices=[]):  # layers initialise themselves from the global generator
            self.blocks = nn.ModuleList([Block(config) for _ in range(config.layers)])
            self.value_out = nn.Linear(config.width, 1)
        self.norm = nn.LayerNorm(config.width, bias=False)
        self.behaviour_out = nn.Parameter(torch.empty(config.vocab_size, config.width))
        self.prediction_out = nn.Parameter(torch.empty(config.vocab_size, config.width))
        angles = torch.outer(
            torch.arange(config.context).float(),
            10_000.0 ** (-torch.arange(0, config.head_width, 2).float() / config.head_width),
        )
        self.register_buffer("cos", angles.cos()[:, None], persistent=False)
        self.register_buffer("sin", angles.sin()[:, None], persistent=False)
        self.cos: Tensor
        self.sin: Tensor
        self._initialise(seed)

    def _initialise(self, seed: int) -> None:
        rng = torch.Generator().manual_seed(seed)
        depth = math.sqrt(2 * self.config.layers)
        for name, parameter in self.named_parameters():
            with torch.no_grad():
                if parameter.dim() == 1:
                    parameter.fill_(0.0 if name.endswith("bias") else 1.0)
                    continue
                # What adds to the residual stream is scaled by depth, so that the stream does not grow with layers;
                # outputs begin small, so that the first policies are near uniform.
                scale = 0.02 if "embedding" in name else parameter.shape[-1] ** -0.5
                if ".out." in name or "down" in name:
                    scale /= depth
                if name.endswith("_out") or "value" in name:
                    scale *= 0.5
                parameter.copy_(torch.randn(parameter.shape, generator=rng) * scale)

    def forward(self, ids: Int[Tensor, "B T"]) -> Trunk:
        """The trunk over whole sequences.

        Args:
            ids: token ids; padding on the right needs no mask, since attention is causal.

        Returns:
            hidden states that `logits` and `values` read.

        Raises:
            ValueError: they are longer than the context.
        """
        if ids.shape[1] > self.config.context:
            raise ValueError(f"{ids.shape[1]} tokens were given; the network's context holds {self.config.context}")
        if self.compiled:
            return native.trunk(self.native_sizes(), self.trunk_weights(), ids, PAD)
        length = ids.shape[1]
        cos, sin = self.cos[None, :length], self.sin[None, :length]
        x = F.embedding(ids, self.embedding)
        for block in self.blocks:
            x = block(x, cos, sin)
        return self.norm(x)

    def logits(self, hidden: Float[Tensor, "*at width"], output: Output) -> Float[Tensor, "*at vocab"]:
        """Logits of one output at hidden states."""
        return F.linear(hidden, self.vocabulary(output))

    def vocabulary(self, output: Output) -> Float[Tensor, "vocab width"]:
        """Weight of one output."""
        return self.behaviour_out if output == "behaviour" else self.prediction_out

    def values(self, hidden: Float[Tensor, "*at width"]) -> Float[Tensor, "*at"]:
        """Value estimates at hidden states; no gradient reaches the trunk."""
        return self.value_out(hidden.detach()).squeeze(-1)

    @property
    def compiled(self) -> bool:
        """Whether the trunk is computed in C."""
        config = self.config
        return native.serves(self.embedding, config.width, config.head_width, config.feed_forward)

    def native_sizes(self) -> native.Sizes:
        """Its sizes as the C code takes them."""
        config, heads = self.config, sum(self.config.heads.values())
        sizes = (config.width, config.layers, heads, config.key_heads, config.head_width, config.feed_forward)
        return native.Sizes(*sizes, config.vocab_size, cos=self.cos, sin=self.sin)

    def trunk_weights(self) -> list[Tensor]:
        """All weights of the trunk, in the order of `native.Weights`."""
        weights: list[Tensor] = [self.embedding, self.norm.weight]
        for one in self.blocks:
            block = cast(Block, one)
            weights += [block.attention_norm.weight, *block.attention.weights()]
            weights += [block.feed_forward_norm.weight, block.up.weight, block.down.weight]
        return weights

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.embedding.device
