"""Services with names that Kubernetes does not take: every object is there, under a legal name of its own."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import gpushare as gs
import pytest
from gpushare.kubernetes.exporting import exported
from gpushare.kubernetes.fleet import fleet_of
from gpushare.kubernetes.formats import FORMATS
from gpushare.kubernetes.names import label_value, object_name, object_names
from gpushare.yaml_files import parse_yaml
from hypothesis import given
from hypothesis import strategies as st

LEGAL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
#: Pairs that fall together when what Kubernetes does not take is left out, or too long.
NAMES = [
    "LLM_Chat",
    "llm-chat",
    "llm chat",
    "\u03b1\u03b2",
    "\u8a9e",
    "a",
    "a-0",
    "b" * 70 + "1",
    "b" * 70 + "2",
    "1st.embed",
]


def shared_by(names: list[str]) -> gs.Scenario:
    """All on one GPU, each with two replicas, so that numbers are part of names too."""
    document: dict[str, Any] = {
        "name": "names",
        "duration_s": 10,
        "gpu": "h200",
        "services": {name: {"model": "resnet50"} for name in names},
        "pipelines": {name: {"stages": [{"name": "x", "service": name}]} for name in names},
        "traffic": [
            {
                "kind": "open",
                "pipeline": names[0],
                "arrivals": {"kind": "poisson", "rate_per_s": 1},
                "sizes": {},
            }
        ],
        "placement": {"gpus": [{"partitions": [{"sharing": "time-slicing", "processes": names}]}] * 2},
    }
    return gs.Scenario.from_dict(document)


def names_in(files: dict[str, str]) -> list[tuple[str, str, str]]:
    """File, kind and name of every object."""
    found = []
    for path, text in files.items():
        if path.endswith(".yaml") and "rollback" not in path:
            for one in parse_yaml(text):
                value = one.value
                if isinstance(value, dict) and "kind" in value:
                    found.append((path, value["kind"], value["metadata"]["name"]))
    return found


@pytest.mark.parametrize("format_", ["pods", "dra", "kueue", "kai", "hami", "compose", "triton"])
def test_every_service_is_there_under_a_legal_name_of_its_own(format_: str) -> None:
    scenario = shared_by(NAMES)
    files = exported(format_, scenario)
    named = names_in(files)
    assert max(Counter(named).values(), default=1) == 1
    assert all(LEGAL.fullmatch(name) for _, _, name in named)
    if format_ == "compose":
        (text,) = (text for path, text in files.items() if path.endswith("compose.yaml"))
        assert len(parse_yaml(text)[0].value["services"]) == 2 * len(NAMES)
    elif format_ == "triton":
        assert sum(path.endswith("config.pbtxt") for path in files) == len(NAMES)
    else:
        assert sum(kind == "Deployment" for _, kind, _ in named) >= len(NAMES)
    readme = files["README.md"]
    called = fleet_of(scenario).called
    assert all(
        f"- {service} is called {name} here" in readme for service, name in called.items() if name != service
    )
    assert set(FORMATS) >= {format_}


@given(st.lists(st.text(max_size=70), unique=True, max_size=12), st.lists(st.text(max_size=5), max_size=4))
def test_names_are_legal_and_no_two_alike(texts: list[str], others: list[str]) -> None:
    taken = set(map(object_name, others))
    names = object_names(texts, taken)
    assert len(set(names)) == len(texts)
    assert not set(names) & taken
    assert all(LEGAL.fullmatch(name) for name in names)


@given(st.text(max_size=80))
def test_values_of_labels_are_legal(text: str) -> None:
    assert re.fullmatch(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?", label_value(text))


def test_nodes_that_would_be_called_alike_are_asked_for() -> None:
    one = {"partitions": [{"processes": ["a"]}]}
    document = shared_by(["a"]).document
    document["placement"] = {"nodes": [{"name": name, "gpus": [one]} for name in ("Node_A", "node-a")]}
    with pytest.raises(ValueError, match="Node_A and node-a would both be called node-a"):
        exported("pods", gs.Scenario.from_dict(document))
