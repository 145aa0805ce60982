"""How a study is stopped: by Ctrl-C at once, wherever its runs are."""

from __future__ import annotations

import atexit
import os
import signal
import tempfile
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

__all__ = ["Interrupts", "StopFile", "Stopped"]


class Stopped(Exception):  # noqa: N818 - it is no error
    """A run was told to stop."""


class StopFile:
    """Asks runs in other processes of this machine to stop: true once its file is there.

    It travels to the processes. Those of other machines never see the file; they are left to their executor.
    """

    def __init__(self) -> None:
        self._path = os.path.join(tempfile.gettempdir(), f"gpushare-stop-{uuid.uuid4().hex}")

    def __call__(self) -> bool:
        """Whether to stop."""
        return os.path.exists(self._path)

    def set(self) -> None:
        """Asks them; the file goes away with this process, by which time they have stopped."""
        atexit.register(_remove, self._path)
        with suppress(OSError), open(self._path, "x"):
            pass


def _remove(path: str) -> None:
    with suppress(OSError):
        os.unlink(path)


class Interrupts:
    """Ctrl-C while a study runs: the first one asks to stop and raises KeyboardInterrupt, others do nothing.

    A second one would otherwise leave the interpreter while threads and processes still need it. Only where Python's
    own handler is in place, and in the main thread, which is where it runs.

    Parameters
    ----------
    stop : callable
        Called by the first one.
    """

    def __init__(self, stop: Callable[[], object]) -> None:
        self._stop = stop
        self._came = False
        self._held = False
        self._ours = (
            threading.current_thread() is threading.main_thread()
            and signal.getsignal(signal.SIGINT) is signal.default_int_handler
        )

    def __enter__(self) -> Interrupts:
        if self._ours:
            signal.signal(signal.SIGINT, self._on_signal)
        return self

    def __exit__(self, *_: object) -> None:
        if self._ours:
            signal.signal(signal.SIGINT, signal.default_int_handler)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self._came:
            return
        self._came = True
        self._stop()
        if not self._held:
            raise KeyboardInterrupt

    @contextmanager
    def held(self) -> Iterator[None]:
        """Lets a step that must not be left half done end first."""
        self._held = True
        came = self._came
        try:
            yield
        finally:
            self._held = False
        if self._came and not came:
            raise KeyboardInterrupt
