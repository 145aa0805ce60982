"""Writes output files so that a reader never sees half of one, and finds the files that come with the package."""

from __future__ import annotations

import errno
import hashlib
import json
import math
import os
import stat
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TextIO

__all__ = [
    "data_file",
    "no_file",
    "plain_json",
    "replace_bytes",
    "replace_file",
    "sha256",
    "try_to_write",
    "write_json",
]


def replace_file(path: str | os.PathLike[str], write: Callable[[TextIO], object]) -> None:
    """Writes beside `path` and puts the finished file in its place.

    Parameters
    ----------
    path : str or path
        An existing file is replaced, or left alone when writing fails.
    write : callable
        Takes the open text file.
    """
    with _replaced(path) as descriptor, os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
        write(file)


def replace_bytes(path: str | os.PathLike[str], data: bytes) -> None:
    """The same for a file that is no text."""
    with _replaced(path) as descriptor, os.fdopen(descriptor, "wb") as file:
        file.write(data)


@contextmanager
def _replaced(path: str | os.PathLike[str]) -> Iterator[int]:
    """A file beside the target, open for writing, which takes its place when all went well."""
    target = os.path.abspath(os.fspath(path))
    descriptor, temporary = tempfile.mkstemp(
        dir=os.path.dirname(target), prefix=f".{os.path.basename(target)}."
    )
    try:
        yield descriptor
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, target)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(temporary)
        raise


def try_to_write(path: str | os.PathLike[str]) -> None:
    """Raises the OSError that `replace_file` would raise, before there is anything to write."""
    target = os.path.abspath(os.fspath(path))
    if os.path.isdir(target):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), os.fspath(path))
    try:
        with tempfile.TemporaryFile(dir=os.path.dirname(target)):
            pass
    except OSError as error:
        raise type(error)(error.errno, error.strerror, os.fspath(path)) from None


def no_file(path: str | os.PathLike[str]) -> str:
    """What a path names where reading it to its end may take for ever, and nothing for anything else.

    A "folder", a "device", or a "named pipe", whose writer may never come; pipes that are open already (``/dev/stdin``,
    ``/dev/fd/63``) are read like files.
    """
    name = os.fspath(path)
    try:
        mode = os.stat(name).st_mode
    except OSError:
        return ""  # opening it says more
    if stat.S_ISDIR(mode):
        return "folder"
    if stat.S_ISFIFO(mode):
        return "" if name.startswith(("/dev/", "/proc/")) else "named pipe"
    device = stat.S_ISCHR(mode) or stat.S_ISBLK(mode) or stat.S_ISSOCK(mode)
    return "device" if device and name != os.devnull else ""


def sha256(path: str | os.PathLike[str]) -> str:
    """Digest of a file's bytes, in 64 digits."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def write_json(value: Any, path: str | os.PathLike[str]) -> None:
    """Writes a value as JSON, indented."""
    replace_file(path, lambda file: file.write(plain_json(value) + "\n"))


def plain_json(value: Any) -> str:
    """JSON text that every reader accepts: NaN and infinities become null."""
    return json.dumps(_finite(value), indent=2, ensure_ascii=False)


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(k): _finite(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(v) for v in value]
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    return value


def data_file(file: str, kind: str = "validation") -> Path:
    """Where a data file lies: in the installed package, or in the source tree.

    Parameters
    ----------
    file : str
        Path inside the folder of its kind.
    kind : str
        ``"validation"``, ``"models"``, ...

    Raises
    ------
    FileNotFoundError
        In neither.
    """
    package = Path(__file__).resolve().parent
    for folder in (package / "data" / kind, package.parent.parent / kind):
        if (folder / file).is_file():
            return folder / file
    raise FileNotFoundError(f"{kind}/{file} is neither in the package nor in the source tree")
