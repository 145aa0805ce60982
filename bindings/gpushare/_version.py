"""The version that is installed."""

from importlib.metadata import PackageNotFoundError, version

__all__ = ["installed_version"]


def installed_version() -> str:
    """Of the package's metadata; ``0+unknown`` where it was never installed."""
    try:
        return version("gpushare")
    except PackageNotFoundError:  # run from a source tree
        return "0+unknown"
