"""Exports that are kept as files: what they are made from, and how they are written anew.

``python tests/golden/export_cases.py`` writes ``tests/golden/exports`` again; the change is to be read and explained.
"""

import shutil
from pathlib import Path

import gpushare as gs
from gpushare.kubernetes.exporting import exported

EXPORTS = Path(__file__).parent / "exports"


#: What the services are; the language model keeps to less than half of a GPU.
SERVICES = {
    "chat": {
        "model": "llama-3.1-8b",
        "engine": {"kind": "continuous-batching", "preset": "vllm-0.20", "gpu_memory_utilization": 0.45},
    },
    "eyes": {
        "model": "yolos-small",
        "engine": {
            "kind": "dynamic-batching",
            "max_batch": 8,
            "preferred_batch": [4, 8],
            "max_queue_delay_s": 0.002,
        },
    },
}
POISSON = {"kind": "poisson", "rate_per_s": 1}
TRAFFIC = [
    {
        "name": "chat",
        "pipeline": "chat",
        "kind": "open",
        "arrivals": POISSON,
        "sizes": {"input_tokens": 500, "output_tokens": 100},
    },
    {"name": "eyes", "pipeline": "eyes", "kind": "open", "arrivals": POISSON},
]


def shares(*nodes: list[dict[str, object]]) -> gs.Scenario:
    """A language model and a detector on nodes with these GPUs."""
    return gs.Scenario.from_dict(
        {
            "name": "shares",
            "gpu": "a100",
            "duration_s": 60,
            "services": SERVICES,
            "pipelines": {name: {"stages": [{"name": name, "service": name}]} for name in SERVICES},
            "traffic": TRAFFIC,
            "placement": {
                "nodes": [{"name": f"rack{number}", "gpus": gpus} for number, gpus in enumerate(nodes)]
            },
        }
    )


def client(service: str, percentage: float, **more: object) -> dict[str, object]:
    """A client of MPS."""
    return {"service": service, "active_thread_percentage": percentage, **more}


def mps(*clients: object, **more: object) -> dict[str, object]:
    """A GPU under MPS."""
    return {"partitions": [{"sharing": "mps", "processes": list(clients)}], **more}


def cases() -> dict[str, gs.Scenario]:
    """Scenarios by the name of their folder."""
    slices = {
        "layout": "3g.40gb@0+2g.20gb@4+1g.10gb@6",
        "partitions": [
            {"processes": ["chat"]},
            {"sharing": "time-slicing", "processes": ["eyes", "eyes"]},
            {"processes": ["eyes"]},
        ],
    }
    limits = [{"memory_limit_bytes": gib * 2**30} for gib in (60, 8)]
    return {
        "mig-halves": gs.Scenario.load("voice-heavy", "mig:3g.40gb+3g.40gb"),
        "time-slicing-4": gs.Scenario.load("bursty-llm", "time-slicing:4"),
        "mps-halves": shares([mps(client("chat", 50), client("eyes", 30))]),
        "mps-unequal": shares(
            [mps(client("chat", 60, **limits[0]), client("eyes", 40, **limits[1]))], [slices]
        ),
    }


def made() -> dict[str, dict[str, str]]:
    """Files of every case by path."""
    return {name: exported("all", scenario) for name, scenario in cases().items()}


def main() -> None:
    """Writes them."""
    shutil.rmtree(EXPORTS, ignore_errors=True)
    for name, files in made().items():
        for path, text in files.items():
            file = EXPORTS / name / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8", newline="")


if __name__ == "__main__":
    main()
