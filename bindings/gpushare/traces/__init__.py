"""Request traces: read, generate, inspect, write."""

from .columns import from_columns
from .openb import read_nodes, read_pods
from .reading import formats, load, parse
from .traces import Trace, TraceSummary, azure_conversation_like, inspect, save, to_arrow, to_pandas
from .transforms import jitter, loop, merge, rescale, thin, window

__all__ = [
    "Trace",
    "TraceSummary",
    "azure_conversation_like",
    "formats",
    "from_columns",
    "inspect",
    "jitter",
    "load",
    "loop",
    "merge",
    "parse",
    "read_nodes",
    "read_pods",
    "rescale",
    "save",
    "thin",
    "to_arrow",
    "to_pandas",
    "window",
]


def __dir__() -> list[str]:
    return __all__
