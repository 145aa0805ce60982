#!/usr/bin/env python3
"""Print what pyproject.toml requires, one a line: for the build, to run, and for the extras that are named.

Usage: tools/requirements.py --build | [EXTRA...]
"""

import re
import sys
from pathlib import Path
from typing import Any

try:
    import tomllib
except ModuleNotFoundError:  # Python 3.10
    from pip._vendor import tomli as tomllib  # type: ignore[no-redef, unused-ignore]


def of_extra(project: dict[str, Any], extra: str) -> list[str]:
    """Return the requirements of an extra, those of the extras that it names included."""
    found: list[str] = []
    for requirement in project["optional-dependencies"][extra]:
        own = re.fullmatch(rf"{project['name']}\[(.*)\]", requirement)
        if own is None:
            found.append(requirement)
        for inner in own[1].split(",") if own else []:
            found += of_extra(project, inner)
    return found


def main() -> None:
    """Print the requirements."""
    pyproject = Path(__file__).resolve().parent.parent / "pyproject.toml"
    document = tomllib.loads(pyproject.read_text(encoding="utf-8"))
    if sys.argv[1:] == ["--build"]:
        found = document["build-system"]["requires"]
    else:
        project = document["project"]
        found = project["dependencies"] + [one for extra in sys.argv[1:] for one in of_extra(project, extra)]
    print("\n".join(dict.fromkeys(found)))


if __name__ == "__main__":
    main()
