"""Runs many tasks on threads, on any executor or through a map callable."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor, as_completed
from typing import Any, Protocol, TypeVar, runtime_checkable

__all__ = ["Executor", "MapCallable", "cores", "run_all"]

Item = TypeVar("Item")
Outcome = TypeVar("Outcome")


@runtime_checkable
class Executor(Protocol):
    """Anything with ``submit``: concurrent.futures executors, a dask Client."""

    def submit(self, function: Callable[..., Any], /, *args: Any) -> Any:
        """Starts a call and returns its future."""


MapCallable = Callable[[Callable[..., Any], Iterable[Any]], Iterable[Any]]


def cores() -> int:
    """Cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def run_all(
    task: Callable[..., Outcome],
    items: Sequence[Item],
    done: Callable[[int, Outcome], None],
    *,
    executor: Executor | MapCallable | None = None,
    threads: int | None = None,
) -> None:
    """Calls ``task(item)`` for every item and ``done(index, outcome)`` in this thread as outcomes come in.

    On an interrupt or error nothing new is started, what was finished by then is still reported, and the
    exception goes on.

    Parameters
    ----------
    task : callable
        Takes the item; on the built-in threads also the keyword `cancelled`, a callable that turns true.
    items : sequence
        Arguments.
    done : callable
        Takes the position and the outcome.
    executor : Executor or map callable, optional
        By default a pool of threads. A given executor is not shut down.
    threads : int, optional
        Size of the default pool; by default one a core.

    Raises
    ------
    TypeError
        When `executor` can neither submit nor be called.
    """
    if executor is None:
        _on_threads(task, items, done, threads or cores())
    elif isinstance(executor, Executor):
        _on_executor(task, items, done, executor)
    elif callable(executor):
        for i, outcome in enumerate(executor(task, items)):
            done(i, outcome)
    else:
        raise TypeError(
            f"executor: found {type(executor).__name__}; give None, an object with submit, or a map callable"
        )


def _on_threads(
    task: Callable[..., Outcome], items: Sequence[Item], done: Callable[[int, Outcome], None], threads: int
) -> None:
    stop = threading.Event()
    with ThreadPoolExecutor(threads) as pool:
        futures = [pool.submit(task, item, cancelled=stop.is_set) for item in items]
        position = {future: i for i, future in enumerate(futures)}
        try:
            for future in as_completed(futures):
                done(position.pop(future), future.result())
        except BaseException:
            stop.set()
            _report_finished(position, done)
            raise


def _on_executor(
    task: Callable[..., Outcome],
    items: Sequence[Item],
    done: Callable[[int, Outcome], None],
    executor: Executor,
) -> None:
    position = {executor.submit(task, item): i for i, item in enumerate(items)}
    try:
        for future, i in list(position.items()):
            outcome = future.result()
            del position[future]
            done(i, outcome)
    except BaseException:
        _report_finished(position, done)
        raise


def _report_finished(position: dict[Any, int], done: Callable[[int, Outcome], None]) -> None:
    """Cancels what has not started and reports what has finished."""
    for future in position:
        future.cancel()
    for future, i in position.items():
        if future.done() and not future.cancelled() and _succeeded(future):
            done(i, future.result())


def _succeeded(future: Future[Any]) -> bool:
    try:
        return future.exception() is None
    except CancelledError:
        return False
