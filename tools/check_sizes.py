#!/usr/bin/env python3
"""Hold the sizes of the library and the bindings: functions fit a screen, files and classes have one subject.

Usage: tools/check_sizes.py [ROOT]    (the folder that holds libgpushare/ and bindings/; the project's unless told)

Universal Ctags reads the C++.
"""

import ast
import json
import shutil
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

#: The most that each may have.
LIMITS = {"class": 25, "function": 65, "file": 400}
UNITS = {"class": "functions", "function": "lines", "file": "lines"}

FOLDERS = ("libgpushare/src", "libgpushare/include", "bindings")
CPP = {".cpp", ".hpp", ".inl"}


@dataclass(frozen=True)
class Size:
    """How large something is."""

    file: str
    line: int
    kind: str
    name: str
    size: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.kind} {self.name} has {self.size} {UNITS[self.kind]}"


def tags(root: Path, files: list[str]) -> list[dict[str, str | int]]:
    """Return the classes and functions of C++ files, declarations included."""
    ctags = shutil.which("ctags-universal") or shutil.which("ctags")
    if ctags is None:
        sys.exit("missing: ctags (on Debian: apt-get install universal-ctags)")
    command = [
        ctags,
        "--quiet",
        "--options=NONE",
        "--output-format=json",
        "--language-force=C++",
        "-f",
        "-",
        "-L",
        "-",
    ]
    command += ["--kinds-C++=csfp", "--fields=+neKs-PtfS", "--sort=no"]
    run = subprocess.run(
        command, cwd=root, input="\n".join(files), capture_output=True, text=True, check=True
    )
    entries = [json.loads(line) for line in run.stdout.splitlines()]
    return [entry for entry in entries if entry["_type"] == "tag"]


def cpp_sizes(root: Path, files: list[str]) -> Iterator[Size]:
    """Yield the sizes of the classes and functions of C++ files."""
    found = tags(root, files)
    classes: dict[tuple[str, str], tuple[int, int]] = {}
    for tag in found:
        if tag["kind"] in ("class", "struct"):
            scope = f"{tag['scope']}::{tag['name']}" if "scope" in tag else str(tag["name"])
            classes[str(tag["path"]), scope] = int(tag["line"]), int(tag["end"])
    functions: dict[tuple[str, str], set[str]] = defaultdict(set)  # by name: overloads count once
    for tag in found:
        if tag["kind"] not in ("function", "prototype"):
            continue
        path, line = str(tag["path"]), int(tag["line"])
        own = (path, str(tag.get("scope", "")))
        first, last = classes.get(own, (0, -1))
        if first <= line <= last:  # what is defined outside is declared inside
            functions[own].add(str(tag["name"]))
        if tag["kind"] == "function":
            yield Size(path, line, "function", str(tag["name"]), int(tag["end"]) - line + 1)
    for (path, scope), (line, _) in classes.items():
        yield Size(path, line, "class", scope.rsplit("::", 1)[-1], len(functions[path, scope]))


def lines_of(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Return how long a function is, its docstring aside."""
    lines = (function.end_lineno or function.lineno) - function.lineno + 1
    if ast.get_docstring(function) is not None:
        docstring = function.body[0]
        lines -= (docstring.end_lineno or docstring.lineno) - docstring.lineno + 1
    return lines


def python_sizes(root: Path, file: str) -> Iterator[Size]:
    """Yield the sizes of the classes and functions of a Python file."""
    for node in ast.walk(ast.parse((root / file).read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield Size(file, node.lineno, "function", node.name, lines_of(node))
        elif isinstance(node, ast.ClassDef):
            functions = [
                part for part in node.body if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef)
            ]
            own = [
                part for part in functions if not part.name.startswith("__")
            ]  # the rest are Python's protocols
            yield Size(file, node.lineno, "class", node.name, len(own))


def sizes(root: Path) -> Iterator[Size]:
    """Yield the sizes of all files, and of the classes and functions in them."""
    paths = sorted(path for folder in FOLDERS for path in (root / folder).rglob("*") if path.is_file())
    names = [path.relative_to(root).as_posix() for path in paths if path.suffix in {*CPP, ".py"}]
    for name in names:
        yield Size(name, 1, "file", name, (root / name).read_text(encoding="utf-8").count("\n"))
        if name.endswith(".py"):
            yield from python_sizes(root, name)
    cpp = [name for name in names if not name.endswith(".py")]
    if cpp:
        yield from cpp_sizes(root, cpp)


def check(root: Path) -> list[str]:
    """Return what is wrong, a line each."""
    found = [(size, LIMITS[size.kind]) for size in sizes(root)]
    return [f"{size}: at most {limit}" for size, limit in found if size.size > limit]


def main() -> int:
    """Check the tree and print what is wrong."""
    own = Path(__file__).resolve().parent.parent
    root = Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else own
    problems = check(root)
    print("\n".join(problems) or "sizes: functions fit a screen, files and classes have one subject")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
