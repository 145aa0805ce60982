"""A question that is simulated until it is answered, or withdrawn because another one came."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from ..study.runner import cores
from ..study.stopping import Stopped

__all__ = ["Question", "Questions", "Superseded"]


class Superseded(Exception):  # noqa: N818 - it is no error
    """The question was withdrawn."""


class Question:
    """Runs the cases of one question on threads: an executor whose runs stop when it is withdrawn.

    Attributes
    ----------
    done, total : int
        Modes that are simulated, and all of them.
    """

    def __init__(self) -> None:
        self.done, self.total = 0, 0
        self._withdrawn = threading.Event()
        self._pool = ThreadPoolExecutor(cores(), thread_name_prefix="explore")

    def withdraw(self) -> None:
        """Stops what runs, within a moment."""
        self._withdrawn.set()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def submit(self, function: Callable[..., Any], /, *args: Any) -> Future[Any]:
        """Starts a case, which looks now and then whether it is still wanted."""
        if self._withdrawn.is_set():
            raise Stopped
        return self._pool.submit(function, *args, cancelled=self._withdrawn.is_set)

    def told(self, done: int, total: int) -> None:
        """Progress of the comparison."""
        self.done, self.total = done, total

    @contextmanager
    def asked(self) -> Iterator[None]:
        """While it is simulated; what a withdrawal breaks off is `Superseded`."""
        try:
            yield
        except BaseException:  # a study takes what stops it for Ctrl-C, or finds its runs cancelled
            if self._withdrawn.is_set():
                raise Superseded from None
            raise
        finally:
            self._pool.shutdown(wait=False, cancel_futures=True)


class Questions:
    """The last question of each page; a new one withdraws it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last: dict[str, Question] = {}

    def begin(self, page: str) -> Question:
        """A new question of a page."""
        question = Question()
        with self._lock:
            before = self._last.get(page)
            self._last[page] = question
        if before is not None:
            before.withdraw()
        return question

    def end(self, page: str, question: Question) -> None:
        """Forgets an answered one."""
        with self._lock:
            if self._last.get(page) is question:
                del self._last[page]

    def progress(self, page: str) -> tuple[int, int]:
        """Modes done and in all of what a page waits for; zeros where it waits for nothing."""
        with self._lock:
            question = self._last.get(page)
        return (question.done, question.total) if question is not None else (0, 0)

    def withdraw(self, page: str) -> bool:
        """Withdraws what a page waits for; whether there was anything."""
        with self._lock:
            question = self._last.pop(page, None)
        if question is not None:
            question.withdraw()
        return question is not None

    def withdraw_all(self) -> None:
        """When the server ends."""
        with self._lock:
            waiting = list(self._last.values())
            self._last.clear()
        for question in waiting:
            question.withdraw()
