"""Packages that only some things need: what is said when one of them is missing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

__all__ = ["DISTRIBUTION", "extra", "installed"]

#: What pip installs; ``gpushare`` on PyPI is another project.
DISTRIBUTION = "gpushare-sim"


def installed(package: str) -> bool:
    """Whether a package, or one in a package such as ``ruamel.yaml``, could be imported."""
    try:
        return find_spec(package) is not None
    except ModuleNotFoundError:  # of what it is in
        return False


@contextmanager
def extra(name: str, need: str) -> Iterator[None]:
    """Around the imports of an extra's packages: one that is missing says what to install.

    Parameters
    ----------
    name : str
        Of the extra in ``pyproject.toml``.
    need : str
        What needs the package, with its verb: ``"pictures need"``.

    Raises
    ------
    ImportError
        In place of Python's own, with the command that installs the extra.

    Examples
    --------
    >>> with extra("plot", "pictures need"):
    ...     import matplotlib
    """
    try:
        yield
    except ModuleNotFoundError as missing:
        package = (missing.name or "").split(".")[0]
        raise ImportError(
            f"{need} the package {package}: pip install '{DISTRIBUTION}[{name}]'", name=missing.name
        ) from None
