"""Runs blocks of a page, given as JSON on standard input, and prints what each printed as JSON.

In a process of its own, started by update_snippets.py: blocks in Python share its names, as they would in a notebook,
and the value of a last expression is printed.
"""

from __future__ import annotations

import ast
import contextlib
import io
import json
import subprocess
import sys
import traceback
from typing import Any

_LONGEST_S = 300  # a block that never ends is a defect of its page


def run_shell(code: str, ends: int) -> str:
    """What the commands of a block print; a failure of one ends them all."""
    ended = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", code],
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        timeout=_LONGEST_S,
    )
    if ended.returncode != ends:
        raise RuntimeError(f"ended with {ended.returncode}: {ended.stderr or ended.stdout}")
    return ended.stdout


def run_python(code: str, names: dict[str, Any]) -> str:
    """What a block prints, with the value of its last expression."""
    tree = ast.parse(code)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        exec(compile(tree, "<block>", "exec"), names)
        if isinstance(last, ast.Expr):
            value = eval(compile(ast.Expression(last.value), "<block>", "eval"), names)
            if value is not None:
                print(repr(value))
    return said.getvalue()


def main() -> None:
    names: dict[str, Any] = {"__name__": "__main__"}
    outputs: list[str] = []
    failed = None
    for language, code, ends in json.load(sys.stdin):
        try:
            outputs.append(run_shell(code, ends) if language == "sh" else run_python(code, names))
        except RuntimeError as error:
            failed = str(error)
        except BaseException:
            failed = traceback.format_exc()
        if failed is not None:
            break
    json.dump({"outputs": outputs, "failed": failed}, sys.stdout)


if __name__ == "__main__":
    main()
