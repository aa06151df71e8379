"""The three-module transformer ([T] arXiv 2411.04127, 4.1).

The attention heads of every layer belong to the behaviour, the prediction or the perception module. One forward
pass gives a trunk that both outputs read: the behaviour policy `b(a|s)` and the prediction `p(a|s)`. The modules
share the residual stream and the feed-forward layers; what separates them is which loss writes which parameters
(see `routing`).

Departures: the paper leaves layer types open; this is a pre-norm decoder with rotary positions and GELU. A value output
for PPO belongs to the behaviour module and reads the trunk without writing to it.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

Output = Literal["behaviour", "prediction"]
HEAD_MODULES = ("behaviour", "prediction", "perception")


@dataclass(frozen=True, slots=True)
class NetworkConfig:
    """Sizes of the network.

    Attributes:
        vocab_size: number of token ids.
        width: size of the residual stream.
        layers: number of layers.
        behaviour_heads, prediction_heads, perception_heads: attention heads of each module in every layer.
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
    head_width: int = 16
    feed_forward: int = 384
    context: int = 512
    longest_message: int = 24

    @property
    def heads(self) -> dict[str, int]:
        """Heads of each module, in the order they are laid out."""
        return {name: getattr(self, f"{name}_heads") for name in HEAD_MODULES}

    def as_dict(self) -> dict[str, int]:
        """Plain values, for a checkpoint."""
        return asdict(self)


class SplitAttention(nn.Module):
    """Causal self-attention whose heads belong to modules.

    A head owns its rows of the query, key and value projections and its columns of the output projection; each
    module's are separate parameters, joined at use.
    """

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        width, self.head_width = config.width, config.head_width
        self.n_heads = sum(config.heads.values())
        self.query, self.key, self.value = (
            nn.ParameterDict(
                {m: nn.Parameter(torch.empty(n * self.head_width, width)) for m, n in config.heads.items()}
            )
            for _ in range(3)
        )
        self.out = nn.ParameterDict(
            {m: nn.Parameter(torch.empty(width, n * self.head_width)) for m, n in config.heads.items()}
        )

    def weights(self) -> tuple[Tensor, Tensor]:
        """The joined projections: [3 * heads * head_width, width] and [width, heads * head_width]."""
        qkv = torch.cat([part[m] for part in (self.query, self.key, self.value) for m in HEAD_MODULES])
        return qkv, torch.cat([self.out[m] for m in HEAD_MODULES], dim=1)

    def project(self, x: Tensor, cos: Tensor, sin: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys (both rotated) and values of x [B, T, width], each [B, T, heads, head_width]."""
        batch, length, _ = x.shape
        qkv = F.linear(x, self.weights()[0]).view(batch, length, 3, self.n_heads, self.head_width)
        to_turn, values = qkv.split((2, 1), dim=2)
        queries, keys = rotate(to_turn, cos, sin).unbind(2)
        return queries, keys, values.squeeze(2)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        """Attend over the whole sequence x [B, T, width]."""
        q, k, v = (part.transpose(1, 2) for part in self.project(x, cos, sin))
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return F.linear(mixed.transpose(1, 2).flatten(2), self.weights()[1])


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotary positions: x [B, T, parts, heads, head_width], cos and sin [B or 1, T, 1, 1, head_width / 2]."""
    first, second = x.chunk(2, dim=-1)
    return torch.cat([first * cos - second * sin, second * cos + first * sin], dim=-1)


class Block(nn.Module):
    """One layer: attention, then feed-forward, each on a normed residual stream."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(config.width, bias=False)
        self.attention = SplitAttention(config)
        self.feed_forward_norm = nn.LayerNorm(config.width, bias=False)
        self.up = nn.Linear(config.width, config.feed_forward, bias=False)
        self.down = nn.Linear(config.feed_forward, config.width, bias=False)

    def feed_forward(self, x: Tensor) -> Tensor:
        """The feed-forward half, residual included."""
        return x + self.down(F.gelu(self.up(self.feed_forward_norm(x)), approximate="tanh"))

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        """x [B, T, width] to the same shape."""
        x = x + self.attention(self.attention_norm(x), cos, sin)
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
        self.register_buffer("cos", angles.cos()[:, None, None], persistent=False)
        self.register_buffer("sin", angles.sin()[:, None, None], persistent=False)
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
                scale = 0.02 if "embedding" in name else parameter.shape[-1] ** -0.5
                if ".out." in name or "down" in name:
                    scale /= depth
                if name.endswith("_out") or "value" in name:
                    scale *= 0.5
                parameter.copy_(torch.randn(parameter.shape, generator=rng) * scale)

    def forward(self, ids: Tensor) -> Tensor:
        """The trunk over whole sequences.

        Args:
            ids: token ids [B, T]; padding on the right needs no mask, since attention is causal.

        Returns:
            hidden states [B, T, width] that `logits` and `values` read.
        """
        length = ids.shape[1]
        cos, sin = self.cos[None, :length], self.sin[None, :length]
        x = F.embedding(ids, self.embedding)
        for block in self.blocks:
            x = block(x, cos, sin)
        return self.norm(x)

    def logits(self, hidden: Tensor, output: Output) -> Tensor:
        """Logits [..., vocab_size] of one output at hidden states [..., width]."""
        return F.linear(hidden, self.behaviour_out if output == "behaviour" else self.prediction_out)

    def values(self, hidden: Tensor) -> Tensor:
        """Value estimates [...] at hidden states [..., width]; no gradient reaches the trunk."""
        return self.value_out(hidden.detach()).squeeze(-1)

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.embedding.device
