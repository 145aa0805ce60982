"""Whatever ends a study or a command, and when: nothing half-written stays, and nothing that was kept is lost."""

import csv
import io
import json
import os
import random
import resource
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

import gpushare as gs
import pytest
from gpushare import files

pytestmark = pytest.mark.skipif(os.name != "posix", reason="sends signals")

SWEEP = """
    import concurrent.futures, multiprocessing, sys
    import gpushare as gs

    if __name__ == "__main__":
        points = gs.grid("voice-light", users=list(range(1, 13)), mode=["dedicated", "mps"])
        spawned = multiprocessing.get_context("spawn")
        print("begins", flush=True)
        {run}
        print("done", flush=True)
"""
EXECUTORS = {
    "threads": "gs.sweep(points, threads=2, resume=sys.argv[1])",
    "processes": (
        "with concurrent.futures.ProcessPoolExecutor(2, mp_context=spawned) as pool: "
        "gs.sweep(points, executor=pool, resume=sys.argv[1])"
    ),
    "pool": "with spawned.Pool(2) as pool: gs.sweep(points, executor=pool, resume=sys.argv[1])",
    "map": "gs.sweep(points, executor=map, resume=sys.argv[1])",
}


def killed_after(command: list[str], seconds: float) -> bool:
    """Runs a command and all that it starts, and kills them so long after it began its work; True: before its end."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "begins\n"
    time.sleep(seconds)
    os.killpg(process.pid, signal.SIGKILL)
    return "done" not in process.communicate(timeout=60)[0]


@pytest.mark.long
@pytest.mark.parametrize("executor", EXECUTORS)
def test_a_sweep_that_is_killed_again_and_again_ends_as_one_that_is_not(
    executor: str, tmp_path: Path
) -> None:
    study, store = tmp_path / "study.py", tmp_path / "kept" / "points.jsonl"
    store.parent.mkdir()
    study.write_text(textwrap.dedent(SWEEP).format(run=EXECUTORS[executor]))
    luck = random.Random(executor)
    kills = sum(
        killed_after([sys.executable, str(study), str(store)], luck.uniform(0, 0.4)) for _ in range(8)
    )
    assert kills > 2
    assert os.listdir(store.parent) == [store.name] or not os.listdir(store.parent)
    kept = store.read_bytes().split(b"\n") if store.exists() else []
    broken = 0
    for line in filter(None, kept):
        try:
            json.loads(line)
        except ValueError:
            broken += 1
    assert broken <= kills
    points = gs.grid("voice-light", users=list(range(1, 13)), mode=["dedicated", "mps"])
    with pytest.warns(gs.StoreWarning) if broken else pytest.MonkeyPatch.context():
        resumed = gs.sweep(points, resume=store)
    assert resumed.table == gs.sweep(points).table


CLUSTER = ["cluster", "{}/../nodes.csv", "{}/../pods.csv", "--policy", "fgd,gpushare"]
#: Commands that write, with what they write last; each ends by itself in some seconds.
WRITING = {
    "run to a table": ["run", "voice-light", "--out", "{}/out.csv"],
    "run to a folder": ["run", "voice-light", "--steps", "--out", "{}/out"],
    "run to a timeline": ["run", "voice-light", "--perfetto", "{}/out.json"],
    "sweep": ["sweep", "voice-light", "--axis", "users=1,2,3", "--out", "{}/out.csv"],
    "plan": [
        "plan",
        "voice-light",
        "--slo",
        "tts.first_audio_p95=2s",
        "--rounds",
        "2",
        "--out",
        "{}/out.json",
    ],
    "capacity": ["capacity", "voice-light", "--slo", "tts.first_audio_p95=2s", "--out", "{}/out.csv"],
    "report": ["report", "voice-light", "-o", "{}/out.html"],
    "run to Parquet": ["run", "voice-light", "--out", "{}/out.parquet"],
    "compare to a picture": ["compare", "voice-light", "--plot", "{}/out.png"],
    "cluster": [*CLUSTER, "--seeds", "8", "--out", "{}/out.csv"],
    "cluster over time": [*CLUSTER, "--timed", "--sample", "10", "--out", "{}/out.json"],
}


@pytest.fixture(autouse=True)
def packed(tmp_path: Path) -> None:
    """Nodes and pods that the cluster is packed with in half a second."""
    luck = random.Random(1)
    nodes = [f"n{i},96000,786432,8,G2" for i in range(60)]
    (tmp_path / "nodes.csv").write_text("\n".join(["sn,cpu_milli,memory_mib,gpu,model", *nodes, ""]))
    pods = ["name,cpu_milli,memory_mib,num_gpu,gpu_milli,creation_time,deletion_time"]
    for i in range(500):
        begin = luck.randrange(4000)
        share = luck.choice([200, 300, 500, 1000])
        pods.append(f"p{i},4000,8192,1,{share},{begin},{begin + luck.randrange(1, 900)}")
    (tmp_path / "pods.csv").write_text("\n".join([*pods, ""]))


#: As `python -m gpushare`; says when that has started, before the command line is imported.
START = "import sys; from gpushare.__main__ import start; print('begins', flush=True); sys.exit(start())"


def in_folder(command: str, folder: Path) -> list[str]:
    return [sys.executable, "-c", START, *(word.format(folder) for word in WRITING[command])]


def whole(folder: Path) -> dict[str, bytes]:
    """Contents by name; what begins with a dot is what a writer left behind."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def is_whole(name: str, content: bytes) -> bool:
    if name.endswith(".png"):
        return content.endswith(b"IEND\xaeB`\x82")
    if name.endswith(".parquet"):
        return content.endswith(b"PAR1")
    text = content.decode()
    if name.endswith(".json"):
        json.loads(text)
        return True
    if name.endswith(".html"):
        return text.rstrip().endswith("</html>")
    rows = list(csv.reader(io.StringIO(text)))
    return text.endswith("\n") and len({len(row) for row in rows}) == 1


