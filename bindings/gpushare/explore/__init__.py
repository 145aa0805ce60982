"""The what-if page: a scenario's knobs and its MIG board, simulated while one turns them, on this machine alone."""

__all__ = ["MOST_REQUESTS"]

#: Of a run, since one waits for its answer: they take some ten seconds.
MOST_REQUESTS = 2e5
