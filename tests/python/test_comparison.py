"""Modes side by side."""

import re
from typing import Any

import gpushare as gs
import numpy as np
import polars as pl
import pytest
from gpushare.study.points import mode_list


@pytest.fixture(scope="module")
def table(light: gs.Scenario) -> gs.Comparison:
    return gs.compare(light, modes=["dedicated", "time-slicing", "mps", "mig:3g.40gb+3g.40gb"])


def test_every_mode_is_a_row(table: gs.Comparison) -> None:
    assert len(table) == 4
    assert table.table["mode"].tolist() == table.modes
    assert table.values("gpus_used") == [3, 2, 2, 2]
    assert table.values("gpus_freed") == [0, 1, 1, 1]
    # $2 an hour for 720 hours.
    assert table.values("cost_per_month") == [4320, 2880, 2880, 2880]
    assert table["mps"]["gpus_used"] == 2
    assert table.results["mps"].requests.columns


def test_a_row_equals_a_run_of_its_own(table: gs.Comparison, light: gs.Scenario) -> None:
    alone = gs.simulate(light, mode="mps")
    assert table["mps"].to_dict() == alone.summary().to_dict()
    assert table.results["mps"].requests == alone.requests


def test_threads_do_not_change_the_figures(table: gs.Comparison, light: gs.Scenario) -> None:
    assert gs.compare(light, modes=table.modes, threads=1).to_dict() == table.to_dict()


def test_the_documents_own_modes_are_the_default(light: gs.Scenario) -> None:
    assert gs.compare(light, record_requests=False).modes == light.modes
    document = light.document
    del document["modes"]
    assert gs.compare(gs.Scenario.from_dict(document)).modes == ["dedicated", "time-slicing", "mps"]


@pytest.mark.parametrize("width", [80, 100])
def test_the_text_fits_and_explains_itself(table: gs.Comparison, width: int) -> None:
    text = table.text(width=width, details=True)
    assert max(map(len, text.splitlines())) <= width
    for mode in table.modes:
        assert mode in text
    words = " ".join(text.split())
    for word in (
        "freed: GPUs fewer than the 3",
        "jitter: p99 - p50",
        "720 hours at $2",
        "Why: what limits each",
        "How sure",
        "assumed: /services/asr/precision",
        "tts.first_audio",
    ):
        assert word in words
    assert str(table).startswith("voice-light: ")
    page = table._repr_html_()
    rows = page[page.index("<th>latency</th>") :].split("</table>")[0]
    assert rows.count("<tr>") == len(table.latencies) * len(table.outcomes)  # tall, not wide
    assert all(f">{name}<" in rows for name in table.latencies)


def test_the_text_shows_the_figures(table: gs.Comparison) -> None:
    row = next(line for line in table.tables(width=140).splitlines() if line.startswith("mps "))
    assert row.split()[1:3] == ["2", "1"]
    assert re.search(r"2,880", row)


def test_who_got_which_instance_is_said_where_they_differ(light: gs.Scenario) -> None:
    modes = ["mig:3g.40gb+4g.40gb", "mig:3g.40gb+3g.40gb", "dedicated"]
    table = gs.compare(light, modes=modes, record_requests=False)
    words = " ".join(table.text(width=100).split())
    assert "mig:3g.40gb+4g.40gb asr on gpu1/4g.40gb@0, tts on gpu1/3g.40gb@4" in words
    assert words.count(" asr on gpu1") == 1
    assert table.instances == {
        modes[0]: {"gpu1/4g.40gb@0": ["asr"], "gpu1/3g.40gb@4": ["tts"]},
        modes[1]: {"gpu1/3g.40gb@0": ["asr"], "gpu1/3g.40gb@4": ["tts"]},
    }


