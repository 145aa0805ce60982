"""Published tables of speech latency by streams: the ends calibrate, the streams between are predicted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ..documents import measured
from ..report import Report, Row, Target
from .speech_fit import SpeechServer, calibrate, stream_limit

__all__ = ["run", "table_rows"]

_METRICS = {"streaming-asr": ("chunk_latency",), "autoregressive-tts": ("first_audio", "inter_chunk", "rtfx")}
_TARGETS = [
    Target("", "max", 0.12, 0.06, "chunk latency"),
    Target("", "max", 0.12, 0.06, "first audio"),
    Target("", "max", 0.12, 0.06, "inter-chunk"),
    Target("", "max", 0.10, 0.06, "stream limit"),
]
_NOTES = [
    "Recognition is measured by a client that opens its streams together and sends speech as fast as it is "
    "spoken: "
    "chunks of all streams arrive at once and are served in batches of at most 64, decoded by the host "
    "beside the next "
    "batch. The streams of a table that calibrates nothing else fix the limit too: most streams whose chunks "
    "(99 of "
    "100) are done before the next ones arrive.",
    "Synthesis with one stream is held to the time of its launches where the card would be faster: a model "
    "calibrated "
    "on an A100 predicts frames on an H100 that the host cannot feed. Chunks grow with the streams, as the "
    "tables' "
    "real-time factors and times between chunks show together.",
    "Assumed: streams are opened 50 us apart, the recogniser's batcher waits 3.2 ms, sentences are lognormal "
    "with "
    "LJSpeech's mean of 6.57 s. Repeats of one release differ by 11 % between two releases of the same page "
    "(4 streams).",
]


def run(data: Path | None = None, progress: Callable[[float], None] | None = None) -> Report:
    """Runs the suite; `data` is not used (see `registry.run_suite`)."""
    tables = measured("speech-nim.json")["tables"]
    rows: list[Row] = []
    for number, table in enumerate(tables, 1):
        rows += table_rows(table)
        if progress:
            progress(number / len(tables))
    return Report(
        "speech-nim",
        "Speech services by streams, on whole GPUs",
        calibrated_on="of each table, the rows with the fewest and the most streams: latencies, and for "
        "synthesis the real-time factor",
        predicted="latencies of the rows between, and the most streams that recognition can serve",
        rows=rows,
        targets=_TARGETS,
        sources=list(dict.fromkeys(str(table["source"]) for table in tables)),
        notes=_NOTES,
        in_view={"": "how streams are spaced, and what the batcher waits"},
    )


def table_rows(table: Mapping[str, Any]) -> list[Row]:
    """Calibrates a service on the ends of one table and predicts the rest of it.

    Parameters
    ----------
    table : mapping
        ``name``, ``model``, ``gpu``, ``rows`` (``streams`` and averages in ms, ``rtfx``), and for recognition
        ``chunk_ms`` and if known ``stream_limit``.

    Returns
    -------
    list of Row
    """
    by_streams = {int(row["streams"]): _seconds(row) for row in table["rows"]}
    fitted = calibrate(table["model"], table["gpu"], by_streams, table.get("chunk_ms", 0) / 1e3 or None)
    rows: list[Row] = []
    for streams in sorted(by_streams):
        found = fitted.run(streams)
        ends = streams in (min(by_streams), max(by_streams))
        rows += [
            _row(table, streams, metric, by_streams[streams][metric], found[metric], ends)
            for metric in _METRICS[str(table["kind"])]
            if metric in by_streams[streams]
        ]
    return rows + _limit(table, fitted)


def _seconds(row: Mapping[str, float]) -> dict[str, float]:
    return {key: value if key == "rtfx" else value / 1e3 for key, value in row.items() if key != "streams"}


def _row(table: Mapping[str, Any], streams: int, metric: str, told: float, found: float, ends: bool) -> Row:
    scale, unit = (1.0, "x") if metric == "rtfx" else (1e3, "ms")
    name = {"rtfx": "real-time factor", "inter_chunk": "inter-chunk"}.get(metric, metric.replace("_", " "))
    return Row(
        str(table["name"]),
        str(table["gpu"]),
        f"{streams} streams",
        name,
        unit,
        told * scale,
        found * scale,
        "calibration" if ends else "prediction",
    )


def _limit(table: Mapping[str, Any], fitted: SpeechServer) -> list[Row]:
    if "stream_limit" not in table:
        return []
    return [
        Row(
            str(table["name"]),
            str(table["gpu"]),
            "",
            "stream limit",
            "streams",
            float(table["stream_limit"]),
            float(stream_limit(fitted)),
        )
    ]
