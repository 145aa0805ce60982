"""How large a planning problem may be: plans of made-up fleets of services, their gaps and what they take.

`python bench/plans.py 4 8 12` plans for so many services on one kind of GPU; `--gpus a100=32,h100=32` for more.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import time
from collections.abc import Mapping, Sequence
from typing import Any

import gpushare as gs
from gpushare.planning.plan import Plan, plan

#: Seconds a run lasts, and those that are not looked at.
HORIZON_S, WARMUP_S = 60.0, 5.0
PRICES = {"a100": 2.0, "h100": 3.5}


def lognormal(mean: float, most: float, sigma: float = 0.5) -> dict[str, Any]:
    """Sizes with a long tail."""
    return {"kind": "lognormal", "mean": mean, "sigma": sigma, "min": 1, "max": most}


def llm(model: str, memory: float, prompt: int, reply: int) -> dict[str, Any]:
    """A chat service."""
    return {
        "service": {"model": model, "engine": {"preset": "vllm-0.20", "gpu_memory_utilization": memory}},
        "sizes": {"input_tokens": lognormal(prompt, 4000), "output_tokens": lognormal(reply, 1000)},
        "figure": "ttft_p95_s",
    }


def vision(model: str, figure: str = "latency_p95_s") -> dict[str, Any]:
    """A service whose requests are all alike."""
    return {"service": {"model": model}, "sizes": {"units": 1}, "figure": figure}


SPEECH = {"sizes": {"output_tokens": lognormal(20, 100)}, "stage": {"audio_s_per_token": 0.3}}
#: What services there are; `rate_per_s` is 85 % of what one A100 serves at most, by simulation.
KINDS: dict[str, dict[str, Any]] = {
    "chat-8b": llm("llama-3.1-8b", 0.5, 800, 150) | {"rate_per_s": 10.0},
    "chat-4b": llm("qwen3-4b", 0.35, 600, 120) | {"rate_per_s": 22.0},
    "chat-1b": llm("llama-3.2-1b", 0.2, 500, 80) | {"rate_per_s": 85.0},
    "asr": {
        "service": {"model": "parakeet-1.1b", "engine": {"kind": "stream-batching", "max_batch": 64}},
        "sizes": {"speech_s": lognormal(6, 20, 0.4)},
        "figure": "after_speech_p95_s",
        "rate_per_s": 23.0,
    },
    "tts": {
        "service": {"model": "magpie-tts", "engine": {"kind": "autoregressive-slots", "slots": 32}},
        "figure": "first_audio_p95_s",
        "rate_per_s": 13.0,
    }
    | SPEECH,
    "speech": {"service": {"model": "fastpitch-hifigan"}, "figure": "latency_p95_s", "rate_per_s": 66.0}
    | SPEECH,
    "embed": vision("embedding-0.3b") | {"rate_per_s": 360.0},
    "detect": vision("yolos-small") | {"rate_per_s": 9.5},
}
LLMS = [name for name in KINDS if name.startswith("chat")]
OTHERS = [name for name in KINDS if name not in LLMS]


def instance(services: int, dedicated: int, seed: int, gpu: str = "a100") -> dict[str, Any]:
    """A scenario with so many services that need about so many dedicated GPUs, a third of them LLMs.

    Every service has a pipeline of its own, Poisson arrivals, and a bound for the latency its users feel: one and a
    half to three times what dedicated GPUs give.
    """
    draws = random.Random(f"{services}/{dedicated}/{seed}")
    replicas = [1] * services
    for _ in range(dedicated - services):
        replicas[draws.randrange(services)] += 1
    document: dict[str, Any] = {
        "name": f"fleet of {services}",
        "gpu": gpu,
        "seed": seed,
        "duration_s": HORIZON_S,
        "warmup_s": WARMUP_S,
        "services": {},
        "pipelines": {},
        "traffic": [],
        "placement": {"mode": "dedicated"},
    }
    bounds = {}
    for i, count in enumerate(replicas):
        kind = draws.choice(LLMS if i % 3 == 0 else OTHERS)
        share = draws.uniform(0.15, 0.8) if count == 1 else draws.uniform(0.65, 0.8)
        add(document, f"{kind}-{i}", KINDS[kind], count, share * count)
        bounds[f"{kind}-{i}"] = (KINDS[kind]["figure"], draws.uniform(1.5, 3.0))
    given = gs.simulate(gs.Scenario.from_dict(document), replications=4, record_requests=False).summary()
    document["objectives"] = {
        f"{name}.{figure}": round(factor * float(given[f"{name}.{figure}"]), 4)
        for name, (figure, factor) in bounds.items()
    }
    return document


def add(document: dict[str, Any], name: str, kind: Mapping[str, Any], replicas: int, load: float) -> None:
    """A service, its pipeline and its traffic: so many times what one GPU serves."""
    document["services"][name] = dict(kind["service"]) | {"replicas": replicas}
    stage = {"name": name, "service": name} | kind.get("stage", {})
    document["pipelines"][name] = {"stages": [stage]}
    rate = round(load * kind["rate_per_s"], 3)
    document["traffic"].append(
        {
            "pipeline": name,
            "kind": "open",
            "arrivals": {"kind": "poisson", "rate_per_s": rate},
            "sizes": kind["sizes"],
        }
    )


def measure(document: Mapping[str, Any], gpus: Mapping[str, int], gap: float, loud: bool) -> dict[str, Any]:
    """A plan of an instance: what it costs, how far that is from the bound, and what finding it took."""
    before, began = os.times(), time.perf_counter()
    found = plan(
        gs.Scenario.from_dict(document),
        gpus=gpus,
        prices={name: PRICES[name] for name in gpus},
        gap=gap,
        progress=(lambda text: print(f"{time.perf_counter() - began:8.1f} s  {text}")) if loud else None,
    )
    wall, after = time.perf_counter() - began, os.times()
    return {
        "services": len(document["services"]),
        "dedicated": found.dedicated_gpus,
        "gpus": found.gpus,
        "gpus_by_kind": found.gpus_by_kind,
        "cost": found.cost_per_month,
        "bound": found.lower_cost,
        "bound_gpus": found.lower_bound,
        "gap": found.gap,
        "meets": found.meets,
        "again": again(found),
        "finished": found.finished,
        "runs": found.runs,
        "wall_s": wall,
        "cpu_s": sum(after[:4]) - sum(before[:4]),
    }


def again(found: Plan) -> str:
    """How many objectives hold with luck that the planner has not seen."""
    if found.scenario is None:
        return "-"
    result = gs.simulate(found.scenario, seed=987_654, replications=8, record_requests=False).summary()
    held = [one.objective.judge(result[one.objective.figure]) for one in found.judged]
    return f"{sum(one.meets is not False for one in held)}/{len(held)}"


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """The measurements, a row each."""
    lines = [
        "| services | dedicated GPUs | plan | $ a month | bound | gap | meets | fresh seeds | runs | CPU s | wall s |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        fleet = " + ".join(f"{n} {name}" for name, n in row["gpus_by_kind"].items())
        lines.append(
            f"| {row['services']} | {row['dedicated']} | {fleet} | {row['cost']:,.0f} | {row['bound']:,.0f} "
            f"| {100 * row['gap']:.1f} % | {row['meets']} | {row['again']} | {row['runs']} "
            f"| {row['cpu_s']:.1f} | {row['wall_s']:.1f} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Measures what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("services", nargs="*", type=int, default=[4, 8, 12], help="how many, one or more")
    parser.add_argument(
        "--dedicated", type=float, default=4 / 3, help="dedicated GPUs for each service, about"
    )
    parser.add_argument("--gpus", default="a100=16", help="how many there are of each kind")
    parser.add_argument(
        "--gap", type=float, default=0.05, help="ends the search at this share above the bound"
    )
    parser.add_argument("--seeds", type=int, nargs="*", default=[1])
    parser.add_argument("--write", help="a file for the first instance, which is then not planned")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--loud", action="store_true", help="says what is being done")
    asked = parser.parse_args()
    gpus = {name: int(count) for name, count in (one.split("=") for one in asked.gpus.split(","))}
    rows = []
    for services in asked.services:
        for seed in asked.seeds:
            document = instance(services, round(asked.dedicated * services), seed)
            if asked.write:
                with open(asked.write, "w", encoding="utf-8") as file:
                    json.dump(document, file, indent=1)
                return
            rows.append(measure(document, gpus, asked.gap, asked.loud))
    print(json.dumps(rows, indent=1) if asked.json else table(rows))


if __name__ == "__main__":
    main()