def test_refused_modes_are_rows_with_their_reason() -> None:
    table = gs.compare("llm-trace", modes=["mig:1g.10gb+1g.10gb", "mig:4g.40gb+4g.40gb"])
    assert set(table.refused) == set(table.modes)
    assert "GB" in table.refused["mig:1g.10gb+1g.10gb"]
    assert np.isnan(table.values("request_throughput")).all()
    assert all(table.table["refused"])
    words = " ".join(table.text().split())
    assert "mig:1g.10gb+1g.10gb refused: " in words
    assert max(map(len, table.text().splitlines())) <= 100
    with pytest.raises(KeyError, match="was refused"):
        table["mig:1g.10gb+1g.10gb"]
    assert table.to_dict()["mig:1g.10gb+1g.10gb"].keys() == {"refused"}


def test_a_mode_that_does_not_exist_or_suit_is_a_row_with_its_error(light: gs.Scenario) -> None:
    table = gs.compare(light, modes=["dedicated", "mpz", "mps:50"])
    assert table.modes == ["dedicated", "mpz", "mps:50"]
    assert "did you mean" in table.errors["mpz"]
    assert 'write "mps:x50" for 50 processes, or "mps:50%"' in table.errors["mps:50"]
    assert list(table.summaries) == ["dedicated"]
    assert re.search(r"^  mpz +error: ", table.text(), re.MULTILINE)
    assert not table.verdict.nothing_ran


def test_modes_may_be_one_text(light: gs.Scenario) -> None:
    assert gs.compare(light, modes="mps").modes == ["mps"]
    commas = "dedicated,mig:2g.20gb,1g.10gb,19,mps:50/50,mig:3g.40gb@0(1c,2c)+3g.40gb"
    assert mode_list(commas) == [
        "dedicated",
        "mig:2g.20gb,1g.10gb,19",
        "mps:50/50",
        "mig:3g.40gb@0(1c,2c)+3g.40gb",
    ]
    assert mode_list("mig:3g,night", ["night"]) == ["mig:3g", "night"]


def test_an_empty_list_of_modes_is_an_error(light: gs.Scenario) -> None:
    with pytest.raises(ValueError, match="an empty list"):
        gs.compare(light, modes=[])


def test_replications_give_half_widths(light: gs.Scenario) -> None:
    seen: list[Any] = []
    table = gs.compare(
        light,
        modes=["dedicated", "mps"],
        replications=3,
        progress=lambda done, total: seen.append((done, total)),
    )
    assert seen == [(1, 2), (2, 2)]
    assert (table.table["request_throughput_half_width"] > 0).all()
    assert "Means of 3 replications" in " ".join(table.text(details=True).split())
    text = table.text(intervals=True, details=True)
    assert "±" in text
    assert max(map(len, text.splitlines())) <= 100


def test_other_tools_read_it(table: gs.Comparison) -> None:
    frame = table.to_pandas()
    assert frame["mode"].tolist() == table.modes
    assert table.to_arrow().num_rows == len(table)
    assert pl.DataFrame(table).height == len(table)


def test_uncertainty_spreads_figures_by_calibration_error() -> None:
    table = gs.compare("voice-light", modes=["dedicated", "mps"], uncertainty=True, record_requests=False)
    again = gs.compare("voice-light", modes=["dedicated", "mps"], uncertainty=True, record_requests=False)
    plain = gs.compare("voice-light", modes=["mps"], replications=24, record_requests=False)
    doubted = table.results["mps"].summary()["tts.first_audio_mean_s"]
    assert doubted.half_width == again.results["mps"].summary()["tts.first_audio_mean_s"].half_width  # type: ignore[attr-defined]
    assert doubted.count == 24  # type: ignore[attr-defined]
    chance = plain.results["mps"].summary()["tts.first_audio_mean_s"]
    assert doubted.half_width > 0.02 * doubted > chance.half_width  # type: ignore[attr-defined]
    assert "by calibration error and chance" in " ".join(table.text(details=True).split())
    assert not any(run.perturbed for run in plain.results["mps"].runs)


def test_a_comparison_is_gone_through_by_its_modes() -> None:
    table = gs.compare("voice-light", ["dedicated", "mps"])
    assert list(table) == table.modes
    assert [table[mode] for mode in table] == list(table.summaries.values())
    with pytest.raises(KeyError, match=r'did you mean "mps"\? Legal are dedicated, mps'):
        table["mp"]
