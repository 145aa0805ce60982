"""The version that is installed."""

__all__ = ["installed_version"]


def installed_version() -> str:
    """Of the package's metadata; ``0+unknown`` where it was never installed."""
    from importlib.metadata import (  # takes longer than all of this package to import
        PackageNotFoundError,
        version,
    )

    from .extras import DISTRIBUTION

    try:
        return version(DISTRIBUTION)
    except PackageNotFoundError:  # run from a source tree
        return "0+unknown"
