"""What-if sweeps: the same table from any executor, resumable, infeasible points told."""

import math
import multiprocessing
from concurrent.futures import Future, ProcessPoolExecutor
from pathlib import Path
from typing import Any

import gpushare as gs
import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from gpushare.study import cases
from gpushare.study import points as points_module
from gpushare.study.outcomes import Outcome
from gpushare.study.sweep_text import compact_layouts


@pytest.fixture(scope="module")
def points(light: gs.Scenario) -> list[gs.Point]:
    return gs.grid(light, users=[2, 4], mode=["dedicated", "mps"])


@pytest.fixture(scope="module")
def table(points: list[gs.Point]) -> gs.SweepTable:
    return gs.sweep(points)


def test_a_grid_is_a_product_with_the_last_axis_fastest(points: list[gs.Point]) -> None:
    axes = [dict(point.axes) for point in points]
    assert axes == [
        {"users": 2, "mode": "dedicated"},
        {"users": 2, "mode": "mps"},
        {"users": 4, "mode": "dedicated"},
        {"users": 4, "mode": "mps"},
    ]
    assert points[3].scenario is not None
    assert points[3].scenario.mode == "mps"
    assert points[3].scenario.document["traffic"][0]["users"] == 4
    assert repr(points[0]) == "<Point users=2, mode=dedicated>"


def test_axes_may_be_paths_seeds_and_layouts(light: gs.Scenario) -> None:
    grid = gs.grid(light, **{"/services/tts/engine/slots": [8, 32], "seed": np.array([3, 4])})
    assert [point.seed for point in grid] == [3, 4, 3, 4]
    slots = [
        p.scenario.document["services"]["tts"]["engine"]["slots"] for p in grid if p.scenario is not None
    ]
    assert slots == [8, 8, 32, 32]
    layout = gs.mig.parse("3g.40gb+3g.40gb")
    (one,) = gs.grid(light, layout=layout)
    assert one.axes == {"layout": "3g.40gb@0+3g.40gb@4"}
    assert one.scenario is not None
    assert one.scenario.mode == "mig:3g.40gb@0+3g.40gb@4"
    assert len(gs.grid(light)) == 1


def test_grids_refuse_mistakes(light: gs.Scenario) -> None:
    with pytest.raises(gs.ScenarioError):
        gs.grid(light, users=[0])
    with pytest.raises(gs.ScenarioError, match="no such member"):
        gs.grid(light, **{"services.nothing.replicas": [1]})
    with pytest.raises(ValueError, match="users: an axis needs at least one value"):
        gs.grid(light, users=[])
    with pytest.raises(ValueError, match='give either "mode" or "layout"'):
        gs.grid(light, mode=["mps"], layout=["7g.80gb"])


def test_points_equal_runs_of_their_own(table: gs.SweepTable, light: gs.Scenario) -> None:
    for i, point in enumerate(table.points):
        assert point.scenario is not None
        summary = gs.simulate(point.scenario, record_requests=False).summary()
        assert table["request_throughput"][i] == summary["request_throughput"]
        assert table["e2e_latency_p95_s"][i] == summary["e2e_latency_p95_s"]


class Backwards:
    """An executor that runs a call only when its result is asked for, last one first."""

    def __init__(self) -> None:
        self.calls: list[tuple[Future[Any], Any, tuple[Any, ...]]] = []

    def submit(self, function: Any, /, *args: Any) -> Future[Any]:
        future: Future[Any] = Future()
        self.calls.append((future, function, args))
        if len(self.calls) == 4:
            for pending, call, arguments in reversed(self.calls):
                pending.set_result(call(*arguments))
        return future


def test_any_executor_gives_the_same_table(points: list[gs.Point], table: gs.SweepTable) -> None:
    assert gs.sweep(points, threads=1).table == table.table
    assert gs.sweep(points, executor=map).table == table.table
    assert gs.sweep(points, executor=Backwards()).table == table.table
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        assert gs.sweep(points, executor=pool).table == table.table
        assert gs.sweep(points, executor=pool.map).table == table.table
    with pytest.raises(TypeError, match="executor: found int"):
        gs.sweep(points, executor=3)  # type: ignore[arg-type]


def test_the_table_has_axes_figures_and_reasons(table: gs.SweepTable) -> None:
    assert table.columns[:3] == ["users", "mode", "feasible"]
    assert table.columns[-3:] == ["limiting_resource", "refused", "warnings"]
    assert table.table.type("users") == "int64"
    assert table.table.type("mode") == "category"
    assert table["feasible"].tolist() == [1, 1, 1, 1]
    assert len(table) == 4
    assert "request_throughput_half_width" not in table.columns


