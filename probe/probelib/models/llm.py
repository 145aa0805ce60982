"""A decoder of the Llama-3.1-8B shape: prompts (`prefill`) and one token at a time (`decode`)."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F

from .. import shapes
from ..shapes import Step

FP8_MAX = 448.0


class Llm:
    """Random weights in bfloat16; with `precision="fp8"` the layers' products run in e4m3.

    Rotary embedding is left out, and a prompt's keys and values are not stored: neither decides how clients share.

    Parameters
    ----------
    steps : the steps that will run.
    precision : `"bf16"` or `"fp8"` (weights and activations with one scale a tensor).
    cache : keys and values, (layers, elements), which models of one process share; made for `steps` when None.
    """

    def __init__(self, steps: list[Step], precision: str, cache: torch.Tensor | None = None) -> None:
        self.fp8 = precision == "fp8"
        hidden, ffn = shapes.LLM_HIDDEN, shapes.LLM_FFN
        kv_width = shapes.LLM_KV_HEADS * shapes.LLM_HEAD_SIZE
        sizes = {"qkv": (hidden + 2 * kv_width, hidden), "o": (hidden, hidden), "gate_up": (2 * ffn, hidden),
                 "down": (hidden, ffn)}  # fmt: skip
        self.layers = [{k: self._weight(*s) for k, s in sizes.items()} for _ in range(shapes.LLM_LAYERS)]
        self.norm = torch.ones(hidden, device="cuda", dtype=torch.bfloat16)
        self.embedding = _random(shapes.LLM_VOCABULARY, hidden)
        self.head = _random(shapes.LLM_VOCABULARY, hidden)
        self.one = torch.ones((), device="cuda")
        self.cache = make_cache(steps) if cache is None else cache

    def _weight(self, rows: int, columns: int) -> torch.Tensor:
        weight = _random(rows, columns)
        return weight.to(torch.float8_e4m3fn) if self.fp8 else weight

    def _linear(self, x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        if not self.fp8:
            return F.linear(x, weight)
        narrow = x.clamp(-FP8_MAX, FP8_MAX).to(torch.float8_e4m3fn).view(-1, x.shape[-1])
        y = torch._scaled_mm(
            narrow, weight.t(), self.one, self.one, out_dtype=torch.bfloat16, use_fast_accum=True
        )
        return y.view(*x.shape[:-1], -1)

    def prepare(self, step: Step) -> Callable[[], torch.Tensor]:
        """The step as a function of nothing, on fixed buffers."""
        new = 1 if step.step == "decode" else step.n
        tokens = torch.randint(0, shapes.LLM_VOCABULARY, (step.batch, new), device="cuda")
        size = (2, step.batch, shapes.LLM_KV_HEADS, step.n, shapes.LLM_HEAD_SIZE)
        caches = [layer[: 2 * step.batch * step.n * size[2] * size[4]].view(size) for layer in self.cache]
        return lambda: self._forward(tokens, caches)

    def _forward(self, tokens: torch.Tensor, caches: list[torch.Tensor]) -> torch.Tensor:
        x = F.embedding(tokens, self.embedding)
        for weights, cache in zip(self.layers, caches):
            x = x + self._attention(self._norm(x), weights, cache)
            gate, up = self._linear(self._norm(x), weights["gate_up"]).chunk(2, -1)
            x = x + self._linear(F.silu(gate) * up, weights["down"])
        return F.linear(self._norm(x[:, -1]), self.head).argmax(-1)

    def _attention(self, h: torch.Tensor, weights: dict, cache: torch.Tensor) -> torch.Tensor:
        batch, new, width = h.shape
        kv_width = shapes.LLM_KV_HEADS * shapes.LLM_HEAD_SIZE
        q, k, v = (t.view(batch, new, -1, shapes.LLM_HEAD_SIZE).transpose(1, 2)
                   for t in self._linear(h, weights["qkv"]).split((width, kv_width, kv_width), -1))  # fmt: skip
        if new == 1:
            cache[0, :, :, -1:] = k
            cache[1, :, :, -1:] = v
            k, v = cache[0], cache[1]
        y = F.scaled_dot_product_attention(q, k, v, is_causal=new > 1, enable_gqa=True)
        return self._linear(y.transpose(1, 2).reshape(batch, new, width), weights["o"])

    def _norm(self, x: torch.Tensor) -> torch.Tensor:
        return F.rms_norm(x, (x.shape[-1],), self.norm, 1e-5)


def make_cache(steps: list[Step]) -> torch.Tensor:
    """Keys and values for the largest of the steps, filled with random numbers."""
    tokens = max(step.batch * step.n for step in steps)
    elements = 2 * tokens * shapes.LLM_KV_HEADS * shapes.LLM_HEAD_SIZE
    cache = torch.empty(shapes.LLM_LAYERS, elements, device="cuda", dtype=torch.bfloat16)
    for layer in cache:
        layer.normal_()
    return cache


def _random(rows: int, columns: int) -> torch.Tensor:
    return torch.empty(rows, columns, device="cuda", dtype=torch.bfloat16).normal_(0, 0.02)
