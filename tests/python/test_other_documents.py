"""What is given as a scenario and is something else is told as what it is, with the command that takes it."""

from pathlib import Path

import gpushare as gs
import pytest
from gpushare.yaml_files import write_yaml

OTHERS = {
    "compose.yml": (
        {"services": {"llm": {"image": "vllm/vllm-openai:v0.10.0", "command": "--model x"}}},
        "is a file of docker compose",
    ),
    "values.yaml": (
        {"servingEngineSpec": {"modelSpec": [{"name": "llama"}]}},
        'has none of a scenario\'s keys .* but "servingEngineSpec"; gpushare init writes one',
    ),
    "engine.yaml": (
        {"max_batch_size": 256, "max_num_tokens": 8192},
        'but "max_batch_size", "max_num_tokens"',
    ),
    "service.yaml": (
        {"apiVersion": "serving.kserve.io/v1beta1", "kind": "InferenceService", "metadata": {"name": "x"}},
        "is an object of Kubernetes; gpushare import",
    ),
}


@pytest.mark.parametrize("name", OTHERS)
def test_documents_of_other_tools_are_named(name: str, tmp_path: Path) -> None:
    document, told = OTHERS[name]
    write_yaml([document], tmp_path / name)
    with pytest.raises(gs.ScenarioError, match=told):
        gs.Scenario.load(tmp_path / name)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("mine.toml", "TOML is not read: write the same keys as YAML"),
        ("log.csv", "gpushare replay .*log.csv --model MODEL"),
        ("config.pbtxt", "gpushare import .*config.pbtxt explains it"),
        ("script.py", "those end with .json, .yaml or .yml, found .py"),
    ],
)
def test_files_of_other_kinds_are_told_by_their_ending(name: str, told: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text("name = 'x'\n")
    with pytest.raises(gs.ScenarioError, match=told):
        gs.Scenario.load(tmp_path / name)
    with pytest.raises(gs.ScenarioError, match=r"unknown scenario|no such file|there is no"):
        gs.Scenario.load(tmp_path / f"not-{name}")


def test_a_scenario_with_a_mistake_is_still_a_scenario(tmp_path: Path) -> None:
    write_yaml(
        [{"services": {"llm": {"image": "x", "model": "llama-3.1-8b"}}, "duration": 5}], tmp_path / "s.yaml"
    )
    with pytest.raises(gs.ScenarioError, match=r'"image"|"duration"|"name"'):
        gs.Scenario.load(tmp_path / "s.yaml")
