"""The bytes of a file as UTF-8 text: unpacked when they are compressed, and decoded when they are UTF-16."""

from __future__ import annotations

import bz2
import codecs
import gzip
import io
import lzma
import zlib
from collections.abc import Callable
from pathlib import PurePath
from typing import IO, Any

from .._core import TraceError
from .._errors import fail
from ..extras import extra
from ..files import no_file

__all__ = ["PACKED", "Unpacked", "read_bytes", "stem"]

#: Endings of packed files.
PACKED = (".gz", ".bz2", ".xz", ".zst")

_START = 16


def _open_zstd(file: IO[bytes]) -> Any:
    try:
        from compression import zstd  # type: ignore[import-not-found, unused-ignore]  # Python 3.14
    except ImportError:
        with extra("zstd", "the file is packed with zstd, which needs"):
            import zstandard
        return zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True)
    return zstd.ZstdFile(file)


_OPENERS: dict[bytes, Callable[[Any], Any]] = {
    b"\x1f\x8b": lambda file: gzip.GzipFile(fileobj=file),
    b"BZh": bz2.BZ2File,
    b"\xfd7zXZ": lzma.LZMAFile,
    b"\x28\xb5\x2f\xfd": _open_zstd,
}


def _encoding(start: bytes) -> str | None:
    """The encoding of a text that begins so, where it is not UTF-8."""
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if len(start) >= 2 and start[0] and not start[1] and start[0] < 0x80:
        return "utf-16-le"
    if len(start) >= 2 and start[1] and not start[0] and start[1] < 0x80:
        return "utf-16-be"
    return None


class _Recoded:
    """UTF-16 as UTF-8, piece by piece."""

    def __init__(self, file: Any, encoding: str) -> None:
        self._file = file
        self._decoder = codecs.getincrementaldecoder(encoding)()
        self._rest = b""

    def read(self, size: int = -1) -> bytes:
        while size < 0 or len(self._rest) < size:
            piece = self._file.read(size if size > 0 else -1)
            self._rest += self._decoder.decode(piece, final=not piece).encode("utf-8", "surrogatepass")
            if not piece or size < 0:
                break
        if size < 0:
            self._rest += self._decoder.decode(b"", final=True).encode()
            size = len(self._rest)
        found, self._rest = self._rest[:size], self._rest[size:]
        return found


class Unpacked:
    """The bytes of a file, read piece by piece.

    Parameters
    ----------
    path : str
        Of the file, which may be gzip, bz2, xz or zstd, and UTF-16.

    Raises
    ------
    TraceError
        When it is missing or a folder; from `read` when it cannot be read, or what is packed is broken or cut short.
    ImportError
        For zstd without the package zstandard.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        if found := no_file(path):
            raise fail(TraceError, path, f"expected a trace file, found a {found}")
        try:
            self._file = open(path, "rb")  # noqa: SIM115
        except OSError as problem:
            raise fail(TraceError, path, f"cannot open the trace: {problem.strerror}") from None
        start = self._file.peek(_START)[:_START]
        opener = next((opener for magic, opener in _OPENERS.items() if start.startswith(magic)), None)
        self._bytes: Any = self._file
        if opener is not None:
            try:
                self._bytes = io.BufferedReader(opener(self._file))
            except BaseException:
                self._file.close()
                raise
            start = self._guarded(lambda: self._bytes.peek(_START)[:_START])
        encoding = _encoding(start)
        if encoding is not None:
            self._bytes = _Recoded(self._bytes, encoding)
        #: The bytes that `read` gives are not those of the file.
        self.packed = opener is not None or encoding is not None

    def _guarded(self, read: Callable[[], bytes]) -> bytes:
        try:
            return read()
        except (EOFError, zlib.error, gzip.BadGzipFile, lzma.LZMAError, UnicodeError) as problem:
            self._file.close()
            raise fail(TraceError, self.path, f"cannot unpack the trace: {problem}") from None
        except OSError as problem:
            self._file.close()
            what = "unpack" if self._bytes is not self._file else "read"
            raise fail(TraceError, self.path, f"cannot {what} the trace: {problem}") from None
        except Exception as problem:
            if type(problem).__name__ != "ZstdError":  # of a package that may not be there
                raise
            self._file.close()
            raise fail(TraceError, self.path, f"cannot unpack the trace: {problem}") from None

    def read(self, size: int = -1) -> bytes:
        """Up to `size` bytes, all that are left by default; empty at the end."""
        return self._guarded(lambda: self._bytes.read(size))

    def __enter__(self) -> Unpacked:
        return self

    def __exit__(self, *problem: object) -> None:
        self._file.close()


def read_bytes(path: str) -> bytes:
    """All bytes of a file, as `Unpacked` reads them."""
    with Unpacked(path) as file:
        return file.read()


def stem(source: str) -> str:
    """The name of a file without folder, packing and ending."""
    name = PurePath(source).name
    for ending in PACKED:
        name = name.removesuffix(ending)
    return PurePath(name).stem
