"""Scenarios of any services in any mode, as chance has them, for what must hold of all."""

import random
from typing import Any

import gpushare as gs

__all__ = ["ran", "random_scenario"]

LLMS = ("llama-3.2-1b", "qwen2.5-7b", "llama-3.1-8b", "gemma-3-12b", "gpt-oss-20b")
SPEECH = ("parakeet-1.1b", "parakeet-rnnt-1.1b", "parakeet-ctc-0.6b")
VOICES = ("magpie-tts", "cosyvoice-0.5b")
BATCHED = ("embedding-0.3b", "resnet50", "whisper-large-v3", "bge-m3")
LAYOUTS = ("7x1g.10gb", "3g.40gb+3g.40gb", "2g.20gb+2g.20gb+3g.40gb", "4g.40gb+3g.40gb")
CUT = ("a100", "h100")
WHOLE = ("l40s", "a10", "t4", "h200")


def random_scenario(luck: random.Random) -> dict[str, Any]:
    """A document of one to three services, each with traffic of its own for a few seconds, in some mode."""
    card = luck.choice(CUT + WHOLE)
    names = [f"s{i}" for i in range(luck.randint(1, 3))]
    services = {name: _service(luck) for name in names}
    return {
        "name": "random",
        "gpu": card,
        "duration_s": luck.choice([2, 5]),
        "services": services,
        "placement": {
            "mode": _mode(luck, card),
            "consolidate": luck.sample(names, luck.randint(1, len(names))),
        },
        "pipelines": {name: {"stages": [{"name": name, "service": name}]} for name in names},
        "traffic": [
            {
                "name": name,
                "pipeline": name,
                "kind": "open",
                "arrivals": {"kind": "poisson", "rate_per_s": luck.choice([0.5, 3, 12])},
                "sizes": {
                    "input_tokens": {"kind": "exponential", "mean": luck.choice([50, 600]), "min": 1},
                    "output_tokens": {"kind": "exponential", "mean": luck.choice([20, 150]), "min": 1},
                    "speech_s": luck.choice([0.7, 3]),
                },
            }
            for name in names
        ],
    }


def _mode(luck: random.Random, card: str) -> str:
    kinds = [
        "dedicated",
        "time-slicing",
        f"time-slicing:{luck.randint(2, 4)}",
        "mps",
        f"mps:{luck.choice([20, 30, 50])}%",
        f"mps:x{luck.randint(2, 4)}",
    ]
    if card in CUT:
        within = luck.choice(["", "", "/mps", "/time-slicing"])
        kinds += [f"mig:{luck.choice(LAYOUTS)}{within}"] * 4
    return luck.choice(kinds)


def _service(luck: random.Random) -> dict[str, Any]:
    model = luck.choice(luck.choice([LLMS, SPEECH, VOICES, BATCHED]))
    service: dict[str, Any] = {"model": model, "engine": _engine(luck, model)}
    if luck.random() < 0.4:
        service["replicas"] = luck.randint(1, 3)
    if model in LLMS:
        service["precision"] = luck.choice(["fp16", "int4"])
        if luck.random() < 0.2:
            service["tensor_parallel"] = 2
    if luck.random() < 0.15 and "kv_blocks" not in service["engine"]:
        service["memory_bytes"] = luck.choice([1e9, 8e9, 2e10, 7e10])
    return service


def _engine(luck: random.Random, model: str) -> dict[str, Any]:
    if model in SPEECH:
        return {
            "kind": "stream-batching",
            "max_batch": luck.choice([1, 16, 64]),
            "chunk_s": luck.choice([0.08, 0.16, 0.5]),
        }
    if model in VOICES:
        return {"kind": "autoregressive-slots", "slots": luck.choice([8, 32, 64])}
    if model in BATCHED:
        return {"kind": "dynamic-batching", "max_batch": luck.choice([1, 8, 128])}
    engine: dict[str, Any] = {
        "kind": "continuous-batching",
        "max_num_seqs": luck.choice([4, 64, 512]),
        "max_num_batched_tokens": luck.choice([512, 2048, 16384]),
    }
    chosen = luck.choice(["", "gpu_memory_utilization", "kv_blocks"])
    if chosen == "gpu_memory_utilization":
        engine[chosen] = luck.choice([0.2, 0.45, 0.9, 0.98])
    if chosen == "kv_blocks":
        engine[chosen] = luck.choice([500, 5000, 50_000])
    return engine


def ran(document: dict[str, Any]) -> tuple[gs.Scenario, gs.Result] | None:
    """A scenario and its run; None where it is refused."""
    try:
        scenario = gs.Scenario.from_dict(document)
        return scenario, gs.simulate(scenario)
    except gs.Error as refused:
        if "defect" in str(refused):
            raise
        return None
