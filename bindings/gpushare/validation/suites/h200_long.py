"""Short steps beside long prompts on one H200, saturated: each length of prompt left out in turn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from ...calibration.fitting import calibrate
from ...calibration.measurement_files import Folder, read_groups
from ...calibration.measurements import Measurements
from ...calibration.runs import StepKey
from ...files import data_file
from ..report import Report, Row, Target
from .h200_co_runs import SOURCE
from .h200_pairs import rows_of_group

__all__ = ["run"]


_STEPS_OF_LONGEST = 12


def run(data: Path | None = None, progress: Callable[[float], None] | None = None) -> Report:
    """Fits to the pairs of h200 and to prompts of other lengths, and predicts the pairs of each; `data` is not used."""
    core = Measurements.load(data_file("h200/pairs.json").parent)
    long = read_groups(Folder(data_file("h200-long/pairs.json").parent), "pairs.json")
    prompts = sorted({key for group in long for key in group.steps if key.step == "prefill"}, key=_length)
    rows: list[Row] = []
    for done, prompt in enumerate(prompts):
        others = [group for group in long if group.mode == "mps" and prompt not in group.steps]
        calibration = calibrate(replace(core, groups=[*core.groups, *others]))
        for group in long:
            if prompt in group.steps:
                rows += rows_of_group(group, calibration, longest=_STEPS_OF_LONGEST)
        if progress:
            progress((done + 1) / len(prompts))
    return Report(
        "h200-long",
        "Short steps beside prompts of 1,024 to 16,384 tokens on one H200",
        "pairs of h200; under MPS also pairs with prompts of the other lengths",
        "step times in pairs with a prompt of that length, relative to the nearest other length",
        rows,
        [
            Target("time-slicing", "median", 0.06, 0.03),
            Target("mps", "median", 0.06, 0.03),
            Target("mps", "p90", 0.20, 0.10),
            Target("mps-capped", "median", 0.06, 0.03),
        ],
        [SOURCE + "-long"],
        _NOTES,
        in_view={
            "mps": "how kernels slip in beside longer ones, of seven forms; that a length lies between its neighbours"
        },
    )


_NOTES = [
    "Prompts of 1,536, 3,072, 6,144 and 12,288 tokens were measured without caps only. What a length that was not "
    "measured makes of the law's two numbers lies between those of its neighbours, by the logarithm of the time.",
    "Kernel by kernel (54 pairs, validation/h200-long/kernels.json): a kernel of a short step waits for "
    "0.5 to 0.8 of one of many small blocks, whatever its length, since those start in order; of one that holds "
    "every SM to its end, as products and attention of prompts do, for 0.1 to 0.4 at 40 us and 0.02 to 0.2 at 4 "
    "ms: their blocks end unevenly, and in that tail several short kernels run one after another. A prompt is a "
    "mixture, whose tails come and go with its length.",
    "Without caps a chunk of 8 streams takes 7.9, 14, 17, 25 and 40 times as long beside prompts of 1,024 to "
    "16,384 tokens: kernels grow twentyfold, the wait sixfold. These pairs repeat to 0.4 % (1.4 % at p90) within "
    "an hour and to 1.3 % (3.7 %) on another day; what a length adds of its own (3,072 tokens 13 % less) is in the "
    "library's choice of tiles, and a straight line through the other lengths misses it too (14 %).",
]


def _length(key: StepKey) -> int:
    return key.n
