"""The text of a file, block by block: unpacked, decoded and checked, so that no reader meets bytes that are no text."""

import codecs
import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from tasks.errors import SourceError

BLOCK_BYTES = 4 << 20
_GZIP_START = b"\x1f\x8b"
_UTF16_STARTS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class Utf8Stream(io.RawIOBase):
    """The text of a file as UTF-8 without a mark, with `end` behind the last byte.

    *Raises* `SourceError` while reading for what is not the encoding, and for gzip that is cut off or damaged.
    """

    def __init__(self, file: BinaryIO, encoding: str, end: str = "") -> None:
        super().__init__()
        self._file = file
        self._encoding = encoding
        # A mark at the start is no character of the first column's name.
        self._decoder = codecs.getincrementaldecoder("utf-8-sig" if encoding == "utf-8" else encoding)()
        self._end = end
        self._place = 0

    def readable(self) -> bool:
        """Say yes, as every stream for reading does."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Give the next bytes, none at the end. A file has more bytes than `size` only in its own encoding."""
        while not self._decoder_is_done:
            text = self._next_text(size)
            if text:
                return text.encode()
        return b""

    @property
    def _decoder_is_done(self) -> bool:
        return self._place < 0

    def _next_text(self, size: int) -> str:
        try:
            raw = self._file.read(size if size > 0 else BLOCK_BYTES)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            msg = f"is gzip that is cut off or damaged ({error}): deliver it again"
            raise SourceError(msg) from None
        try:
            text = self._decoder.decode(raw, final=not raw)
        except UnicodeError as error:
            msg = f"is not text in {self._encoding} ({_reason(error, self._place)}): say its encoding in feeds"
            raise SourceError(msg) from None
        self._place += len(raw)
        if raw:
            return text
        self._place = -1
        return text + self._end


def _reason(error: UnicodeError, place: int) -> str:
    if isinstance(error, UnicodeDecodeError):
        return f"{error.reason} near byte {place + error.start}"
    return str(error)


@contextmanager
def open_text(path: Path, encoding: str, end: str = "") -> Iterator[Utf8Stream]:
    """Open a file, gzipped or not, as UTF-8. *Raises* `SourceError` for one in UTF-16 that is not said to be."""
    with path.open("rb") as file:
        start = file.read(4)
        file.seek(0)
        if not start.startswith(_GZIP_START):
            _refuse_utf16(start, encoding)
            yield Utf8Stream(file, encoding, end)
            return
        with gzip.GzipFile(fileobj=file) as unpacked:
            yield Utf8Stream(unpacked, encoding, end)  # type: ignore[arg-type]  # it reads like any other


def _refuse_utf16(start: bytes, encoding: str) -> None:
    if encoding == "utf-8" and (start.startswith(_UTF16_STARTS) or b"\0" in start):
        msg = "is text in UTF-16, as it seems: say encoding: utf-16 in feeds, or deliver UTF-8"
        raise SourceError(msg)
