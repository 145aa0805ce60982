#!/usr/bin/env python3
"""Measures how one GPU behaves when it is shared. See README.md beside this file."""

from __future__ import annotations

import argparse
import signal
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from probelib import device, micro, saturated, scenarios, slices, steps
from probelib.machine import ProbeError, check_machine
from probelib.task import Options, Task

PARTS = {
    "device": (device.device_tasks, "what the card is -> device.json"),
    "slices": (slices.slice_tasks, "time slices -> time_slices.json"),
    "micro": (micro.micro_tasks, "small kernels -> microbenchmarks.json"),
    "cards": (steps.card_tasks, "the kernels of each step -> cards.json"),
    "steps": (steps.step_tasks, "step times -> steps_dedicated.json, steps_by_sm_share.json"),
    "pairs": (saturated.pair_tasks, "two clients without pause -> pairs.json"),
    "groups": (saturated.group_tasks, "three and four clients without pause -> groups.json"),
    "scenarios": (scenarios.scenario_tasks, "co-runs -> scenarios.json, measured.json"),
}


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.epilog = "\n".join(f"  {name:10} {text}" for name, (_, text) in PARTS.items())
    parser.add_argument("part", nargs="+", choices=["all", *PARTS], help="what to measure")
    parser.add_argument(
        "--out", type=Path, required=True, help="directory of the results; what is there is kept"
    )
    parser.add_argument("--gpu", type=int, default=0, help="index of the GPU in PCI order")
    parser.add_argument("--quick", action="store_true", help="a few minutes: fewer shapes, shorter runs")
    parser.add_argument(
        "--dry-run", action="store_true", help="only list what would run, with estimated seconds"
    )
    parser.add_argument("--sets", default="core,wide", help="of pairs and scenarios: core, near, wide, long")
    parser.add_argument("--scenarios", type=Path, help="a scenarios.json to run instead of the built-in ones")
    parser.add_argument("--only", default="", help="names of scenarios, separated by commas")
    parser.add_argument("--repeat", action="store_true", help="write the co-runs to measured_repeat.json")
    return parser.parse_args(arguments)


def collect(parts: list[str], options: Options) -> list[Task]:
    """The tasks of the parts, in the order in which they run."""
    chosen = list(PARTS) if "all" in parts else [name for name in PARTS if name in parts]
    return [task for name in chosen for task in PARTS[name][0](options)]


def run(tasks: list[Task]) -> None:
    """Runs the tasks and prints how long each took."""
    begin_s = time.monotonic()
    for i, task in enumerate(tasks):
        started_s = time.monotonic()
        print(f"[{i + 1}/{len(tasks)}] {task.title} ...", end=" ", flush=True)
        task.run()
        print(f"{time.monotonic() - started_s:.1f} s", flush=True)
    print(f"done in {time.monotonic() - begin_s:.0f} s")


def main() -> int:
    """Runs the program; the exit status."""
    arguments = parse()
    sets = tuple(arguments.sets.split(","))
    options = Options(arguments.out.resolve(), arguments.gpu, arguments.quick, sets, arguments.only,
                      arguments.scenarios, arguments.repeat)  # fmt: skip
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # unwinds, so that the MPS daemon is stopped
    try:
        tasks = collect(arguments.part, options)
        if arguments.dry_run:
            for task in tasks:
                print(f"{task.seconds:7.0f} s  {task.title}")
            print(
                f"{sum(task.seconds for task in tasks):7.0f} s  in all (less what {options.out} already holds)"
            )
            return 0
        check_machine(options.gpu)
        run(tasks)
    except ProbeError as error:
        print(f"\nprobe: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
