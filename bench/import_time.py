"""Print how long `import gpushare` takes in a fresh interpreter."""

import statistics
import subprocess
import sys
import time

RUNS = 15


def median_seconds(code: str) -> float:
    """Median wall time in seconds of RUNS interpreters, after one that warms the file cache."""
    times = []
    for _ in range(RUNS + 1):
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True)
        times.append(time.perf_counter() - start)
    return statistics.median(times[1:])


bare = median_seconds("pass")
numpy = median_seconds("import numpy") - bare
gpushare = median_seconds("import gpushare") - bare
print(f"import gpushare: {gpushare:.3f} s (numpy alone: {numpy:.3f} s), median of {RUNS} interpreters")
