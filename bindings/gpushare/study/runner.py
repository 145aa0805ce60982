"""Runs many tasks on threads, on any executor or through a map callable."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any, Protocol, TypeVar, runtime_checkable

from .. import _core
from ..extras import extra
from .stopping import Interrupts, StopFile, Stopped

__all__ = ["Executor", "MapCallable", "RayExecutor", "cores", "run_all", "run_counted"]

#: Seconds between looks at what has ended.
_LOOK_S = 0.05

Item = TypeVar("Item")
Outcome = TypeVar("Outcome")
Task = Callable[..., Outcome]
Done = Callable[[int, Outcome], None]


@runtime_checkable
class Executor(Protocol):
    """Anything with ``submit``: concurrent.futures executors, a dask Client, a `RayExecutor`."""

    def submit(self, function: Callable[..., Any], /, *args: Any) -> Any:
        """Starts a call and returns its future."""


@runtime_checkable
class _Pool(Protocol):
    """Of multiprocessing, or ``ray.util.multiprocessing.Pool``."""

    def imap_unordered(self, function: Callable[..., Any], items: Iterable[Any], /) -> Any:
        """Results as they come: an iterator whose ``next`` takes a timeout."""


MapCallable = Callable[[Callable[..., Any], Iterable[Any]], Iterable[Any]]


@contextmanager
def stoppable(cancelled: Callable[[], bool]) -> Iterator[None]:
    """Turns the error of a run that was told to stop into `Stopped`."""
    try:
        yield
    except _core.SimulationError:
        if cancelled():
            raise Stopped from None
        raise


def cores() -> int:
    """Cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class RayExecutor:
    """Ray as an executor: each call is a task of ``ray.remote``.

    Parameters
    ----------
    **options
        Of ``ray.remote``, such as ``num_cpus=1`` or ``max_retries=0``.

    Raises
    ------
    ImportError
        When ray is not installed.

    Examples
    --------
    >>> import gpushare as gs
    >>> sweep = gs.sweep(gs.grid("voice-light", users=[2, 5]), executor=gs.RayExecutor())  # doctest: +SKIP
    """

    def __init__(self, **options: Any) -> None:
        with extra("ray", "RayExecutor needs"):
            import ray

        self._ray = ray
        self._call = ray.remote(**options)(_call) if options else ray.remote(_call)

    def submit(self, function: Callable[..., Any], /, *args: Any) -> Future[Any]:
        """Starts a call; cancelling its future cancels the task."""
        return _RayFuture(self._ray, self._call.remote(function, *args))


class _RayFuture(Future[Any]):
    def __init__(self, ray: Any, reference: Any) -> None:
        super().__init__()
        self._ray = ray
        self._reference = reference
        reference.future().add_done_callback(self._take)

    def _take(self, found: Future[Any]) -> None:
        if not self.set_running_or_notify_cancel():
            return
        error = found.exception()
        if error is not None:
            self.set_exception(error.cause if hasattr(error, "cause") and error.cause else error)
        else:
            self.set_result(found.result())

    def cancel(self) -> bool:
        self._ray.cancel(self._reference)
        return super().cancel()


def _call(function: Callable[..., Any], *args: Any) -> Any:
    return function(*args)


def run_all(
    task: Task[Outcome],
    items: Sequence[Item],
    done: Done[Outcome],
    *,
    executor: Executor | MapCallable | None = None,
    threads: int | None = None,
) -> None:
    """Calls ``task(item, cancelled=...)`` for every item and ``done(index, outcome)`` in this thread as they end.

    On an interrupt or error nothing new is started, what runs is told to stop, what was finished by then is still
    reported, and the exception goes on. Further interrupts do nothing until this process runs nothing any more.

    Parameters
    ----------
    task : callable
        Takes the item and the keyword `cancelled`, a callable that turns true: it then raises `Stopped`.
    items : sequence
        Arguments.
    done : callable
        Takes the position and the outcome.
    executor : Executor, pool or map callable, optional
        By default a pool of threads. A given executor is not shut down, unless it
        is a pool of processes and Ctrl-C comes. A map callable, other than the ``map`` of an
        executor or pool, gives outcomes in order.
    threads : int, optional
        Size of the default pool; by default one a core.

    Raises
    ------
    TypeError
        When `executor` can neither submit nor be called.
    """
    if executor is None:
        stop = threading.Event()
        # Told to stop before the pool waits for its threads.
        with (
            Interrupts(stop.set) as interrupts,
            ThreadPoolExecutor(threads or cores()) as pool,
            _told(stop.set),
        ):
            _submitted(pool, partial(task, cancelled=stop.is_set), items, done, interrupts)
        return
    # `pool.map` gives outcomes in order: what is done would wait for what is not.
    owner = getattr(executor, "__self__", None)
    of_owner = getattr(executor, "__name__", "") == "map" and isinstance(owner, (Executor, _Pool))
    flag = StopFile()
    with Interrupts(flag.set) as interrupts, _told(flag.set):
        _elsewhere(partial(task, cancelled=flag), items, done, owner if of_owner else executor, interrupts)


