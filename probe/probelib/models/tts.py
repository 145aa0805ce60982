"""A Magpie-like speech decoder (`ar`: one frame of eight codes) and its vocoder (`vocode`)."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F

from .. import shapes
from ..shapes import Step


class Tts:
    """Random weights in bfloat16; new keys and values are computed but not stored. The text of a sequence is `shapes.TTS_TEXT` encoded tokens.

    Parameters
    ----------
    steps : the steps that will run; caches are as large as the largest needs.
    precision : `"bf16"`.
    """

    def __init__(self, steps: list[Step], precision: str) -> None:
        if precision != "bf16":
            raise ValueError(f"tts has no precision {precision}")
        hidden, ffn = shapes.TTS_HIDDEN, shapes.TTS_FFN
        sizes = {"qkv": (3 * hidden, hidden), "o": (hidden, hidden), "cross_q": (hidden, hidden),
                 "cross_o": (hidden, hidden), "up": (ffn, hidden), "down": (hidden, ffn)}  # fmt: skip
        self.layers = [{k: _random(*s) * 0.02 for k, s in sizes.items()} for _ in range(shapes.TTS_LAYERS)]
        self.head = _random(shapes.TTS_CODEBOOKS * shapes.TTS_CODES, hidden) * 0.02
        self.embedding = _random(shapes.TTS_CODEBOOKS * shapes.TTS_CODES, hidden) * 0.02
        self.offsets = torch.arange(shapes.TTS_CODEBOOKS, device="cuda") * shapes.TTS_CODES
        spoken = [step for step in steps if step.step == "ar"]
        tokens = max((step.batch * step.n for step in spoken), default=1)
        batch = max((step.batch for step in spoken), default=1)
        self.cache = _random(shapes.TTS_LAYERS, 2 * tokens * hidden)
        self.text = _random(
            shapes.TTS_LAYERS, 2, batch, shapes.TTS_HEADS, shapes.TTS_TEXT, hidden // shapes.TTS_HEADS
        )
        self.vocoder = Vocoder()

    def prepare(self, step: Step) -> Callable[[], torch.Tensor]:
        """The step as a function of nothing, on fixed buffers."""
        if step.step == "vocode":
            latent = _random(step.batch, shapes.TTS_HIDDEN, step.n)
            return lambda: self.vocoder.forward(latent)
        codes = torch.randint(0, shapes.TTS_CODES, (step.batch, shapes.TTS_CODEBOOKS), device="cuda")
        size = (2, step.batch, shapes.TTS_HEADS, step.n, shapes.TTS_HIDDEN // shapes.TTS_HEADS)
        caches = [layer[: 2 * step.batch * step.n * shapes.TTS_HIDDEN].view(size) for layer in self.cache]
        return lambda: self._forward(codes, caches)

    def _forward(self, codes: torch.Tensor, caches: list[torch.Tensor]) -> torch.Tensor:
        batch = codes.shape[0]
        x = F.embedding(codes + self.offsets, self.embedding).sum(1, keepdim=True)
        for weights, cache, text in zip(self.layers, caches, self.text):
            q = F.linear(_norm(x), weights["qkv"])[..., : shapes.TTS_HIDDEN]
            q = q.view(batch, 1, shapes.TTS_HEADS, -1).transpose(1, 2)
            x = x + F.linear(_attend(q, cache[0], cache[1]), weights["o"])
            q = F.linear(_norm(x), weights["cross_q"]).view(batch, 1, shapes.TTS_HEADS, -1).transpose(1, 2)
            x = x + F.linear(_attend(q, text[0, :batch], text[1, :batch]), weights["cross_o"])
            x = x + F.linear(F.gelu(F.linear(_norm(x), weights["up"])), weights["down"])
        logits = F.linear(_norm(x), self.head).view(batch, shapes.TTS_CODEBOOKS, shapes.TTS_CODES)
        return torch.softmax(logits.float(), -1).argmax(-1)


class Vocoder:
    """Upsamples codec frames 128 times: transposed convolutions with two residual blocks a stage."""

    def __init__(self) -> None:
        channels = shapes.VOCODER_CHANNELS
        self.first = _random(channels[0], shapes.TTS_HIDDEN, 7) * 0.02
        self.stages = [
            (
                _random(inner, outer, 2 * rate) * 0.02,
                [_random(outer, outer, 3) * 0.02 for _ in range(2)],
                rate,
            )
            for inner, outer, rate in zip(channels, channels[1:], shapes.VOCODER_RATES)
        ]
        self.last = _random(1, channels[-1], 7) * 0.02

    def forward(self, latent: torch.Tensor) -> torch.Tensor:
        """Waveforms, (batch, 1, 128 n), of latents (batch, hidden, n)."""
        x = F.conv1d(latent, self.first, padding=3)
        for up, residuals, rate in self.stages:
            x = F.conv_transpose1d(F.leaky_relu(x, 0.1), up, stride=rate, padding=rate // 2)
            for residual in residuals:
                x = x + F.conv1d(F.leaky_relu(x, 0.1), residual, padding=1)
        return torch.tanh(F.conv1d(F.leaky_relu(x, 0.1), self.last, padding=3))


def _attend(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
    y = F.scaled_dot_product_attention(q, k, v)
    return y.transpose(1, 2).reshape(q.shape[0], 1, shapes.TTS_HIDDEN)


def _norm(x: torch.Tensor) -> torch.Tensor:
    return F.layer_norm(x, (x.shape[-1],))


def _random(*size: int) -> torch.Tensor:
    return torch.empty(*size, device="cuda", dtype=torch.bfloat16).normal_()
