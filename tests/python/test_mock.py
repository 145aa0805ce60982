"""A run as an exporter shows it: the shares are those of the run, by text and by HTTP, on this machine only."""

import json
import threading
import urllib.error
import urllib.request
from pathlib import Path

import gpushare as gs
import numpy as np
import pytest
from command_line import fails, run
from export_cases import client, mps, shares
from gpushare.command.cli import main
from gpushare.kubernetes.mock import _busy, serve
from gpushare.kubernetes.telemetry import Load, loads, read_exposition
from hypothesis import given
from hypothesis import strategies as st


def seen(text: str) -> list[Load]:
    return loads(read_exposition(text, "mock"))


@pytest.mark.parametrize("mode", ["dedicated", "time-slicing", "mps", "mig:3g.40gb+3g.40gb"])
def test_the_mean_of_a_mock_is_what_the_run_says(light: gs.Scenario, mode: str) -> None:
    scenario = light.with_mode(mode).replace(warmup_s=0)
    partitions = gs.simulate(scenario, record_requests=False).runs[0].summary["partitions"]
    # A window that ends where arrivals do: what the run's own shares are of.
    found = seen(gs.mock(scenario, window_s=scenario.duration_s).text())
    assert len(found) == len(partitions)
    for load, partition in zip(found, partitions, strict=True):
        # While the GPU changes hands a step is on it, though none goes on.
        assert load.busy == pytest.approx(partition["busy"] + partition["switching"], abs=0.006)
        assert load.memory_bytes == pytest.approx(partition["memory_used_bytes"], abs=2**20)
        assert {pod for _, pod in load.pods} == {name.replace(".", "-") for name in partition["processes"]}
        assert load.profile == ("3g.40gb" if "3g.40gb" in partition["name"] else "")


def test_clients_with_caps_keep_fewer_sms_busy() -> None:
    half = shares([mps(client("chat", 50), client("eyes", 30))])
    (load,) = seen(gs.mock(half).text())
    assert load.busy is not None
    assert load.sms is not None
    assert load.sms <= 0.8 * load.busy


spans = st.lists(st.tuples(st.floats(0, 50), st.floats(0, 20)), max_size=12)


@given(spans)
def test_busy_shares_are_those_of_the_union(found: list[tuple[float, float]]) -> None:
    begins = np.array([begin for begin, _ in found])
    ends = np.array([begin + length for begin, length in found])
    shares_ = _busy(begins, ends, 7.5, 12)
    grid = np.linspace(0, 90, 90_001)[:-1] + 0.0005
    inside = np.zeros(len(grid), dtype=bool)
    for begin, end in zip(begins, ends, strict=True):
        inside |= (grid >= begin) & (grid < end)
    assert shares_ == pytest.approx(inside.reshape(12, -1).mean(axis=1), abs=2e-3)


def test_a_window_is_what_happened_in_it(light: gs.Scenario) -> None:
    mock = gs.mock(light, window_s=1.0)
    windows = [seen(mock.text(at))[0].busy or 0.0 for at in range(mock.windows)]
    assert len(set(windows)) > 5
    assert np.mean(windows) == pytest.approx(seen(mock.text())[0].busy, abs=0.006)
    assert mock.text(mock.windows + 3.5) == mock.text(3.5)


def test_it_is_served_on_this_machine_as_time_goes_by(light: gs.Scenario) -> None:
    now = [0.0]
    mock = gs.mock(light, window_s=1.0)
    with serve(mock, 0, speed=2.0, clock=lambda: now[0]) as server:
        assert server.server_address[0] == "127.0.0.1"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            url = f"http://127.0.0.1:{server.server_address[1]}"
            for at in (0.0, 5.25):
                now[0] = at
                with urllib.request.urlopen(f"{url}/metrics", timeout=10) as answer:
                    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
                    assert answer.read().decode() == mock.text(2 * at)
            with pytest.raises(urllib.error.HTTPError, match="404"):
                urllib.request.urlopen(f"{url}/other", timeout=10)
        finally:
            server.shutdown()
            thread.join()


def test_the_command_writes_one_scrape(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "dcgm.prom"
    assert main(["mock", "voice-light", "--once", str(path), "--nodes", "node0=gpu-7", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["window_s"] == 15
    assert {load.node for load in seen(path.read_text())} == {"gpu-7"}
    assert main(["mock", "voice-light", "--at", "5"]) == 2
    assert "--at is for --once" in capsys.readouterr().err
    assert "--window: found '0'; a time above 0" in fails(
        capsys, "mock", "voice-light", "--window", "0", "--once", path
    )


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--port", "99999"], "--port: found '99999'; a port is between 1 and 65535"),
        (["--once", "m.prom", "--at", "-1"], "--at: found '-1'; a time of the run"),
        (["--once", "m.prom", "--at", "nan"], "--at: found 'nan'; a time of the run"),
        (["--once", "m.prom", "--nodes", "nope=x"], "nodes: found 'nope'; the placement has node0"),
        (["--once", "."], ".: is a directory"),
        (["--mode", "", "--once", "m.prom"], "mode: found ''; a mode is a text"),
    ],
)
def test_what_a_mock_cannot_serve_is_refused(
    words: list[str],
    told: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert told in fails(capsys, "mock", "voice-light", *words)


def test_moments_of_a_mock_may_have_units(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    texts = []
    for at in ("60", "1min"):
        run(capsys, "mock", "voice-light", "--once", tmp_path / "m.prom", "--at", at)
        texts.append((tmp_path / "m.prom").read_text())
    assert texts[0] == texts[1]