def run_counted(
    task: Task[Outcome],
    items: Sequence[Item],
    told: Callable[[int, int], object] | None,
    *,
    threads: int | None = None,
) -> list[Outcome]:
    """The outcomes of `run_all` on threads, in order of the items.

    Parameters
    ----------
    task, items, threads
        As `run_all` takes them.
    told : callable or None
        Called with how many have ended, of how many.
    """
    outcomes: dict[int, Outcome] = {}

    def done(index: int, outcome: Outcome) -> None:
        outcomes[index] = outcome
        if told is not None:
            told(len(outcomes), len(items))

    run_all(task, items, done, threads=threads)
    return [outcomes[i] for i in range(len(items))]


@contextmanager
def _told(stop: Callable[[], object]) -> Iterator[None]:
    """Stops what runs when something goes wrong here."""
    try:
        yield
    except Stopped:  # by an interrupt that somebody swallowed
        raise KeyboardInterrupt from None
    except BaseException:
        stop()
        raise


def _elsewhere(
    task: Task[Outcome],
    items: Sequence[Item],
    done: Done[Outcome],
    executor: Any,
    interrupts: Interrupts,
) -> None:
    if isinstance(executor, Executor):
        try:
            _submitted(executor, task, items, done, interrupts)
        except KeyboardInterrupt:
            if isinstance(executor, ProcessPoolExecutor):
                _end(executor)
            raise
    elif isinstance(executor, _Pool):
        found = executor.imap_unordered(partial(_numbered, task), list(enumerate(items)))
        for _ in items:
            i, outcome = _soon(found.next, multiprocessing.TimeoutError)
            done(i, outcome)
    elif callable(executor):
        for i, outcome in enumerate(executor(task, items)):
            done(i, outcome)
    else:
        raise TypeError(
            f"executor: found {type(executor).__name__}; give None, an object with submit, or a map callable"
        )


def _numbered(task: Task[Outcome], numbered: tuple[int, Item]) -> tuple[int, Outcome]:
    i, item = numbered
    return i, task(item)


def _end(pool: ProcessPoolExecutor) -> None:
    """Ends the workers, some of which Ctrl-C may have reached: a second one would find the pool waiting for them."""
    for process in list((getattr(pool, "_processes", None) or {}).values()):
        process.terminate()
    pool.shutdown(cancel_futures=True)


def _submitted(
    executor: Executor,
    task: Task[Outcome],
    items: Sequence[Item],
    done: Done[Outcome],
    interrupts: Interrupts,
) -> None:
    ended: SimpleQueue[int] = SimpleQueue()
    waiting: dict[int, Any] = {}
    try:
        for i, item in enumerate(items):
            with interrupts.held():  # it may start a process
                waiting[i] = future = executor.submit(task, item)
            if hasattr(future, "add_done_callback"):
                future.add_done_callback(partial(_put, ended, i))
            else:
                ended.put(i)
        while waiting:
            i = _soon(ended.get, Empty)
            outcome = waiting[i].result()
            del waiting[i]
            done(i, outcome)
    except BaseException:
        _give_up(executor, waiting, done)
        raise


def _soon(get: Callable[..., Any], *not_yet: type[Exception]) -> Any:
    """Waits by looking again and again: a signal that comes just before a wait does not end it."""
    while True:
        try:
            return get(timeout=_LOOK_S)
        except not_yet:
            pass


def _put(ended: SimpleQueue[int], i: int, _: Any) -> None:
    ended.put(i)


def _give_up(executor: Executor, waiting: Mapping[int, Any], done: Done[Outcome]) -> None:
    """Cancels what has not started and reports what has finished."""
    finished = {i: future for i, future in waiting.items() if future.done() and not future.cancelled()}
    others = [future for i, future in waiting.items() if i not in finished]
    if hasattr(executor, "cancel"):  # of a dask Client: one message instead of one for each
        if others:
            executor.cancel(others)
    else:
        for future in others:
            future.cancel()
    for i, future in finished.items():
        if future.exception() is None:
            done(i, future.result())
