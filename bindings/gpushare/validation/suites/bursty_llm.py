"""Time-sliced and MIG pods of one LLM on an A100: ratios to a single pod, whose rate no A100 can reach."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ...scenario.scenario import Scenario
from ...study.comparison import compare
from ...study.results import Summary
from ..documents import measured
from ..report import Report, Row, Target

__all__ = ["calibrated", "run", "token_ceiling"]

#: Requests in flight: 32 for each of the seven instances, what their memory for keys and values holds
#: (assumed: the
#: article's steady state rejects nothing, and it gives no concurrency).
IN_FLIGHT = 224
_REPLICATIONS = 4
_SECONDS = 240
_WARMUP_S = 60
_FIRST_TOKEN = ("p50", "p95")
_WAYS = (1, 2, 3, 4, 8)
_TARGETS = [
    Target("", "max", 0.06, 0.03, "throughput / single pod"),
    Target("", "max", 0.20, 0.10, "first token p50 / single pod"),
    Target("", "max", 0.20, 0.10, "first token p95 / single pod"),
    Target("", "max", 0.0, 0.0, "8-way serves less than 4-way"),
    Target("", "max", 0.0, 0.0, "8-way first token later than 4-way"),
    Target("", "max", 0.0, 0.0, "the rate is told to be infeasible"),
]


def run(data: Path | None = None, progress: Callable[[float], None] | None = None) -> Report:
    """Runs the suite; `data` is not used (see `registry.run_suite`)."""
    told = measured("bursty-llm.json")
    document, preset = calibrated(told)
    worse = str(told["worse"]["value"])
    found = _summaries(document, *told["modes"], worse)
    if progress:
        progress(1.0)
    share = document["services"]["llm"]["engine"]["prefix_cache_share"]
    return Report(
        "bursty-llm",
        "An LLM on one A100: four time-sliced pods and seven MIG instances against one pod",
        calibrated_on=f"the single pod: prefix-cache share ({share:g}, the largest, by the rate) and host "
        f'preset ("{preset}", by the median first token)',
        predicted="rates and first tokens of the other placements, as ratios to the single pod",
        rows=_single(told, found)
        + _ratios(told, found)
        + _orders(found, worse)
        + [_feasible(told, document)],
        targets=_TARGETS,
        sources=[str(told["source"]), *(str(preset["source"]) for preset in told["host_presets"])],
        notes=[feasibility(told, document), *_NOTES, *_losses(document)],
        in_view={"": "host preset and requests in flight, among some 70 combinations"},
    )


_NOTES = [
    f"Load: a closed loop of {IN_FLIGHT} requests without pauses, dealt to the pods in turn (assumed). The "
    f"article's load is open and "
    "not described further; at its rates every placement would be overloaded and first tokens would wait for "
    "minutes.",
    "Four pods run int4 here: four copies in fp16 leave about 2 GB a pod for keys and values, with which the "
    "first "
    "token waits for memory (throughput ratio 0.85, but 25 times the latency). The article does not say how "
    "it ran "
    "them; it names int4 for MIG only.",
    "Sharing costs little because the host is slow: while one pod's host prepares a step, others use the "
    "GPU. With the "
    "host times of vLLM 0.20 the same placements keep 0.44 and 0.42 of the rate.",
]


def calibrated(told: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
    """The document of the single pod, and the name of its host preset.

    The share of prompts found in the prefix cache is the largest: any less, and prompts alone exceed the
    card (see
    `feasibility`). The preset is the one whose median first token is nearest.
    """
    wanted = told["modes"]["dedicated"]["first_token_p50_ms"] / 1e3
    share = max(told["prefix_cache_shares"])
    documents = {preset["name"]: _document(preset, share) for preset in told["host_presets"]}
    medians = {
        name: float(_summaries(document, "dedicated")["dedicated"]["llm.ttft_p50_s"])
        for name, document in documents.items()
    }
    nearest = min(medians, key=lambda name: abs(medians[name] / wanted - 1))
    return documents[nearest], nearest


def _document(preset: Mapping[str, Any], share: float) -> dict[str, Any]:
    document = Scenario.load("bursty-llm").document
    service = document["services"]["llm"]
    service["routing"] = "round-robin"
    engine = service["engine"]
    engine.pop("queue_limit", None)
    engine |= {
        "host_per_step_s": preset["per_step_s"],
        "host_per_sequence_s": preset["per_sequence_s"],
        "prefix_cache_share": share,
    }
    sizes = document["traffic"][0]["sizes"]
    document |= {"duration_s": _SECONDS, "warmup_s": _WARMUP_S}
    document["traffic"] = [
        {
            "name": "chatbot",
            "pipeline": "chat",
            "kind": "closed",
            "users": IN_FLIGHT,
            "ramp_up_s": _WARMUP_S / 3,
            "hold_s": _SECONDS,
            "sizes": sizes,
        }
    ]
    return document


def _summaries(document: Mapping[str, Any], *modes: str) -> dict[str, Summary]:
    return compare(document, modes, replications=_REPLICATIONS, record_requests=False, threads=1).summaries


def _losses(document: Mapping[str, Any]) -> list[str]:
    """What 1 to 8 pods of one format serve, and what becomes of the rest: hand-overs, batches, memory, host."""
    return [_loss(document, precision) for precision in ("int4", "fp16")]


def _loss(document: Mapping[str, Any], precision: str) -> str:
    one = {
        **document,
        "modes": {},
        "services": {"llm": {**document["services"]["llm"], "precision": precision}},
    }
    table = compare(
        one, ["dedicated", *(f"time-slicing:{n}" for n in _WAYS[1:])], record_requests=False, threads=1
    )
    found = list(table.summaries.values())

    def each(name: str, scale: float = 1.0, places: int = 0) -> str:
        return ", ".join(f"{scale * float(summary[name]):,.{places}f}" for summary in found)

    refused = "".join(f" More are refused ({mode})." for mode in list(table.refused)[:1])
    return (
        f"One format, {precision}, on {', '.join(map(str, _WAYS[: len(found)]))} pods: "
        f"{each('request_throughput', places=2)} requests/s. A kernel runs {each('gpu0/whole.busy', 100)} % of the "
        f"time and hand-overs take {each('gpu0/whole.switching', 100)} %; what is left is the host's. A step has "
        f"{each('llm.mean_batch')} sequences and reads the weights once for all of them; memory makes "
        f"{each('llm.preemptions')} preemptions.{refused}"
    )


def _single(told: Mapping[str, Any], found: Mapping[str, Summary]) -> list[Row]:
    one, seen = told["modes"]["dedicated"], found["dedicated"]
    rows = [
        Row(
            "steady",
            "single pod",
            "llm",
            "requests served",
            "1/s",
            one["requests_per_s"],
            float(seen["request_throughput"]),
            "calibration",
        )
    ]
    rows += [
        Row(
            "steady",
            "single pod",
            "llm",
            f"first token {part}",
            "ms",
            one[f"first_token_{part}_ms"],
            1e3 * float(seen[f"llm.ttft_{part}_s"]),
            "calibration",
        )
        for part in _FIRST_TOKEN
    ]
    return rows


def _ratios(told: Mapping[str, Any], found: Mapping[str, Summary]) -> list[Row]:
    one, base = told["modes"]["dedicated"], found["dedicated"]
    rows = []
    for mode, row in told["modes"].items():
        if mode == "dedicated":
            continue
        rows.append(
            Row(
                "steady",
                mode,
                "llm",
                "throughput / single pod",
                "",
                row["requests_per_s"] / one["requests_per_s"],
                float(found[mode]["request_throughput"] / base["request_throughput"]),
                scale="points",
            )
        )
        for part in _FIRST_TOKEN:
            key = f"llm.ttft_{part}_s"
            rows.append(
                Row(
                    "steady",
                    mode,
                    "llm",
                    f"first token {part} / single pod",
                    "",
                    row[f"first_token_{part}_ms"] / one[f"first_token_{part}_ms"],
                    float(found[mode][key] / base[key]),
                )
            )
    return rows


def _orders(found: Mapping[str, Summary], worse: str) -> list[Row]:
    four, eight = found["time-slicing:4-int4"], found[worse]
    return [
        Row(
            "steady",
            worse,
            "llm",
            "8-way serves less than 4-way",
            "",
            1.0,
            float(eight["request_throughput"] < four["request_throughput"]),
            role="check",
            scale="points",
        ),
        Row(
            "steady",
            worse,
            "llm",
            "8-way first token later than 4-way",
            "",
            1.0,
            float(eight["llm.ttft_p50_s"] > four["llm.ttft_p50_s"]),
            role="check",
            scale="points",
        ),
    ]


def token_ceiling(document: Mapping[str, Any]) -> float:
    """Tokens a second that one pod generates with all its sequences busy, whatever the host costs."""
    bare = {**document, "services": {"llm": {**document["services"]["llm"]}}}
    bare["services"]["llm"]["engine"] = document["services"]["llm"]["engine"] | {
        "host_per_step_s": 0,
        "host_per_sequence_s": 0,
    }
    return float(_summaries(bare, "dedicated")["dedicated"]["output_token_throughput"])


def _asked(told: Mapping[str, Any], document: Mapping[str, Any]) -> float:
    return float(
        told["modes"]["dedicated"]["requests_per_s"]
        * document["traffic"][0]["sizes"]["output_tokens"]["mean"]
    )


def _feasible(told: Mapping[str, Any], document: Mapping[str, Any]) -> Row:
    warned = _asked(told, document) > token_ceiling(document)
    return Row(
        "steady",
        "single pod",
        "llm",
        "the rate is told to be infeasible",
        "",
        1.0,
        float(warned),
        role="check",
        scale="points",
    )


def feasibility(told: Mapping[str, Any], document: Mapping[str, Any]) -> str:
    """What the card can generate against what the article's rate asks for."""
    asked, most = _asked(told, document), token_ceiling(document)
    rate = told["modes"]["dedicated"]["requests_per_s"]
    return (
        f"Feasibility: {rate} requests a second of 500 tokens are {asked:,.0f} tokens a second; this card "
        f"generates at "
        f"most {most:,.0f} with {IN_FLIGHT} sequences, prompts cached and a host that costs nothing: "
        f"{asked / most:.1f} times less. The article's absolute rates are not reachable; only ratios are "
        f"compared."
    )
