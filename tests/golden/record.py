"""Compares every figure with its golden record, or records anew.

python tests/golden/record.py [CASE ...] [--check [--strict] | --record [--reason TEXT]] [--jobs N]
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import golden_files as files
from golden_cases import HERE, Records, case_names, measure
from golden_differences import Difference, change_list, differences


def main(arguments: Sequence[str] | None = None, folder: Path = HERE) -> int:
    """Exit status 0 when nothing differs or what differs was recorded, 1 for differences, 2 when refused."""
    options = _parser().parse_args(arguments)
    figures = folder / files.FIGURES.name
    known = dict.fromkeys([*case_names(), *files.recorded_cases(figures)])
    if unknown := [case for case in options.cases if case not in known]:
        print(f"no case {', '.join(unknown)}; cases are {', '.join(known)}", file=sys.stderr)
        return 2
    cases = options.cases or list(known)
    began = time.perf_counter()
    before = {case: files.load(case, figures) for case in cases}
    after, cpu_s = _measured(before, options.jobs)
    print(f"{len(cases)} cases in {time.perf_counter() - began:.0f} s, {cpu_s:.0f} CPU s")
    if options.record:
        return _record(before, after, options.reason.strip(), folder, every=not options.cases)
    return _check(before, after, figures, strict=options.strict)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("cases", nargs="*", metavar="CASE", help="by default all")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--check", action="store_true", help="compare; this is the default")
    what.add_argument("--record", action="store_true", help="write what is measured, and list what changed")
    parser.add_argument("--strict", action="store_true", help="new figures fail the check")
    parser.add_argument("--reason", default="", help="why figures changed, for CHANGES.md")
    parser.add_argument(
        "--jobs", type=int, default=os.cpu_count() or 1, help="processes; by default one a core"
    )
    return parser


def _measured(before: dict[str, Records], jobs: int) -> tuple[dict[str, Records], float]:
    """Records of all cases that still exist, and CPU seconds."""
    exist = set(case_names())
    cases = [case for case in before if case in exist]
    wanted = [{run: list(record.figures) for run, record in before[case].items()} for case in cases]
    if jobs == 1:
        timed = list(map(_timed, cases, wanted))
    else:
        with ProcessPoolExecutor(jobs, get_context("spawn")) as pool:
            timed = list(pool.map(_timed, cases, wanted))
    found = {case: records for case, (records, _) in zip(cases, timed, strict=True)}
    return {case: found.get(case, {}) for case in before}, sum(seconds for _, seconds in timed)


def _timed(case: str, wanted: dict[str, list[str]]) -> tuple[Records, float]:
    began = time.process_time()
    return measure(case, wanted), time.process_time() - began


def _differing(
    before: dict[str, Records], after: dict[str, Records], *, same_platform: bool
) -> Iterator[Difference]:
    for case, records in before.items():
        yield from differences(case, records, after[case], same_platform=same_platform)


def _check(before: dict[str, Records], after: dict[str, Records], figures: Path, *, strict: bool) -> int:
    recorded, here = files.recorded_platform(figures), files.this_platform()
    if recorded is None:
        print(f"nothing is recorded in {figures}", file=sys.stderr)
        return 1
    if recorded != here:
        print(
            f"recorded on {recorded}, this is {here}: figures may be 1e-12 off, and hashes are not compared"
        )
    found = list(_differing(before, after, same_platform=recorded == here))
    for one in found:
        print(one)
    new = sum(one.new for one in found)
    compared = sum(len(record.figures) for records in before.values() for record in records.values())
    print(f"{compared} figures recorded; {len(found) - new} differ, {new} are new")
    return 1 if len(found) > new or (strict and new) else 0


def _record(
    before: dict[str, Records], after: dict[str, Records], reason: str, folder: Path, *, every: bool
) -> int:
    figures = folder / files.FIGURES.name
    moved = files.recorded_platform(figures) != files.this_platform()
    found = list(_differing(before, after, same_platform=True))
    print(change_list(found) if found else "nothing changed")
    if not found and not moved:
        return 0
    if not reason:
        print("give the reason with --reason; nothing was written", file=sys.stderr)
        return 2
    if moved and not every:
        print("this is another platform than that of the records: record all cases", file=sys.stderr)
        return 2
    for case, records in after.items():
        if records:
            files.save(case, records, figures)
        else:
            (figures / f"{case}.json").unlink(missing_ok=True)
    files.save_platform(figures)
    with (folder / files.CHANGES).open("a", encoding="utf-8") as changes:
        changes.write(
            f"\n## {reason}\n\n{change_list(found) if found else 'Another platform; nothing else changed.'}"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
