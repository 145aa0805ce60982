"""Times of steps alone: shapes beyond the tables, first steps of jobs, and steps that resemble measured ones."""

from __future__ import annotations

from dataclasses import replace

import gpushare as gs
import pytest
from gpushare.calibration.measurements import Measurements
from gpushare.calibration.runs import CoRun, ServedJob, StepKey
from gpushare.calibration.step_times import StepTimes
from gpushare.files import data_file
from gpushare.validation.co_runs import alone_times

FOUR = StepKey("llm", "prefill", 4, 512)
LIKE_FOUR = StepKey("llm", "prefill", 1, 2048)
PROMPT = StepKey("llm", "prefill", 1, 512)
DECODE = StepKey("llm", "decode", 8, 1024)


@pytest.fixture(scope="module")
def measured() -> Measurements:
    return gs.Measurements.load(data_file("h200/measured.json").parent)


@pytest.fixture(scope="module")
def calibration(measured: Measurements) -> gs.Calibration:
    return gs.calibrate(measured)


@pytest.fixture(scope="module")
def four_kinds() -> CoRun:
    second = gs.Measurements.load(data_file("h200-second/measured.json").parent)
    return next(run for run in second.co_runs if run.case == "four_kinds" and run.mode == "time-slicing")


def test_a_batch_that_the_table_lacks_is_timed_by_its_card(measured: Measurements) -> None:
    times = StepTimes(measured)
    ratio = measured.card(FOUR).alone_s / measured.card(LIKE_FOUR).alone_s
    assert times.whole(FOUR) == pytest.approx(ratio * times.whole(LIKE_FOUR))
    assert times.demand(FOUR) == (measured.card(FOUR).flop, measured.card(FOUR).bytes)
    few = times.capped(FOUR, 38)
    assert 0.8 < few / times.capped(LIKE_FOUR, 38) < 1.2
    without = StepTimes(replace(measured, cards={}))
    assert without.whole(FOUR) == without.whole(PROMPT)  # nothing tells how they compare


def test_a_first_step_of_a_kind_of_its_own_is_timed_by_itself(
    four_kinds: CoRun, calibration: gs.Calibration
) -> None:
    llm = next(i for i, client in enumerate(four_kinds.clients) if client.model == "llm")
    times = calibration.times
    usual = alone_times(four_kinds, llm, calibration)
    slow = replace(four_kinds, alone=tuple(map(_first_later, four_kinds.alone)))
    slowed = alone_times(slow, llm, calibration)
    assert slowed[PROMPT] - usual[PROMPT] == pytest.approx(5e-3, rel=1e-6)
    assert slowed[DECODE] == pytest.approx(usual[DECODE])
    assert usual[PROMPT] < 0.9 * times.whole(PROMPT)
    # A frame that opens a sentence is like those after it, and its start says nothing of them.
    tts = next(i for i, client in enumerate(four_kinds.clients) if client.model == "tts")
    only_first = replace(
        four_kinds,
        alone=tuple([job._replace(first_ms=job.first_ms + 5) for job in jobs] for jobs in four_kinds.alone),
    )
    assert alone_times(only_first, tts, calibration) == alone_times(four_kinds, tts, calibration)


def _first_later(jobs: list[ServedJob]) -> list[ServedJob]:
    return [job._replace(first_ms=job.first_ms + 5, done_ms=job.done_ms + 5) for job in jobs]


def test_a_step_in_another_format_is_predicted_relative_to_the_measured_one(
    calibration: gs.Calibration,
) -> None:
    key = StepKey("llm-fp8", "prefill", 1, 1200)
    measured = StepKey("llm", "prefill", 1, 1200)
    alone = calibration.measured.card(key).alone_s
    like = calibration.step(key, alone, 1.0, capped=False)
    law = calibration.step(key, alone, 1.0, capped=False, by_law=True)
    fit = calibration.uncapped
    assert fit is not None
    kind = fit.kinds[measured]
    reference = calibration.step(measured, kind.alone_s, 1.0, capped=False, by_law=True)
    assert like.pressure / law.pressure == pytest.approx(kind.launch.value / reference.pressure)
    assert like.susceptibility / law.susceptibility == pytest.approx(
        kind.susceptibility.value / reference.susceptibility
    )
    assert list(fit.kinds)[like.kind] == measured
