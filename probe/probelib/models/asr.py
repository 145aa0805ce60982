"""A streaming encoder of the Parakeet-1.1B shape: 42 conformer layers over chunks of frames."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F

from .. import shapes
from ..shapes import Step


class Asr:
    """Random weights in bfloat16, or in float32 with tf32 products.

    Parameters
    ----------
    steps : the steps that will run; the left-context caches are as large as the largest batch needs.
    precision : `"bf16"` or `"tf32"`.
    """

    def __init__(self, steps: list[Step], precision: str) -> None:
        self.dtype = torch.float32 if precision == "tf32" else torch.bfloat16
        if precision == "tf32":
            torch.backends.cuda.matmul.allow_tf32 = True
            torch.backends.cudnn.allow_tf32 = True
        hidden, ffn = shapes.ASR_HIDDEN, shapes.ASR_FFN
        sizes = {"up1": (ffn, hidden), "down1": (hidden, ffn), "qkv": (3 * hidden, hidden),
                 "o": (hidden, hidden), "wide": (2 * hidden, hidden),
                 "depth": (hidden, 1, shapes.ASR_KERNEL), "narrow": (hidden, hidden),
                 "up2": (ffn, hidden), "down2": (hidden, ffn)}  # fmt: skip
        self.layers = [
            {k: self._random(*s) * 0.02 for k, s in sizes.items()} for _ in range(shapes.ASR_LAYERS)
        ]
        batch = max(step.batch for step in steps)
        self.norm = (
            torch.ones(hidden, device="cuda", dtype=self.dtype),
            torch.zeros(hidden, device="cuda", dtype=self.dtype),
        )
        batch = max(step.batch for step in steps)
        self.cache = self._random(
            shapes.ASR_LAYERS, 2, batch, shapes.ASR_HEADS, shapes.ASR_LEFT, hidden // shapes.ASR_HEADS
        )

    def _random(self, *size: int) -> torch.Tensor:
        return torch.empty(*size, device="cuda", dtype=self.dtype).normal_()

    def prepare(self, step: Step) -> Callable[[], torch.Tensor]:
        """The step as a function of nothing, on fixed buffers."""
        x = self._random(step.batch, step.n, shapes.ASR_HIDDEN)
        return lambda: self._forward(x)

    def _forward(self, x: torch.Tensor) -> torch.Tensor:
        batch = x.shape[0]
        for weights, cache in zip(self.layers, self.cache):
            x = torch.add(x, self._ffn(x, weights["up1"], weights["down1"]), alpha=0.5)
            x = x + self._attention(self._norm(x), weights, cache[:, :batch])
            x = x + self._convolution(self._norm(x), weights)
            x = torch.add(x, self._ffn(x, weights["up2"], weights["down2"]), alpha=0.5)
            x = self._norm(x)
        return x

    def _ffn(self, x: torch.Tensor, up: torch.Tensor, down: torch.Tensor) -> torch.Tensor:
        return F.linear(F.silu(F.linear(self._norm(x), up)), down)

    def _attention(self, h: torch.Tensor, weights: dict, cache: torch.Tensor) -> torch.Tensor:
        batch, new, hidden = h.shape
        q, k, v = (t.view(batch, new, shapes.ASR_HEADS, -1).transpose(1, 2)
                   for t in F.linear(h, weights["qkv"]).chunk(3, -1))  # fmt: skip
        y = F.scaled_dot_product_attention(q, torch.cat((cache[0], k), 2), torch.cat((cache[1], v), 2))
        return F.linear(y.transpose(1, 2).reshape(batch, new, hidden), weights["o"])

    def _convolution(self, h: torch.Tensor, weights: dict) -> torch.Tensor:
        gated = F.glu(F.linear(h, weights["wide"]), -1).transpose(1, 2)
        y = F.conv1d(gated, weights["depth"], groups=h.shape[-1], padding=shapes.ASR_KERNEL // 2).transpose(
            1, 2
        )
        return F.linear(F.silu(y), weights["narrow"])

    def _norm(self, x: torch.Tensor) -> torch.Tensor:
        return F.layer_norm(x, (x.shape[-1],), *self.norm)
