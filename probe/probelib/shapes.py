"""Steps: what a client repeats, and the work in one of them, counted by hand."""

from __future__ import annotations

from dataclasses import dataclass

LLM_LAYERS, LLM_HIDDEN, LLM_KV_HEADS, LLM_HEADS, LLM_HEAD_SIZE = 32, 4096, 8, 32, 128
LLM_FFN, LLM_VOCABULARY = 14336, 128256
LLM_LAYER_PARAMS = LLM_LAYERS * (
    LLM_HIDDEN * (2 * LLM_HIDDEN + 2 * LLM_KV_HEADS * LLM_HEAD_SIZE) + 3 * LLM_HIDDEN * LLM_FFN
)
LLM_HEAD_PARAMS = LLM_HIDDEN * LLM_VOCABULARY
ASR_LAYERS, ASR_HIDDEN, ASR_HEADS, ASR_FFN, ASR_KERNEL, ASR_LEFT = 42, 1024, 8, 4096, 9, 70
ASR_PARAMS = ASR_LAYERS * (7 * ASR_HIDDEN**2 + 4 * ASR_HIDDEN * ASR_FFN + ASR_HIDDEN * ASR_KERNEL)
TTS_LAYERS, TTS_HIDDEN, TTS_HEADS, TTS_FFN, TTS_TEXT = 12, 768, 12, 3072, 64
TTS_CODEBOOKS, TTS_CODES = 8, 2024
TTS_PARAMS = (
    TTS_LAYERS * (6 * TTS_HIDDEN**2 + 2 * TTS_HIDDEN * TTS_FFN) + TTS_HIDDEN * TTS_CODEBOOKS * TTS_CODES
)
VOCODER_CHANNELS = (512, 256, 128, 64, 32)
VOCODER_RATES = (4, 4, 4, 2)

PARAMS = {"llm": LLM_LAYER_PARAMS + LLM_HEAD_PARAMS, "asr": ASR_PARAMS, "tts": TTS_PARAMS}


@dataclass(frozen=True, order=True)
class Step:
    """One step of a model: `batch` sequences or streams, `n` tokens or frames (see probe/README.md)."""

    model: str
    step: str
    batch: int
    n: int

    @property
    def family(self) -> str:
        """`llm`, `asr` or `tts`: the architecture, without the precision."""
        return self.model.split("-")[0]

    @property
    def precision(self) -> str:
        """Number format of the large products: `bf16` unless the model's name ends in another."""
        return self.model.split("-")[1] if "-" in self.model else "bf16"

    def to_list(self) -> list[str | int]:
        """The form used in the data files."""
        return [self.model, self.step, self.batch, self.n]

    def __str__(self) -> str:
        return f"{self.model} {self.step} {self.batch}x{self.n}"


def parse_step(text: str) -> Step:
    """Reads `"llm decode 64x2048"`."""
    model, step, size = text.split()
    batch, n = size.split("x")
    return Step(model, step, int(batch), int(n))


def step_gflop(step: Step) -> float:
    """Multiply-adds of one step counted twice, in GFLOP; causal attention counts half the square."""
    if step.step == "decode":
        attention = 4 * LLM_LAYERS * LLM_HIDDEN * step.n
        return step.batch * (2 * (LLM_LAYER_PARAMS + LLM_HEAD_PARAMS) + attention) / 1e9
    if step.step == "prefill":
        attention = 2 * LLM_LAYERS * LLM_HIDDEN * step.n**2
        return step.batch * (2 * LLM_LAYER_PARAMS * step.n + 2 * LLM_HEAD_PARAMS + attention) / 1e9
    if step.step == "chunk":
        attention = 4 * ASR_LAYERS * ASR_HIDDEN * (ASR_LEFT + step.n)
        return step.batch * step.n * (2 * ASR_PARAMS + attention) / 1e9
    if step.step == "ar":
        attention = 4 * TTS_LAYERS * TTS_HIDDEN * step.n
        return step.batch * (2 * TTS_PARAMS + attention) / 1e9
    return step.batch * step.n * _vocoder_flop_per_frame() / 1e9


def _vocoder_flop_per_frame() -> int:
    flop = 2 * 7 * TTS_HIDDEN * VOCODER_CHANNELS[0]
    samples = 1
    for inner, outer, rate in zip(VOCODER_CHANNELS, VOCODER_CHANNELS[1:], VOCODER_RATES):
        samples *= rate
        flop += samples * (2 * 2 * inner * outer + 2 * 2 * 3 * outer**2)
    return flop + samples * 2 * 7 * VOCODER_CHANNELS[-1]


def weight_gbyte(model: str) -> float:
    """Weights that one step reads, in GB (1e9 bytes)."""
    family, _, precision = model.partition("-")
    if family == "llm":
        return ((1 if precision == "fp8" else 2) * LLM_LAYER_PARAMS + 2 * LLM_HEAD_PARAMS) / 1e9
    return (4 if precision == "tf32" else 2) * PARAMS[family] / 1e9


def cache_gbyte(step: Step) -> float:
    """Keys and values that a step reads, in GB."""
    if step.family == "llm":
        return 2 * 2 * LLM_LAYERS * LLM_KV_HEADS * LLM_HEAD_SIZE * step.batch * step.n / 1e9
    if step.family == "asr":
        size = 4 if step.precision == "tf32" else 2
        return size * step.batch * 2 * ASR_LAYERS * ASR_HIDDEN * ASR_LEFT / 1e9
    return 2 * 2 * TTS_LAYERS * TTS_HIDDEN * step.batch * step.n / 1e9 if step.step == "ar" else 0.0


def step_gbyte(step: Step) -> float:
    """Weights read once plus the cache read once, in GB; activations are not counted; 0 for the vocoder."""
    return 0.0 if step.step == "vocode" else weight_gbyte(step.model) + cache_gbyte(step)


def resident_gbyte(steps: list[Step]) -> float:
    """GPU memory of a process that can run these steps, in GB: weights, the largest caches, 1 GB for the rest."""
    models = {step.model for step in steps}
    weights = sum(weight_gbyte(model) for model in models)
    embeddings = sum(2 * LLM_HEAD_PARAMS / 1e9 for model in models if model.startswith("llm"))
    families = {step.family for step in steps}
    caches = sum(max(cache_gbyte(step) for step in steps if step.family == family) for family in families)
    return 1.0 + weights + embeddings + caches
