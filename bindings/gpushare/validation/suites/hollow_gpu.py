"""Memory, cost and latency bounds of three services before and after two of them share a GPU."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ...scenario.profiles import profile
from ...study.comparison import compare
from ...study.results import Summary
from ..documents import measured
from ..report import Report, Row, Target

__all__ = ["run"]

MIG = "mig:3g.40gb+3g.40gb"
_TARGETS = [
    Target("", "max", 0.01, 0.0, "GPUs"),
    Target("", "max", 0.01, 0.005, "memory in use"),
    Target("", "max", 0.01, 0.01, "share of a partition's memory"),
    Target("", "max", 0.001, 0.0, "cost a month"),
    Target("", "max", 0.02, 0.02, "saved a year"),
    Target("", "max", 0.0, 0.0, "SMs of an instance"),
]


def run(data: Path | None = None, progress: Callable[[float], None] | None = None) -> Report:
    """Runs the suite; `data` is not used (see `registry.run_suite`)."""
    told = measured("hollow-gpu.json")
    table = compare("hollow-gpu", ["dedicated", MIG], record_requests=False, threads=1)
    found = {"before": table.results["dedicated"], "after": table.results[MIG]}
    summaries = {name: result.summary() for name, result in found.items()}
    rows = _memory_given(told)
    for name, result in found.items():
        rows += _accounts(name, told[name], summaries[name]) + _shares(
            name, told[name], result.runs[0].summary
        )
    saved = 12 * float(summaries["before"]["cost_per_month"] - summaries["after"]["cost_per_month"])
    rows.append(Row("after", MIG, "", "saved a year", "$", told["savings_per_year"], saved))
    rows += _profiles(told)
    # Sums of inputs and prices: right without a model.
    rows = [row if row.role == "calibration" else replace(row, role="check") for row in rows]
    if progress:
        progress(1.0)
    return Report(
        "hollow-gpu",
        "The Hollow GPU: three A100 for three services, and two after recognition and synthesis share one",
        calibrated_on="the memory of each process (73.2, 9.6 and 13.4 GB) and $2 a GPU-hour",
        predicted="GPUs, memory in use, shares, cost, and the instances' sizes",
        rows=rows,
        targets=_TARGETS,
        sources=[str(told["source"])],
        notes=_notes(told, summaries),
    )


def _memory_given(told: Mapping[str, Any]) -> list[Row]:
    return [
        Row("before", "dedicated", name, "memory", "GB", gigabytes, gigabytes, "calibration")
        for name, gigabytes in told["memory_gb"].items()
    ]


def _mode(name: str) -> str:
    return "dedicated" if name == "before" else MIG


def _accounts(name: str, told: Mapping[str, Any], summary: Summary) -> list[Row]:
    used, allocated = float(summary["vram_used_bytes"]), float(summary["vram_allocated_bytes"])
    return [
        Row(name, _mode(name), "", "GPUs", "", told["gpus"], float(summary["gpus_used"])),
        Row(name, _mode(name), "", "memory allocated", "GB", told["allocated_gb"], allocated / 1e9),
        Row(
            name, _mode(name), "", "memory in use", "", told["utilisation"], used / allocated, scale="points"
        ),
        Row(
            name,
            _mode(name),
            "",
            "cost a month",
            "$",
            told["cost_per_month"],
            float(summary["cost_per_month"]),
        ),
    ]


def _shares(name: str, told: Mapping[str, Any], summary: Mapping[str, Any]) -> list[Row]:
    shares = {
        part["processes"][0].split(".")[0]: part["memory_used_bytes"] / part["memory_allocated_bytes"]
        for part in summary["partitions"]
    }
    return [
        Row(
            name,
            _mode(name),
            service,
            "share of a partition's memory",
            "",
            share,
            shares[service],
            scale="points",
        )
        for service, share in told["share"].items()
    ]


def _profiles(told: Mapping[str, Any]) -> list[Row]:
    found = {instance["name"]: instance["sms"] for instance in profile("a100").mig}
    return [
        Row("profiles", MIG, name, "SMs of an instance", "", sms, float(found[name]))
        for name, sms in told["profiles"].items()
    ]


def _notes(told: Mapping[str, Any], summaries: Mapping[str, Summary]) -> list[str]:
    guess, after = told["estimates"], summaries["after"]
    card = profile("a100")
    bandwidth = (
        next(i["bandwidth_fraction"] for i in card.mig if i["name"] == "3g.40gb") * card.bandwidth_bytes_per_s
    )
    wanted = {name: told["memory_gb"][name] * (1 + told["headroom"]) for name in ("asr", "tts")}
    slots = max(wanted.values()) / 40
    return [
        f"Bandwidth of 3g.40gb: the article's {guess['bandwidth_3g_gb_s']['value']} GB/s, modelled "
        f"{bandwidth / 1e9:,.0f} "
        f"GB/s ({guess['bandwidth_3g_gb_s']['source']}).",
        f"Switch between processes: the article's {guess['switch_us']['value'][0]} to "
        f"{guess['switch_us']['value'][1]} us, "
        f"modelled {1e6 * card.time_slicing['switch_idle_s']:.0f} to "
        f"{1e6 * card.time_slicing['switch_preempted_s']:.0f} us.",
        f"Latency bounds on 3g.40gb: a chunk of recognition {1e3 * after['asr.chunk_latency_mean_s']:.1f} ms "
        f"on average, "
        f"the article's 2 to 5 ms ({guess['asr_chunk_ms']['source']}); between chunks of synthesis "
        f"{1e3 * after['tts.inter_chunk_mean_s']:.1f} ms, the article's 10 to 20 ms a phoneme.",
        f"The article's rule of 20 % headroom holds, with {100 * slots:.0f} % of the fuller instance, and asks "
        f"for less: {' and '.join(f'{size:.1f} GB' for size in wanted.values())} fit "
        f"{_smallest(max(wanted.values()))}.",
        f"The load is assumed: {after['request_throughput']:.2f} requests a second; the article gives none.",
    ]


def _smallest(gigabytes: float) -> str:
    """The smallest instance of an A100 that has so much memory."""
    fitting = [one for one in profile("a100").mig if one["memory_bytes"] >= 1e9 * gigabytes]
    return str(min(fitting, key=lambda one: (one["memory_bytes"], -one["sms"]))["name"])
