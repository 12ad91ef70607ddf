"""BERT's encoder (arXiv 1810.04805), which RoBERTa (arXiv 1907.11692) shares, for inference.

The weights bear their published names. The package transformers has these layers too, but takes
seconds and a quarter of a gigabyte to be imported.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F


@dataclass(frozen=True)
class BertSizes:
    """Sizes of an encoder."""

    vocabulary: int
    width: int
    layers: int
    heads: int
    mlp_width: int
    positions: int
    types: int  # of sentences told apart; only the first is used
    epsilon: float  # of the norms


class Bert(nn.Module):
    """Token ids to a state for each token.

    Args:
        sizes: of the encoder.
        first_position: of a text's first token in the table of positions; RoBERTa leaves two out.
        pooler: whether a layer for the whole text follows, see `pooled`.
    """

    encoder: Any
    pooler: Any

    def __init__(self, sizes: BertSizes, *, first_position: int = 0, pooler: bool = False) -> None:
        super().__init__()
        self.first_position = first_position
        self.embeddings = Embeddings(sizes)
        layers = nn.ModuleList(Layer(sizes) for _ in range(sizes.layers))
        self.encoder = nn.ModuleDict({"layer": layers})
        self.pooler = None
        if pooler:
            self.pooler = nn.ModuleDict({"dense": nn.Linear(sizes.width, sizes.width)})

    def forward(self, token_ids: Tensor, heard: Tensor) -> Tensor:
        """States (B, L, width).

        Args:
            token_ids: int64 (B, L), padded at the end.
            heard: bool (B, L); False for padding.
        """
        length = token_ids.shape[1]
        positions = torch.arange(length, device=token_ids.device) + self.first_position
        x: Tensor = self.embeddings(token_ids, positions)
        for layer in self.encoder["layer"]:
            x = layer(x, heard[:, None, None])
        return x

    def pooled(self, states: Tensor) -> Tensor:
        """One vector (B, width) for each text, from the state (B, L, width) of its first token."""
        return torch.tanh(self.pooler["dense"](states[:, 0]))


class Embeddings(nn.Module):
    """The sum of a token's own vector and those of its position and its sentence."""

    def __init__(self, sizes: BertSizes) -> None:
        super().__init__()
        self.word_embeddings = nn.Embedding(sizes.vocabulary, sizes.width)
        self.position_embeddings = nn.Embedding(sizes.positions, sizes.width)
        self.token_type_embeddings = nn.Embedding(sizes.types, sizes.width)
        self.LayerNorm = nn.LayerNorm(sizes.width, sizes.epsilon)

    def forward(self, token_ids: Tensor, positions: Tensor) -> Tensor:
        """Token ids (B, L) at positions (L,) to (B, L, width)."""
        told = self.word_embeddings(token_ids) + self.token_type_embeddings.weight[0]
        normed: Tensor = self.LayerNorm(told + self.position_embeddings(positions))
        return normed


class Layer(nn.Module):
    """Attention among a text's tokens, then a perceptron on each of them."""

    attention: Any
    intermediate: Any

    def __init__(self, sizes: BertSizes) -> None:
        super().__init__()
        width = sizes.width
        self.heads = sizes.heads
        asked = {name: nn.Linear(width, width) for name in ("query", "key", "value")}
        self.attention = nn.ModuleDict(
            {"self": nn.ModuleDict(asked), "output": Added(width, width, sizes.epsilon)}
        )
        self.intermediate = nn.ModuleDict({"dense": nn.Linear(width, sizes.mlp_width)})
        self.output = Added(sizes.mlp_width, width, sizes.epsilon)

    def forward(self, x: Tensor, heard: Tensor) -> Tensor:
        """X (B, L, width), and again; ``heard`` bool (B, 1, 1, L)."""
        B, L, C = x.shape
        q, k, v = (
            layer(x).view(B, L, self.heads, C // self.heads).transpose(1, 2)  # (B, H, L, D)
            for layer in self.attention["self"].values()
        )
        y = F.scaled_dot_product_attention(q, k, v, attn_mask=heard)
        x = self.attention["output"](y.transpose(1, 2).reshape(B, L, C), x)
        answer: Tensor = self.output(F.gelu(self.intermediate["dense"](x)), x)
        return answer


class Added(nn.Module):
    """A projection added to what was before, and normalised."""

    def __init__(self, inputs: int, width: int, epsilon: float) -> None:
        super().__init__()
        self.dense = nn.Linear(inputs, width)
        self.LayerNorm = nn.LayerNorm(width, epsilon)

    def forward(self, x: Tensor, before: Tensor) -> Tensor:
        """X (..., inputs) and what was before (..., width) to (..., width)."""
        normed: Tensor = self.LayerNorm(self.dense(x) + before)
        return normed
