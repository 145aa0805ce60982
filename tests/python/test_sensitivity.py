"""What a figure depends on: one change at a time, both ways."""

import math
from pathlib import Path
from typing import Any

import gpushare as gs
import pytest
from gpushare.scenario.changes import value_at


@pytest.fixture(scope="module")
def found(light: gs.Scenario) -> gs.Sensitivity:
    changes = {
        "seed": (1, 1),
        "users": (2, 9),
        "layout": ("3g.40gb+3g.40gb", "1g.10gb"),
        "/services/tts/engine/slots": (8, 64),
    }
    return gs.sensitivity(light, changes, "request_throughput", replications=2)


def test_each_effect_is_what_a_run_of_its_own_gives(light: gs.Scenario, found: gs.Sensitivity) -> None:
    effects = {effect.change: effect for effect in found.effects}

    def alone(scenario: gs.Scenario, seed: int | None = None) -> Any:
        result = gs.simulate(scenario, seed=seed, replications=2, record_requests=False)
        return result.summary()["request_throughput"]

    users = effects["users"]
    assert (users.low, users.high) == (2, 9)
    assert users.at_low == alone(light.replace(users=2))
    assert users.at_high == alone(light.replace(users=9))
    assert found.base == users.base == alone(light)
    assert effects["seed"].at_low == effects["seed"].at_high == alone(light, 1)
    assert users.swing == users.at_high - users.at_low


def test_the_largest_swing_comes_first(found: gs.Sensitivity) -> None:
    swings = [effect.swing for effect in found.effects]
    assert swings == sorted(swings, reverse=True)
    assert found.effects[0].change == "users"
    assert found.table["swing"].tolist() == swings
    assert found.to_dict()["change"][0] == "users"
    assert found.to_pandas()["at_high"][0] == found.effects[0].at_high
    assert found.to_arrow().num_rows == len(found) == 4
    assert (found.table["base_half_width"] > 0).all()


def test_what_cannot_run_has_a_reason(found: gs.Sensitivity) -> None:
    (layout,) = [effect for effect in found.effects if effect.change == "layout"]
    assert math.isnan(layout.at_high)
    assert layout.swing == abs(layout.at_low - layout.base)
    assert "GB" in layout.why
    assert f"cannot run: layout: {layout.why[:20]}" in " ".join(found.text().split())


def test_the_text_has_bars_on_one_scale(light: gs.Scenario) -> None:
    found = gs.sensitivity(light, {"users": (2, 9), "seed": (1, 1)}, "request_throughput")
    bars = {effect.change: line for effect, line in zip(found.effects, found._bars(), strict=True)}
    assert len({len(bar) for bar in bars.values()}) == 1
    # The largest change spans the scale; where it is without a change is the same place in every row.
    assert set(bars["users"]) == {"█", "│"}
    assert len({bar.index("│") for bar in bars.values()}) == 1
    assert bars["users"].count("█") > bars["seed"].count("█")
    lines = found.text().splitlines()
    assert lines[0].startswith("voice-light: request_throughput depends most on users: ")
    after = next(i for i, line in enumerate(lines) if line.startswith("---")) + 1
    assert lines[after].startswith("users ")
    assert max(map(len, lines)) <= 100
    assert "±" not in found.text()
    assert "<table>" in found._repr_html_()


def test_names_alone_change_numbers_by_a_share(light: gs.Scenario) -> None:
    found = gs.sensitivity(light, ["users", "/traffic/0/think_s"], "llm.ttft_p95", share=0.3)
    effects = {effect.change: effect for effect in found.effects}
    users, think = light.document["traffic"][0]["users"], light.document["traffic"][0]["think_s"]
    assert found.figure == "llm.ttft_p95_s"
    assert (effects["users"].low, effects["users"].high) == (
        math.floor(users * 0.7),
        math.ceil(users * 1.3),
    )
    assert (effects["/traffic/0/think_s"].low, effects["/traffic/0/think_s"].high) == (
        think * (1 - 0.3),
        think * (1 + 0.3),
    )


def test_it_goes_on_where_it_stopped(light: gs.Scenario, tmp_path: Path) -> None:
    store = tmp_path / "points.jsonl"
    first = gs.sensitivity(light, {"users": (2, 9)}, "gpu_busy", resume=store)
    again = gs.sensitivity(light, {"users": (2, 9)}, "request_throughput", resume=store, executor=map)
    assert len(store.read_text().splitlines()) == 3
    assert again.sweep.table == first.sweep.table


def test_the_plot_has_a_bar_for_each_change(found: gs.Sensitivity) -> None:
    figure = gs.plot.sensitivity(found)
    (axis,) = figure.axes
    assert [label.get_text().split("\n")[0] for label in axis.get_yticklabels()] == [
        effect.change for effect in found.effects
    ]
    unit = {"ms": 1e3, "%": 100.0}.get(axis.get_xlabel().rpartition(", ")[2], 1.0)
    widths = [bar.get_width() for bar in axis.patches]
    assert widths[0] == pytest.approx(unit * (float(found.effects[0].at_low) - float(found.base)))


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ([], ValueError, "nothing to change"),
        ({"users": (1, 2, 3)}, ValueError, "users has 3 values"),
        (["userz"], gs.ScenarioError, "no such member"),
        (
            ["name"],
            gs.ScenarioError,
            r"stands for no number; give its low and high value: {'name': \(low, high\)}",
        ),
        ({"mode": ("no", "none")}, gs.ScenarioError, "unknown mode"),
    ],
)
def test_mistakes_are_told(light: gs.Scenario, changes: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        gs.sensitivity(light, changes, "request_throughput")


def test_the_figure_and_the_share_must_be_there(light: gs.Scenario) -> None:
    with pytest.raises(gs.FigureError, match="unknown figure"):
        gs.sensitivity(light, ["users"], "speed")
    with pytest.raises(ValueError, match=r"share: found 1\.5"):
        gs.sensitivity(light, ["users"], "request_throughput", share=1.5)


def test_values_are_found_as_they_are_changed(light: gs.Scenario) -> None:
    document = light.document
    assert (
        value_at(document, "users")
        == value_at(document, "/traffic/0/users")
        == document["traffic"][0]["users"]
    )
    assert value_at(document, "services.tts.engine.slots") == document["services"]["tts"]["engine"]["slots"]
    rate = {"traffic": [{"kind": "open", "arrivals": {"kind": "poisson", "rate_per_s": 3.5}}]}
    assert value_at(rate, "rate_per_s") == 3.5
    with pytest.raises(gs.ScenarioError, match="legal are 0 to 0"):
        value_at(document, "/traffic/7/users")