def test_replications_add_half_widths(points: list[gs.Point]) -> None:
    table = gs.sweep(points[:2], replications=3)
    assert (table["request_throughput_half_width"] > 0).all()
    many = gs.simulate(points[0].scenario, replications=3).summary()["request_throughput"]  # type: ignore[arg-type]
    assert isinstance(many, gs.Estimate)
    assert table["request_throughput"][0] == float(many)
    assert table["request_throughput_half_width"][0] == many.half_width
    assert "±" in table.text(intervals=True)
    assert "Means of 3 replications" in str(table)


def test_all_maximal_layouts_under_heavy_voice_are_rows() -> None:
    layouts = gs.mig.layouts("a100")
    table = gs.sweep(gs.grid("voice-heavy", layout=layouts))
    assert table["layout"].tolist() == [str(layout) for layout in layouts]
    feasible = table["feasible"] == 1
    assert 1 <= feasible.sum() <= 19
    assert np.isnan(table["request_throughput"][~feasible]).all()
    assert (table["request_throughput"][feasible] > 0).all()
    assert (table["gpus_used"][feasible] == 2).all()
    for reason, works in zip(table["refused"], feasible, strict=True):
        assert bool(reason) != works
    best = table.best("request_throughput_per_gpu")
    assert (
        max(table["request_throughput_per_gpu"][feasible])
        == table["request_throughput_per_gpu"][table.points.index(best)]
    )
    assert max(map(len, str(table).splitlines())) <= 100
    assert "refused" in str(table) or feasible.all()


def test_impossible_points_are_rows_with_their_reason() -> None:
    table = gs.sweep(gs.grid("llm-trace", layout=["1g.10gb", "4g.40gb+4g.40gb"]))
    assert table["feasible"].tolist() == [0, 0]
    assert "GB" in table["refused"][0]
    words = " ".join(str(table).split())
    assert "refused: 1g.10gb: " in words
    assert "refused: 4g.40gb+4g.40gb: " in words
    with pytest.raises(ValueError, match="no point of the sweep is feasible"):
        table.best()


def test_best_and_order_follow_a_figure(table: gs.SweepTable) -> None:
    throughput = table["request_throughput"]
    assert table.best("request_throughput") is table.points[int(np.argmax(throughput))]
    assert (
        table.best("e2e_latency_mean_s", largest=False)
        is table.points[int(np.argmin(table["e2e_latency_mean_s"]))]
    )
    assert [throughput[i] for i in table.order("request_throughput")] == sorted(throughput, reverse=True)


