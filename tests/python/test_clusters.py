"""Sweeps on a real dask cluster and a real local Ray: `make clusters`."""

import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gpushare as gs
import pytest

pytestmark = [
    pytest.mark.cluster,
    # Of dask and Ray themselves.
    pytest.mark.filterwarnings(
        "ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::ResourceWarning"
    ),
]


@pytest.fixture(scope="module")
def points(light: gs.Scenario) -> list[gs.Point]:
    made = gs.grid(light, users=[2, 4, 6], layout=["3g.40gb+3g.40gb", "7g.80gb", "1g.10gb"])
    return [*made, made[0]]  # twice the same


@pytest.fixture(scope="module")
def table(points: list[gs.Point]) -> gs.SweepTable:
    found = gs.sweep(points, replications=2)
    assert 0 < found["feasible"].sum() < len(points)
    return found


@pytest.fixture(scope="module")
def dask() -> Iterator[Any]:
    distributed = pytest.importorskip("distributed", reason="dask's distributed is not installed")
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


@pytest.fixture(scope="module")
def ray() -> Iterator[Any]:
    module = pytest.importorskip("ray", reason="ray is not installed")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_AUTH_MODE", "disabled")
        module.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
        yield module
        module.shutdown()


def check(points: list[gs.Point], table: gs.SweepTable, executor: Any, store: Path) -> None:
    """The same table, whose points were kept as they ended, and are found again."""
    seen: list[tuple[int, int]] = []

    def progress(done: int, total: int) -> None:
        seen.append((done, len(store.read_text().splitlines())))

    found = gs.sweep(points, replications=2, executor=executor, resume=store, progress=progress)
    assert found.table == table.table
    assert seen == [(n, n) for n in range(1, len(points) + 1)]
    assert gs.sweep(points, replications=2, resume=store).table == table.table
    assert len(store.read_text().splitlines()) == len(points)


def test_dask_gives_the_same_table(
    points: list[gs.Point], table: gs.SweepTable, dask: Any, tmp_path: Path
) -> None:
    check(points, table, dask, tmp_path / "points.jsonl")
    modes = ["dedicated", "mps"]
    assert (
        gs.compare("voice-light", modes, executor=dask).to_dict()
        == gs.compare("voice-light", modes).to_dict()
    )


def test_ray_gives_the_same_table(
    points: list[gs.Point], table: gs.SweepTable, ray: Any, tmp_path: Path
) -> None:
    check(points, table, gs.RayExecutor(), tmp_path / "points.jsonl")
    check(points, table, gs.RayExecutor(num_cpus=1, max_retries=0), tmp_path / "more.jsonl")


def test_pools_of_ray_give_the_same_table(
    points: list[gs.Point], table: gs.SweepTable, ray: Any, tmp_path: Path
) -> None:
    from ray.util.multiprocessing import Pool

    with Pool(2) as pool:
        check(points, table, pool, tmp_path / "points.jsonl")
        check(points, table, pool.map, tmp_path / "more.jsonl")


STUDY = """
    import os, sys
    import gpushare as gs

    def told(done, total):
        if done == 2:
            print("ready", flush=True)

    if __name__ == "__main__":
        os.environ["RAY_AUTH_MODE"] = "disabled"
        hours = {"/traffic/0/hold_s": [1, 2, 20_000_000, 30_000_000, 40_000_000, 50_000_000]}
        points = gs.grid("voice-light", **hours)
        if sys.argv[1] == "dask":
            import distributed
            cluster = distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None)
            executor = distributed.Client(cluster)
        else:
            import ray
            ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
            executor = gs.RayExecutor()
        try:
            gs.sweep(points, executor=executor, progress=told, resume=sys.argv[2])
        except KeyboardInterrupt as error:
            print(error.done, error.total)
        # The workers are free again.
        print(gs.sweep(points[:1], executor=executor).table == gs.sweep(points[:1]).table)
"""


@pytest.mark.parametrize("kind", ["dask", "ray"])
def test_control_c_frees_the_workers(kind: str, tmp_path: Path) -> None:
    pytest.importorskip({"dask": "distributed"}.get(kind, kind))
    study, store = tmp_path / "study.py", tmp_path / "points.jsonl"
    study.write_text(textwrap.dedent(STUDY))
    command = [sys.executable, str(study), kind, str(store)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGINT)
        try:
            output, _ = process.communicate(timeout=120)
        finally:
            process.kill()
    assert (process.returncode, output) == (0, "2 6\nTrue\n")
    assert len(store.read_text().splitlines()) == 2