def limited(size: int) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)


@pytest.mark.parametrize("command", ["run to a table", "run to a folder"])
def test_a_full_disk_is_told_and_leaves_what_was_there(command: str, tmp_path: Path) -> None:
    check_full_disk(command, tmp_path, [1500])


@pytest.mark.long
@pytest.mark.parametrize("command", WRITING)
def test_a_disk_that_is_full_sooner_or_later_leaves_what_was_there(command: str, tmp_path: Path) -> None:
    check_full_disk(command, tmp_path, [0, 1, 100, 1000, 4096, 10_000, 30_000])


def check_full_disk(command: str, tmp_path: Path, sizes: list[int]) -> None:
    free = tmp_path / "free"
    free.mkdir()
    done = subprocess.run(in_folder(command, free), capture_output=True, text=True, timeout=240)
    assert done.returncode in (0, 1), done.stderr
    written = whole(free)
    assert written
    largest = max(map(len, written.values()))
    for size in sizes:
        folder = tmp_path / str(size)
        folder.mkdir()
        before = folder / next(iter(written))
        before.parent.mkdir(exist_ok=True)
        before.write_text("before\n")
        if size >= largest:
            continue
        full = subprocess.run(
            in_folder(command, folder),
            capture_output=True,
            text=True,
            timeout=240,
            preexec_fn=lambda size=size: limited(size),  # type: ignore[misc]
        )
        assert full.returncode == 2, (size, full.stdout, full.stderr)
        assert "File too large" in full.stderr
        assert full.stderr.count("gpushare: error") == 1, full.stderr
        assert "Traceback" not in full.stderr
        left = whole(folder)
        for name, content in left.items():
            assert name in written, (size, name)
            assert content == b"before\n" or is_whole(name, content), (size, name)


def interrupted(command: list[str], after_s: float, times: int) -> tuple[int, str]:
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begins\n"
        time.sleep(after_s)
        for _ in range(times):
            os.killpg(process.pid, signal.SIGINT)
            time.sleep(0.01)
        errors = process.communicate(timeout=120)[1]
    return process.returncode, errors


