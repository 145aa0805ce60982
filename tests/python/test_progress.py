"""Bars of progress: in notebooks by themselves, nowhere else, and gone when it is over."""

from __future__ import annotations

import threading
import time
from typing import Any

import gpushare as gs
import nbformat
import pytest
from gpushare.frames import progress
from gpushare.validation import run_suite
from nbclient import NotebookClient


class Display:
    """What a notebook would show, version by version."""

    def __init__(self) -> None:
        self.versions: list[str] = []

    def update(self, html: object) -> None:
        self.versions.append(str(vars(html)["data"]))


@pytest.fixture
def notebook(monkeypatch: pytest.MonkeyPatch) -> Display:
    """A kernel of which all takes longer than a bar waits."""
    found = Display()
    pytest.importorskip("IPython")

    def display(html: object, display_id: bool) -> Display:
        assert display_id
        found.update(html)
        return found

    monkeypatch.setattr("IPython.display.display", display)
    monkeypatch.setattr(progress, "in_notebook", lambda: True)
    monkeypatch.setattr(progress, "_AFTER_S", 0.0)
    monkeypatch.setattr(progress, "_BETWEEN_S", 0.0)
    return found


_NODES = [{"sn": "n", "cpu_milli": 9000, "memory_mib": 9000, "gpu": 1, "model": "a100"}]
_PODS = [{"name": "p", "cpu_milli": 1, "memory_mib": 1, "num_gpu": 1, "gpu_milli": 500}]


def test_what_takes_long_has_one_bar_which_goes(notebook: Display) -> None:
    for call, label in (
        (lambda: gs.simulate("voice-light"), "voice-light: "),
        (lambda: gs.compare("voice-light", modes=["dedicated", "mps"]), "voice-light: 1 of 2, 1 left"),
        (lambda: gs.sweep(gs.grid("voice-light", users=[2, 5])), "sweep: 2 of 2, 0 left"),
        (
            lambda: gs.sensitivity("voice-light", ["users"], "success_rate"),
            "voice-light, sensitivity: 1 of 3",
        ),
        (lambda: gs.plan("voice-light", gpus={"a100": 2}, replications=1), "voice-light, plan: "),
        (
            lambda: gs.capacity("voice-light", slo=["voice_to_voice_p95=2s"], replications=2, tolerance=0.9),
            "voice-light, capacity: dedicated: ",
        ),
        (lambda: run_suite("nos"), "validate nos: "),
        (lambda: gs.cluster(_NODES, _PODS, seeds=3), "packing: 1 of 3, 2 left"),
    ):
        notebook.versions.clear()
        call()
        assert any(f"</progress> {label}" in one for one in notebook.versions), (label, notebook.versions)
        assert notebook.versions[-1] == ""
        assert notebook.versions.count("") == 1  # of what is inside there is none


def test_who_listens_gets_it_and_there_is_no_bar(notebook: Display) -> None:
    heard: list[tuple[int, int]] = []
    gs.compare("voice-light", modes=["mps"], progress=lambda done, total: heard.append((done, total)))
    assert heard[-1] == (2, 2)
    assert notebook.versions == []


def test_another_thread_draws_nothing(notebook: Display) -> None:
    thread = threading.Thread(target=lambda: gs.simulate("voice-light"))
    thread.start()
    thread.join()
    assert notebook.versions == []


def test_an_error_takes_the_bar_away_and_the_next_has_one(notebook: Display) -> None:
    def fails(told: Any) -> None:
        told(0.5)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), progress.followed(None, "mine", "fraction") as told:
        fails(told)
    with progress.followed(None, "mine", "fraction") as told:
        told(0.25)
    assert notebook.versions == [
        '<progress value="0.5000"></progress> mine: 50 %',
        "",
        '<progress value="0.2500"></progress> mine: 25 %',
        "",
    ]


def test_a_script_and_what_is_soon_over_have_none(monkeypatch: pytest.MonkeyPatch, notebook: Display) -> None:
    monkeypatch.setattr(progress, "_AFTER_S", 60.0)
    gs.compare("voice-light", modes=["mps"])
    assert notebook.versions == []
    monkeypatch.undo()
    assert not progress.in_notebook()
    with progress.followed(None, "mine", "count") as told:
        assert told is None


def test_a_real_kernel_shows_it() -> None:
    code = (
        "import gpushare as gs\nfrom gpushare.frames import progress\nprogress._AFTER_S = 0\n"
        "assert progress.in_notebook()\ntable = gs.compare('voice-light', modes=['dedicated', 'mps'])"
    )
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    assert [output["data"]["text/html"] for output in notebook.cells[0].outputs] == [""]


def test_the_time_that_is_left_is_by_the_pace_so_far(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([10.0, 20.0])
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))
    one = progress._Bar.__new__(progress._Bar)
    progress.Progress.__init__(one, "mine")
    assert one._left(1, 4) == ""
    assert one._left(2, 4) == ", about 20 s"
