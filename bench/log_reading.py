"""Print how many megabytes a CPU second of each log format are read: 10^6 requests each, and packed ones.

usage: python bench/log_reading.py [--rows N] [FORMAT ...]
"""

import argparse
import bz2
import gzip
import lzma
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import gpushare as gs
from log_formats import FORMATS

PACKED: dict[str, Callable[[bytes], bytes]] = {
    ".gz": lambda data: gzip.compress(data, 6),
    ".bz2": bz2.compress,
    ".xz": lambda data: lzma.compress(data, preset=1),
}


def measure(path: Path, size: int, columns: str) -> str:
    """How fast a file is read whose text has so many bytes."""
    began = time.process_time()
    trace = gs.traces.load(path, columns=columns)
    seconds = time.process_time() - began
    return f"{size / 1e6 / seconds:7.1f} MB/s, {seconds:5.1f} CPU s, {len(trace):,} requests"


def main() -> None:
    """Measures what the arguments ask for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("formats", nargs="*", metavar="FORMAT", help="by default all")
    parser.add_argument("--rows", type=int, default=1_000_000)
    options = parser.parse_args()
    gs.traces.parse("arrival_s,input_tokens,output_tokens\n0,1,1\n")  # imports
    with tempfile.TemporaryDirectory() as folder:
        for name in options.formats or FORMATS:
            rows, columns = FORMATS[name]
            text = "".join(rows(options.rows)).encode()
            path = Path(folder) / "log"
            path.write_bytes(text)
            print(f"{name:16} {measure(path, len(text), columns)}", flush=True)
            for ending, pack in PACKED.items() if name in ("csv", "vllm-log") else ():
                path.write_bytes(pack(text))
                print(f"{name + ending:16} {measure(path, len(text), columns)}", flush=True)


if __name__ == "__main__":
    main()
