"""Writes output files so that a reader never sees half of one, and finds the files that come with the package."""

from __future__ import annotations

import errno
import hashlib
import json
import math
import os
import shutil
import stat
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, TextIO

__all__ = [
    "data_file",
    "no_file",
    "plain_json",
    "replace_binary",
    "replace_file",
    "sha256",
    "try_to_write",
    "write_json",
]


def replace_file(path: str | os.PathLike[str], write: Callable[[TextIO], object]) -> None:
    """Writes a file that takes its place when it is whole.

    Parameters
    ----------
    path : str or path
        An existing file is replaced, or left alone when writing fails.
    write : callable
        Takes the open text file.
    """
    with _replaced(path) as descriptor, os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
        write(file)


def replace_binary(path: str | os.PathLike[str], write: Callable[[BinaryIO], object]) -> None:
    """The same for a file that is no text."""
    with _replaced(path) as descriptor, os.fdopen(descriptor, "wb") as file:
        write(file)


@contextmanager
def _replaced(path: str | os.PathLike[str]) -> Iterator[int]:
    """A file open for writing, which takes the target's place when all went well; who takes it closes it."""
    target = os.path.abspath(os.fspath(path))
    if os.path.isdir(target):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), os.fspath(path))
    kind = _nameless_file if _has_nameless_files(os.path.dirname(target)) else _file_beside
    with kind(target) as descriptor:
        yield descriptor


@contextmanager
def _nameless_file(target: str) -> Iterator[int]:
    """A file that has no name before it is whole: nothing of it stays when the process is killed."""
    own = os.open(os.path.dirname(target), os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o666)
    try:
        yield os.dup(own)
        _give_name(own, target)
    finally:
        os.close(own)


def _give_name(descriptor: int, target: str) -> None:
    """Puts a file without a name in the target's place; where it cannot be linked, a copy."""
    file = f"/proc/self/fd/{descriptor}"
    folder, name = os.path.split(target)
    beside = os.path.join(folder, f".{name}.{uuid.uuid4().hex}")
    try:
        os.link(file, target, src_dir_fd=descriptor)  # with a descriptor it follows the link in /proc
    except FileExistsError:
        with _removed_on_failure(beside):
            os.link(file, beside, src_dir_fd=descriptor)
            os.replace(beside, target)
    except OSError:
        os.lseek(descriptor, 0, os.SEEK_SET)
        with (
            open(descriptor, "rb", closefd=False) as whole,
            _file_beside(target) as other,
            os.fdopen(other, "wb") as copy,
        ):
            shutil.copyfileobj(whole, copy)


@contextmanager
def _file_beside(target: str) -> Iterator[int]:
    """A file of another name in the same folder."""
    try:
        descriptor, beside = tempfile.mkstemp(
            dir=os.path.dirname(target), prefix=f".{os.path.basename(target)}."
        )
    except OSError as error:
        raise type(error)(error.errno, error.strerror, target) from None
    with _removed_on_failure(beside):
        yield descriptor
        os.chmod(beside, 0o666 & ~_umask())
        os.replace(beside, target)


@contextmanager
def _removed_on_failure(path: str) -> Iterator[None]:
    try:
        yield
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(path)
        raise


def _has_nameless_files(folder: str) -> bool:
    """Whether files without a name can be written in a folder: some file systems of Linux."""
    if sys.platform != "linux":
        return False
    try:
        os.close(os.open(folder, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o666))
    except OSError:
        return False
    return True


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
