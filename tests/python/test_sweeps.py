"""What-if sweeps: the same table from any executor, resumable, infeasible points told."""

import json
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
    assert table.columns[-2:] == ["limiting_resource", "refused"]
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
    assert "Means of 3 replications" in repr(table)


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
    assert max(map(len, repr(table).splitlines())) <= 100
    assert "refused" in repr(table) or feasible.all()


def test_impossible_points_are_rows_with_their_reason() -> None:
    table = gs.sweep(gs.grid("llm-trace", layout=["1g.10gb", "4g.40gb+4g.40gb"]))
    assert table["feasible"].tolist() == [0, 0]
    assert "GB" in table["refused"][0]
    words = " ".join(repr(table).split())
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


def test_a_sweep_goes_on_where_it_stopped(
    points: list[gs.Point], table: gs.SweepTable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "sweep.jsonl"
    gs.sweep(points[:2], resume=path)
    assert len(path.read_text().splitlines()) == 2
    ran: list[gs.Point] = []
    original = cases.run_case

    def counted(point: gs.Point, *args: Any, **options: Any) -> Any:
        ran.append(point)
        return original(point, *args, **options)

    monkeypatch.setattr(cases, "run_case", counted)
    assert gs.sweep(points, resume=path).table == table.table
    assert len(ran) == 2
    assert gs.sweep(points, resume=path).table == table.table
    assert len(ran) == 2
    # Another number of replications is another outcome.
    gs.sweep(points[:1], resume=path, replications=2)
    assert len(ran) == 3


def test_a_line_cut_short_is_simulated_again(points: list[gs.Point], tmp_path: Path) -> None:
    path = tmp_path / "sweep.jsonl"
    expected = gs.sweep(points[:2], resume=path).table
    lines = path.read_text().splitlines(keepends=True)
    path.write_text(lines[0] + lines[1][:40])
    assert gs.sweep(points[:2], resume=path).table == expected
    assert [json.loads(line)["outcome"]["refused"] for line in path.read_text().splitlines()] == ["", ""]


def test_another_file_is_not_taken_for_a_checkpoint(points: list[gs.Point], tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("first line\nsecond line\n")
    with pytest.raises(ValueError, match=r"notes\.txt:1: not a line of a sweep's checkpoint"):
        gs.sweep(points, resume=path)
    assert path.read_text() == "first line\nsecond line\n"


def test_what_was_finished_before_an_interrupt_is_kept(points: list[gs.Point], tmp_path: Path) -> None:
    path = tmp_path / "sweep.jsonl"

    def interrupt(done: int, total: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        gs.sweep(points, threads=1, resume=path, progress=interrupt)
    kept = path.read_text()
    assert kept.endswith("\n")
    assert 2 <= len(kept.splitlines()) < 5


def test_errors_of_a_point_come_out(points: list[gs.Point], monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: Any, **options: Any) -> Any:
        raise gs.SimulationError("broken")

    monkeypatch.setattr(cases, "simulate", fail)
    for executor in (None, map, Backwards()):
        with pytest.raises(gs.SimulationError, match="broken"):
            gs.sweep(points, executor=executor)


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
    with pytest.raises(ValueError, match="no column 'nothing'"):
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
    assert "in every row that is not refused: 3 GPUs" in same.text()
    assert "GPUs" not in same.text().splitlines()[1]
