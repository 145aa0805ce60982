"""Shared settings and fixtures, and which worker runs what."""

import functools
import os
import pickle
import re
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gpushare as gs
import pytest
import timed
from gpushare.validation import SUITES, Report, run_suite
from hypothesis import HealthCheck, settings

#: Published data that is not shipped; None where there is none.
DATA = Path(os.environ["GPUSHARE_DATA"]) / "public" if "GPUSHARE_DATA" in os.environ else None

BEGAN = time.time()

#: What takes longest, and so begins first: files, and suites with all tests that ask for their report.
LONGEST = ("voice-blog", "h200-pairs", "test_notebooks.py", "test_comparison.py", "test_calibration.py")

# The same examples on every machine and run.
settings.register_profile(
    "derandomised",
    derandomize=True,
    deadline=None,
    database=None,
    max_examples=50,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
# Other ones on every run, for as long as it takes: HYPOTHESIS_PROFILE=long.
settings.register_profile(
    "long",
    deadline=None,
    max_examples=2000,
    print_blob=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "derandomised"))


@pytest.fixture(scope="session", autouse=True)
def _interruptible() -> None:
    """What is started in the background ignores Ctrl-C: tests of interrupts would wait for ever."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def light() -> gs.Scenario:
    """The light voice pipeline, shortened."""
    document = gs.Scenario.load("voice-light").document
    document["traffic"][0] |= {"ramp_up_s": 2, "hold_s": 30, "ramp_down_s": 2}
    return gs.Scenario.from_dict(document)


@pytest.fixture(scope="session")
def result(light: gs.Scenario) -> gs.Result:
    """One run of it with requests and steps."""
    return gs.simulate(light, record_steps=True)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium, for tests with the marker `browser`."""
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: make browser")
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        pytest.skip("there is no chromium")
    with api.sync_playwright() as made:
        launched = made.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield launched
        launched.close()


@pytest.fixture(scope="session")
def report_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Report]:
    """Gives the report of a suite, which runs once, whichever worker asks first."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent

    def get(name: str) -> Report:
        kept = folder / f"{name}.report"
        if not kept.exists():
            own = tmp_path_factory.mktemp("report") / name
            own.write_bytes(pickle.dumps(run_suite(name, DATA)))
            own.replace(kept)
        report: Report = pickle.loads(kept.read_bytes())
        return report

    return functools.cache(get)


def group_of(nodeid: str) -> str:
    """Returns what one worker runs: a file, tests of one suite's report, or a golden case by itself."""
    file, _, test = nodeid.partition("::")
    parameter = re.search(r"\[(?:suite-)?([\w-]+)\]", test)
    if parameter and parameter[1] in SUITES:
        return parameter[1]
    return nodeid if "test_nothing_moved" in test else Path(file).name


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts the longest first."""
    order = [*LONGEST, *SUITES]
    items.sort(
        key=lambda item: order.index(group) if (group := group_of(item.nodeid)) in order else len(order)
    )


@pytest.hookimpl(optionalhook=True)  # pytest-xdist's
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Hands the groups out whole: `-n 2 --dist loadscope --no-loadscope-reorder`."""
    from xdist.scheduler import LoadScopeScheduling

    class Groups(LoadScopeScheduling):  # type: ignore[misc, unused-ignore]
        def _split_scope(self, nodeid: str) -> str:
            return group_of(nodeid)

    return Groups(config, log) if config.getvalue("dist") == "loadscope" else None


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Prints the times of all steps of a build, these tests being the last, before the last lines."""
    if timed.STEPS in os.environ and "PYTEST_XDIST_WORKER" not in os.environ:
        file = Path(os.environ[timed.STEPS])
        used = os.times()
        timed.add(file, "pytest", BEGAN, used.user + used.system + used.children_user + used.children_system)
        terminalreporter.section("times")
        for line in timed.table(file):
            terminalreporter.line(line)