@pytest.mark.long
@pytest.mark.parametrize("command", WRITING)
def test_control_c_at_any_moment_leaves_nothing_half_written(command: str, tmp_path: Path) -> None:
    free = tmp_path / "free"
    free.mkdir()
    began = time.monotonic()
    usual = subprocess.run(in_folder(command, free), capture_output=True, text=True, timeout=240)
    took = time.monotonic() - began
    written = whole(free)
    luck = random.Random(command)
    for attempt in range(16):
        folder = tmp_path / str(attempt)
        folder.mkdir()
        code, errors = interrupted(in_folder(command, folder), luck.uniform(0.0, took), 1 + attempt % 2)
        assert code in (130, usual.returncode), (attempt, code, errors)
        assert "Traceback" not in errors or "Exception ignored in" in errors, errors
        told = errors.count("gpushare: error: interrupted")
        # A plan that has been found by then is the answer.
        assert told == (code == 130) or (command == "plan" and told == 0), errors
        check_whole(folder, written, attempt)


def check_whole(folder: Path, written: dict[str, bytes], attempt: int) -> None:
    """Of what a command writes, nothing half, and nothing else."""
    for name, content in whole(folder).items():
        assert name in written, (attempt, name)
        assert is_whole(name, content), (attempt, name)


@pytest.mark.long
@pytest.mark.parametrize("command", WRITING)
def test_a_command_that_is_killed_at_any_moment_leaves_nothing_half_written(
    command: str, tmp_path: Path
) -> None:
    free = tmp_path / "free"
    free.mkdir()
    began = time.monotonic()
    subprocess.run(in_folder(command, free), capture_output=True, timeout=240)
    took = time.monotonic() - began
    written = whole(free)
    luck = random.Random(command)
    for attempt in range(12):
        folder = tmp_path / str(attempt)
        folder.mkdir()
        killed_after(in_folder(command, folder), luck.uniform(0.0, took))
        check_whole(folder, written, attempt)


#: Writes half a file and is killed.
HALF = """
    import os, signal, sys
    from gpushare import files

    def half(file):
        file.write({half})
        file.flush()
        os.kill(os.getpid(), signal.SIGKILL)

    files.{write}(sys.argv[1], half)
"""


@pytest.mark.parametrize(("write", "half"), [("replace_file", "'half'"), ("replace_binary", "b'half'")])
@pytest.mark.parametrize("there", [False, True])
def test_half_a_file_of_a_killed_process_has_no_name(
    write: str, half: str, there: bool, tmp_path: Path
) -> None:
    if not files._has_nameless_files(str(tmp_path)):
        pytest.skip("this file system has no files without a name")
    target = tmp_path / "out.csv"
    if there:
        target.write_text("before\n")
    program = textwrap.dedent(HALF).format(write=write, half=half)
    done = subprocess.run([sys.executable, "-c", program, str(target)], timeout=60)
    assert done.returncode == -signal.SIGKILL
    assert {name for name in os.listdir(tmp_path) if name.startswith((".", "out"))} == (
        {"out.csv"} if there else set()
    )
    assert not there or target.read_text() == "before\n"


def cannot_link(*_: Any, **__: Any) -> None:
    raise PermissionError


@pytest.mark.parametrize("system", ["names nothing later", "links nothing", "does both"])
@pytest.mark.parametrize("there", [False, True])
def test_a_file_takes_its_place_with_the_rights_of_the_user(
    system: str, there: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if system == "names nothing later":
        monkeypatch.setattr(files, "_has_nameless_files", lambda folder: False)
    if system == "links nothing":
        monkeypatch.setattr(os, "link", cannot_link)
    folder = tmp_path / "out"
    folder.mkdir()
    target = folder / "out.csv"
    if there:
        target.write_text("before\n")
    mask = os.umask(0o027)
    try:
        files.replace_file(target, lambda file: file.write("whole"))
    finally:
        os.umask(mask)
    assert (target.read_text(), target.stat().st_mode & 0o777) == ("whole", 0o640)
    assert os.listdir(folder) == ["out.csv"]


@pytest.mark.long
def test_control_c_ends_the_page_at_any_moment(tmp_path: Path) -> None:
    pytest.importorskip("uvicorn")
    luck = random.Random(1)
    command = [sys.executable, "-c", START, "explore", "voice-light", "--no-browser"]
    for attempt in range(16):
        code, errors = interrupted(command, luck.uniform(0.0, 1.5), 1 + attempt % 2)
        # Once it serves, Ctrl-C is how it ends.
        assert (code, errors) in ((0, ""), (130, "gpushare: error: interrupted\n")), attempt
