"""Python's parsers as fuzz targets: any input gives a value or the documented error, never another exception.

``python tests/fuzz/parsers.py [TARGET] [SECONDS]`` mutates the inputs of ``corpus/python/TARGET``, with atheris where
it is installed. What it finds goes into the corpus, which the tests replay (``tests/python/test_parsers.py``).
"""

from __future__ import annotations

import json
import random
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import gpushare as gs
from gpushare import traffic
from gpushare.traces import servegen
from gpushare.yaml_files import parse_yaml, read_yaml, yaml_text

CORPUS = Path(__file__).parent / "corpus" / "python"


def _trace(path: Path) -> None:
    trace = gs.traces.load(path)
    assert len(trace) > 0
    gs.traces.inspect(trace)


def _sharegpt(path: Path) -> None:
    assert len(gs.traces.load(path, "sharegpt")) > 0


def _log(path: Path) -> None:
    assert len(gs.traces.load(path, columns="input=1000,output=200")) > 0


def _result(path: Path) -> None:
    for result in gs.load_results(path).values():
        if result.requests is not None:
            assert len(result.trace()) == len(result.requests.start_s)


def _packed(path: Path) -> None:
    assert len(gs.traces.load(path)) > 0


def _client(path: Path) -> None:
    client = servegen.read_client(path)
    assert client.mean_rate_per_s > 0
    gs.traffic.mean_rate(client.arrivals())


def _lengths(path: Path) -> None:
    servegen.read_lengths(path)


def _pods(path: Path) -> None:
    assert len(gs.traces.read_pods(path)) > 0


def _nodes(path: Path) -> None:
    assert len(gs.traces.read_nodes(path)) > 0


def _calls(path: Path) -> None:
    calls = traffic.read_calls(path)
    assert len(traffic.speech_trace(calls)) == len(calls)


def _cluster(path: Path) -> None:
    """A file of a cluster, whatever its name says that it is."""
    for suffix in (".yaml", ".json", ".prom", ".csv", ".pbtxt"):
        with tempfile.TemporaryDirectory() as folder, suppress(gs.Error):
            (Path(folder) / f"input{suffix}").write_bytes(path.read_bytes())
            found = gs.import_files(folder)
            assert str(found)
            json.dumps(found.to_dict())


def _yaml(path: Path) -> None:
    values = [document.value for document in read_yaml(path)]
    assert repr([document.value for document in parse_yaml(yaml_text(values))]) == repr(values)


def _measurements(path: Path) -> None:
    """A folder, as one JSON object: the text of each file by its name."""
    try:
        files = json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        return
    with tempfile.TemporaryDirectory() as folder:
        for name in (
            "scenarios.json",
            "measured.json",
            "measured_repeat.json",
            "steps_dedicated.json",
            "pairs.json",
            "groups.json",
            "steps_by_sm_share.json",
            "time_slices.json",
            "device.json",
            "cards.json",
        ):
            if isinstance(files, dict) and name in files:
                content = files[name]
                text = content if isinstance(content, str) else json.dumps(content)
                (Path(folder) / name).write_text(text, encoding="utf-8", errors="replace")
        gs.Measurements.load(folder)


Target = Callable[[Path], None]
TARGETS: dict[str, tuple[Target, tuple[type[Exception], ...]]] = {
    "arrow": (_trace, (gs.TraceError,)),
    "calls": (_calls, (gs.TraceError,)),
    "carried": (_trace, (gs.TraceError,)),
    "client": (_client, (gs.TraceError,)),
    "cluster": (_cluster, (gs.Error,)),
    "gzip": (_trace, (gs.TraceError,)),
    "log": (_log, (gs.TraceError,)),
    "packed": (_packed, (gs.TraceError,)),
    "lengths": (_lengths, (gs.TraceError,)),
    "measurements": (_measurements, (gs.CalibrationError,)),
    "nodes": (_nodes, (gs.TraceError,)),
    "pods": (_pods, (gs.TraceError,)),
    "result": (_result, (gs.TraceError,)),
    "sharegpt": (_sharegpt, (gs.TraceError,)),
    "yaml": (_yaml, (gs.Error,)),
}


def check(name: str, data: bytes, folder: Path) -> None:
    """Runs one input; any exception but the documented ones comes through."""
    target, documented = TARGETS[name]
    path = folder / "input"
    path.write_bytes(data)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with suppress(*documented):
            target(path)


def inputs(name: str) -> list[bytes]:
    """The corpus of a target, in order of its names."""
    return [path.read_bytes() for path in sorted((CORPUS / name).iterdir())]


_PIECES = (
    b"{",
    b"}",
    b"[",
    b"]",
    b'"',
    b",",
    b":",
    b"\n",
    b"\r\n",
    b"\x00",
    b"\xff",
    b"-1",
    b"1e999",
    b"NaN",
    b"0",
    b"null",
    b"true",
    b"99999999999999999999",
    b"1.5",
    b"\\u0000",
    b"[" * 5000,
    b'{"a":' * 2000,
)


def mutated(parents: list[bytes], luck: random.Random) -> bytes:
    """An input near those given: bytes changed, cut, doubled, joined with another's."""
    data = bytearray(luck.choice(parents))
    for _ in range(luck.randint(1, 4)):
        at = luck.randrange(len(data) + 1)
        end = min(len(data), at + luck.choice((1, 2, 8, 64)))
        kind = luck.randrange(5)
        if kind == 0 and at < len(data):
            data[at] = luck.randrange(256)
        elif kind == 1:
            del data[at:end]
        elif kind == 2:
            data[at:at] = luck.choice(_PIECES)
        elif kind == 3:
            data[at:at] = data[at:end]
        else:
            other = luck.choice(parents)
            cut = luck.randrange(len(other) + 1)
            data[at:end] = other[cut : cut + luck.choice((1, 8, 64, 4096))]
    return bytes(data)


def _fuzz(name: str, seconds: float) -> int:
    luck = random.Random()
    parents = inputs(name)
    runs, end = 0, time.monotonic() + seconds
    with tempfile.TemporaryDirectory() as folder:
        while time.monotonic() < end:
            data = mutated(parents, luck)
            try:
                check(name, data, Path(folder))
            except Exception:
                found = CORPUS / name / f"found-{hash(data) & 0xFFFFFFFF:08x}"
                found.write_bytes(data)
                print(f"{name}: wrote {found}")
                raise
            runs += 1
    return runs


def _fuzz_with_atheris(name: str, seconds: float) -> None:
    import atheris

    folder = tempfile.TemporaryDirectory()
    atheris.instrument_all()
    limits = [f"-max_total_time={seconds:g}", str(CORPUS / name)]
    atheris.Setup([sys.argv[0], *limits], lambda data: check(name, data, Path(folder.name)))
    atheris.Fuzz()


def main() -> None:
    """Fuzzes one target, or all in turn."""
    names = [sys.argv[1]] if len(sys.argv) > 1 else list(TARGETS)
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 60
    for name in names:
        try:
            import atheris  # noqa: F401
        except ImportError:
            print(f"{name}: {_fuzz(name, seconds)} runs")
        else:
            _fuzz_with_atheris(name, seconds)


if __name__ == "__main__":
    main()