@pytest.mark.parametrize("executor", [None, map, "backwards"])
def test_an_error_costs_its_point_alone(
    points: list[gs.Point],
    table: gs.SweepTable,
    executor: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = tmp_path / "sweep.jsonl"
    original = cases.simulate

    def fail(scenario: gs.Scenario, **options: Any) -> Any:
        if scenario == points[1].scenario:
            raise gs.SimulationError("broken")
        return original(scenario, **options)

    with monkeypatch.context() as patched:
        patched.setattr(cases, "simulate", fail)
        swept = gs.sweep(points, executor=Backwards() if executor == "backwards" else executor, resume=path)
    assert swept["error"].tolist() == ["", "broken", "", ""]
    assert swept["feasible"].tolist() == [1, 0, 1, 1]
    assert swept["request_throughput"].tolist()[2:] == table["request_throughput"].tolist()[2:]
    assert "error: 2, mps: broken" in swept.text()
    assert "1 failed" in str(swept)
    assert swept.order("request_throughput")[-1] == 1
    # An error is tried again.
    assert len(path.read_text().splitlines()) == 3
    assert gs.sweep(points, resume=path).table == table.table


def test_combinations_that_are_not_valid_are_points_with_an_error(light: gs.Scenario) -> None:
    good, bad = gs.grid(light, users=[2, 0])
    assert good.scenario is not None
    assert bad.scenario is None
    assert "/traffic/0/users" in bad.error
    assert repr(bad) == "<Point users=0; error>"
    table = gs.sweep([good, bad])
    assert table["error"].tolist() == ["", bad.error]


def test_figures_may_be_named_in_short(table: gs.SweepTable) -> None:
    assert table.resolve("llm.ttft_p95") == table.resolve("turn.llm.ttft_p95_s") == "llm.ttft_p95_s"
    assert table.resolve("vram_used") == "vram_used_bytes"
    with pytest.raises(gs.FigureError, match=r"nearest: llm\.ttft_p95_s"):
        table.resolve("llm.tft_p95")
    found = table["llm.ttft_p95_s"].tolist()
    # Less is better, unless told otherwise; of an axis more.
    assert [found[i] for i in table.order("ttft_p95")] == sorted(found)
    assert table.best("ttft_p95", largest=True) is table.points[found.index(max(found))]
    assert table.best("users").axes["users"] == 4


def test_the_figure_asked_for_is_shown_first(table: gs.SweepTable) -> None:
    heads = table.text(first=["llm.ttft_p95"]).splitlines()[:3]
    assert heads[1].split()[:2] == ["TTFT", "p95"]
    assert heads[2].split()[:3] == ["users", "mode", "ms"]
    # It is not shown twice, nor left out where it is the same in every row.
    assert table.text(first=["success_rate"]).split("-----")[0].count("success") == 1
    assert "completed" not in table.text(first=["success_rate"])


def front(table: gs.SweepTable, names: list[str], signs: list[int]) -> set[int]:
    """By its definition."""
    rows = [[s * table[n][i] for n, s in zip(names, signs, strict=True)] for i in range(len(table))]
    return {
        i
        for i, row in enumerate(rows)
        if not any(all(a <= b for a, b in zip(o, row, strict=True)) and o != row for o in rows)
    }


def test_the_front_is_what_no_other_point_beats(light: gs.Scenario) -> None:
    table = gs.sweep(gs.grid(light, users=[2, 3, 4, 6], mode=["dedicated", "mps", "time-slicing"]))
    names = ["tts.first_audio_p95_s", "request_throughput", "gpus_used"]
    found = table.pareto("first_audio_p95", "request_throughput", "gpus_used")
    assert {table.points.index(point) for point in found.points} == front(table, names, [1, -1, 1])
    assert 1 < len(found) < len(table)
    assert found["tts.first_audio_p95_s"].tolist() == sorted(found["tts.first_audio_p95_s"])
    assert found.text().splitlines()[1].split()[:4] == ["first", "audio", "p95", "req/s"]
    other = table.pareto("request_throughput", minimize=["request_throughput"], maximize=["gpus_used"])
    assert {table.points.index(point) for point in other.points} == front(table, names[1:], [1, -1])


def test_the_front_has_equal_points_and_no_unknown_ones() -> None:
    figures = [{"gpus_used": 1.0}, {"gpus_used": 1.0}, {"gpus_used": 2.0}, {"gpus_used": math.nan}, {}]
    outcomes = [Outcome(values) for values in figures[:-1]] + [Outcome(refused="no")]
    table = gs.SweepTable([gs.Point(None, {"x": i}) for i in range(5)], outcomes)
    assert [point.axes["x"] for point in table.pareto("gpus_used").points] == [0, 1]
    with pytest.raises(gs.FigureError, match="neither side is better"):
        gs.SweepTable(table.points, [Outcome({"duration_s": 1.0})] * 5).pareto("duration_s")
    with pytest.raises(ValueError, match="at least one figure"):
        table.pareto()


def test_other_tools_read_it(table: gs.SweepTable) -> None:
    assert table.to_pandas()["users"].tolist() == [2, 2, 4, 4]
    assert pa.table(table).num_rows == pl.DataFrame(table).height == table.to_arrow().num_rows == 4
    assert table.to_dict()["mode"] == ["dedicated", "mps", "dedicated", "mps"]
    assert "<table>" in table._repr_html_()


def test_axis_columns_keep_their_type() -> None:
    assert points_module._shown("users", np.int64(3)) == 3
    mixed = gs.SweepTable(
        [gs.Point(None, {"x": 1, "y": 1.5, "z": True}), gs.Point(None, {"x": 2, "y": 2, "z": "b"})],
        [Outcome(refused="no")] * 2,
    )
    assert [mixed.table.type(c) for c in ("x", "y", "z")] == ["int64", "float64", "category"]


def test_a_plot_has_a_line_for_each_combination(table: gs.SweepTable) -> None:
    figure = table.plot("users", "request_throughput")
    (axis,) = figure.axes
    assert len(axis.get_lines()) >= 2
    assert axis.get_xlabel() == "users"
    with pytest.raises(ValueError, match="no axis 'nothing'; legal are"):
        table.plot("nothing")


def test_an_empty_sweep_is_an_empty_table() -> None:
    empty = gs.sweep([])
    assert len(empty) == 0
    assert repr(empty)
    assert not math.isnan(len(empty.columns))


def test_layouts_are_shortened_only_when_that_leaves_them_apart() -> None:
    assert compact_layouts(["3g.40gb@0+3g.40gb@4", "7g.80gb@0"]) == ["3g@0+3g@4", "7g@0"]
    assert compact_layouts(["3g.40gb@0(1c,2c)+1g.10gb+me@4", "whole"]) == ["3g@0(1c,2c)+1g+me@4", "whole"]
    double = ["1g.10gb@0+1g.20gb@2"]
    assert compact_layouts(double) == double
    for layouts in (gs.mig.layouts("a100"), gs.mig.states("a100")):
        assert len(set(compact_layouts([str(layout) for layout in layouts]))) == len(layouts)


def test_what_is_the_same_in_every_row_is_said_once(table: gs.SweepTable) -> None:
    assert "success" in table.text().splitlines()[0] or "in every row that is not refused: " in table.text()
    same = gs.sweep(table.points[:3:2])
    assert "in every row that is not refused: GPUs: 3" in same.text()
    assert "GPUs" not in same.text().splitlines()[1]
