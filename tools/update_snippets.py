#!/usr/bin/env python3
"""Runs the sh and python blocks of README.md and docs/, and writes what they print into the block below each.

usage: tools/update_snippets.py [PAGE...]

The blocks of a page run one after the other in an empty folder, as a user's would who has only the package; those
in Python share their names. A block of the language `text` right below one holds what it prints, and is written anew.
Comments on a page say what else there is:

    <!-- starts with: examples/tutorial -->    the folder is a copy of this one (several: one comment each)
    <!-- before: COMMAND -->                   runs first, for what a reader has and the page cannot show
    <!-- not run: needs a cluster -->          the block below is not run, for this reason
    <!-- exits with: 4 -->                     the block below ends so; without this, with 0
    <!-- lines: 12 -->                         of the output below, the first twelve lines
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RUNNER = Path(__file__).resolve().parent / "run_snippets.py"
LANGUAGES = ("sh", "python")
BEFORE = re.compile(r"^<!-- before: (.+) -->$", re.MULTILINE)
SNIPPET = re.compile(
    r"(?:^<!-- (?:not run: (?P<excuse>[^\n]+?)|exits with: (?P<code_of_exit>\d+)) -->\n)?"
    r"^```(?P<language>sh|python)\n(?P<code>.*?)^```\n"
    r"(?P<below>\n(?:<!-- lines: (?P<lines>\d+) -->\n)?```text\n(?P<output>.*?)^```\n)?",
    re.DOTALL | re.MULTILINE,
)
STARTS_WITH = re.compile(r"^<!-- starts with: (\S+) -->$", re.MULTILINE)


@dataclass(frozen=True)
class Snippet:
    """A block of a page: where it is, its language and text, how it ends, and why it is not run, if so."""

    line: int
    language: str
    code: str
    ends: int
    excuse: str | None


def pages() -> list[Path]:
    """The pages whose blocks are run."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def snippets(page: str) -> Iterator[Snippet]:
    """The blocks of a page."""
    for found in SNIPPET.finditer(page):
        line = page.count("\n", 0, found.start("code")) + 1
        yield Snippet(
            line, found["language"], found["code"], int(found["code_of_exit"] or 0), found["excuse"]
        )


def rewritten(page: str, name: str) -> str:
    """The page with what its blocks print now.

    Raises
    ------
    SystemExit
        When one fails, with the page, its line and what was said.
    """
    hidden = [Snippet(1, "sh", f"{command}\n", 0, None) for command in BEFORE.findall(page)]
    wanted = [*hidden, *(one for one in snippets(page) if one.excuse is None)]
    outputs = iter(run(wanted, STARTS_WITH.findall(page), name)[len(hidden) :])

    def shown(found: re.Match[str]) -> str:
        if found["excuse"] is not None:
            return found[0]
        output = next(outputs)
        if found["below"] is None:
            return found[0]
        start, end = (at - found.start() for at in found.span("output"))
        return found[0][:start] + cut(output, found["lines"]) + found[0][end:]

    return SNIPPET.sub(shown, page)


def cut(output: str, lines: str | None) -> str:
    """What is shown of an output."""
    told = [line.rstrip() for line in output.strip("\n").splitlines()]
    if lines is not None and len(told) > int(lines):
        told = [*told[: int(lines)], "..."]
    return "".join(f"{line}\n" for line in told)


def run(wanted: list[Snippet], folders: list[str], name: str) -> list[str]:
    """What each block prints."""
    if not wanted:
        return []
    with tempfile.TemporaryDirectory() as clean:
        folder = Path(clean) / "mine"
        folder.mkdir()
        for start in folders:
            shutil.copytree(ROOT / start, folder, dirs_exist_ok=True)
        path = os.pathsep.join([str(Path(sys.executable).parent), os.defpath])
        ended = subprocess.run(
            [sys.executable, str(RUNNER)],
            input=json.dumps([[one.language, one.code, one.ends] for one in wanted]),
            cwd=folder,
            env={"PATH": path, "HOME": clean, "LC_ALL": "C.UTF-8"},
            capture_output=True,
            text=True,
            check=False,
        )
        if ended.returncode != 0:
            raise SystemExit(f"{name}: the runner ended with {ended.returncode}: {ended.stderr}")
        found = json.loads(ended.stdout)
    if found["failed"] is not None:
        at = wanted[len(found["outputs"])]
        raise SystemExit(f"{name}:{at.line}: {at.code}{found['failed']}")
    outputs: list[str] = found["outputs"]
    return outputs


def main() -> None:
    wanted = [Path(one).resolve() for one in sys.argv[1:]] or pages()
    for path in wanted:
        old = path.read_text(encoding="utf-8")
        new = rewritten(old, str(path.relative_to(ROOT)))
        if new != old:
            path.write_text(new, encoding="utf-8")
            print(path.relative_to(ROOT))


if __name__ == "__main__":
    main()
