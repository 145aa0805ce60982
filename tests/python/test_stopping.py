"""Ctrl-C in studies: one stops them and keeps what is done, a second one does no harm."""

import json
import os
import shlex
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import gpushare as gs
import pytest
from gpushare.study.runner import run_all
from gpushare.study.stopping import Interrupts, StopFile, Stopped

pytestmark = pytest.mark.skipif(os.name != "posix", reason="sends SIGINT")

# Two points that end at once and four that take hours; it says when only those are left.
STUDY = """
    import concurrent.futures, multiprocessing, sys
    import gpushare as gs

    def told(done, total):
        if done == 2:
            print("ready", flush=True)

    if __name__ == "__main__":
        hours = {{"/traffic/0/hold_s": [1, 2, 20_000_000, 30_000_000, 40_000_000, 50_000_000]}}
        points = gs.grid("voice-light", **hours)
        spawned = multiprocessing.get_context("spawn")
        try:
            {run}
        finally:
            print("left", flush=True)
"""
RUNS = {
    "threads": "gs.sweep(points, threads=2, progress=told, resume=sys.argv[1])",
    "processes": (
        "with concurrent.futures.ProcessPoolExecutor(2, mp_context=spawned) as pool: "
        "gs.sweep(points, executor=pool, progress=told, resume=sys.argv[1])"
    ),
    "map of processes": (
        "with concurrent.futures.ProcessPoolExecutor(2, mp_context=spawned) as pool: "
        "gs.sweep(points, executor=pool.map, progress=told, resume=sys.argv[1])"
    ),
    "pool": (
        "with spawned.Pool(2) as pool: gs.sweep(points, executor=pool, progress=told, resume=sys.argv[1])"
    ),
    "threads of an executor": (
        "with concurrent.futures.ThreadPoolExecutor(2) as pool: "
        "gs.sweep(points, executor=pool, progress=told, resume=sys.argv[1])"
    ),
    "map": "gs.sweep(points, executor=map, progress=told, resume=sys.argv[1])",
}


def interrupted(command: list[str], times: int) -> tuple[int, str, str]:
    """Runs a command until it is ready, and sends so many signals: code and output of one that ends by itself."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        for _ in range(times):
            process.send_signal(signal.SIGINT)
        try:
            output, errors = process.communicate(timeout=120)
        finally:
            process.kill()
    return process.returncode, output, errors


@pytest.mark.parametrize("times", [1, 3])
@pytest.mark.parametrize("run", RUNS)
def test_control_c_stops_a_sweep_and_keeps_what_is_done(run: str, times: int, tmp_path: Path) -> None:
    study, store = tmp_path / "study.py", tmp_path / "points.jsonl"
    study.write_text(textwrap.dedent(STUDY).format(run=RUNS[run]))
    code, output, errors = interrupted([sys.executable, str(study), str(store)], times)
    assert code == -signal.SIGINT
    assert output == "left\n"
    assert "KeyboardInterrupt: 2 of 6 were done, and are kept in" in errors
    assert len(store.read_text().splitlines()) == 2


def test_the_command_says_what_goes_on(tmp_path: Path, light: gs.Scenario) -> None:
    scenario, store = tmp_path / "my light.json", tmp_path / "points.jsonl"
    scenario.write_text(json.dumps(light.document))
    # As `python -m gpushare`, which says when two points are kept.
    code = """
        import sys
        from gpushare.command import cli, progress
        def told(self, done, total):
            if done == 2:
                print("ready", flush=True)
        progress.Progress.count = told
        sys.exit(cli.main())
    """
    axis = "/traffic/0/hold_s=1,2,20000000,30000000"
    sweep = ["sweep", str(scenario), "--axis", axis, "--threads", "2", "--seed", "3"]
    start = [sys.executable, "-c", textwrap.dedent(code)]
    for more in ([], ["--resume", str(store)]):
        returned, output, errors = interrupted([*start, *sweep, *more], 3)
        assert (returned, output) == (130, "")
        assert errors.count("\n") == 1
        assert errors.startswith("gpushare: error: interrupted: 2 of 4 points ")
    assert f"kept in {store}; go on with: " in errors
    words = shlex.split(errors.split("go on with: ")[1])
    assert words[-len(sweep) - 2 :] == [*sweep, "--resume", str(store)]
    assert len(store.read_text().splitlines()) == 2


@pytest.fixture
def interrupts() -> Iterator[list[str]]:
    """What was called, with Python's own handler before and after."""
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    yield []
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_the_first_interrupt_stops_and_others_wait(interrupts: list[str]) -> None:
    def study() -> None:
        with Interrupts(lambda: interrupts.append("stop")):
            try:
                signal.raise_signal(signal.SIGINT)
            finally:
                signal.raise_signal(signal.SIGINT)
                interrupts.append("cleaned")

    with pytest.raises(KeyboardInterrupt):
        study()
    assert interrupts == ["stop", "cleaned"]


def test_a_step_that_is_held_ends_before_the_interrupt(interrupts: list[str]) -> None:
    def step(ours: Interrupts) -> None:
        with ours.held():
            signal.raise_signal(signal.SIGINT)
            interrupts.append("whole")

    with Interrupts(lambda: interrupts.append("stop")) as ours:
        with pytest.raises(KeyboardInterrupt):
            step(ours)
        with ours.held():
            interrupts.append("later")
    assert interrupts == ["stop", "whole", "later"]


def test_handlers_of_others_are_left_alone(interrupts: list[str]) -> None:
    def own(number: int, frame: Any) -> None:
        interrupts.append("own")

    signal.signal(signal.SIGINT, own)
    try:
        with Interrupts(lambda: interrupts.append("stop")):
            assert signal.getsignal(signal.SIGINT) is own
            signal.raise_signal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    with Interrupts(lambda: None):
        thread = threading.Thread(target=lambda: Interrupts(lambda: None).__enter__())
        thread.start()
        thread.join()
    assert interrupts == ["own"]


def test_an_interrupt_that_is_swallowed_still_ends_the_study() -> None:
    def task(item: int, cancelled: Any) -> int:
        while item and not cancelled():
            pass
        if item:
            raise Stopped
        return item

    def swallow(position: int, outcome: int) -> None:
        with suppress(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        run_all(task, [0, 1, 1], swallow, threads=2)


@pytest.mark.parametrize("executor", ["None", "pool", "pool.map"])
def test_a_signal_that_wakes_nobody_is_seen(executor: str) -> None:
    """One that another thread receives, or that comes just before a wait, does not end the wait."""
    code = f"""
        import concurrent.futures, signal, threading, time
        from gpushare.study.runner import run_all
        from gpushare.study.stopping import Stopped

        def task(item, cancelled):
            time.sleep(0.3)  # until the main thread waits
            signal.pthread_kill(threading.get_ident(), signal.SIGINT)
            while not cancelled():
                pass
            raise Stopped

        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            try:
                run_all(task, [1], print, executor={executor})
            except KeyboardInterrupt:
                print("interrupted")
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, timeout=120
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "interrupted\n", "")


def test_a_stop_file_is_seen_by_its_copies() -> None:
    flag = StopFile()
    assert not flag()
    flag.set()
    assert flag()
    flag.set()
