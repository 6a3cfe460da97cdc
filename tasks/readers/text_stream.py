"""The text of a file, block by block: unpacked, decoded and checked, so that no reader meets bytes that are no text."""

import codecs
import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from sql.engine.plain_files import open_file
from tasks.errors import SourceError
from tasks.values.notation import Notation

BLOCK_BYTES = 4 << 20
_GZIP_START = b"\x1f\x8b"
_UTF16_STARTS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class Utf8Stream(io.RawIOBase):
    """The text of a file as UTF-8 without a mark.

    *Raises* `SourceError` while reading for what is not the encoding, and for gzip that is cut off or damaged.
    """

    def __init__(self, file: BinaryIO, encoding: str) -> None:
        super().__init__()
        self._file = file
        self._encoding = encoding
        # A mark at the start is no character of the first column's name.
        self._decoder = codecs.getincrementaldecoder("utf-8-sig" if encoding == "utf-8" else encoding)()
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
        return text


class Excerpt(io.RawIOBase):
    """The lines of a UTF-8 text behind the first ones that are skipped, up to one that begins as the notation says.

    `end` follows them. *Raises* `SourceError` while reading for a line that does not end, where lines are looked for.
    """

    def __init__(self, text: Utf8Stream, notation: Notation, end: str = "") -> None:
        super().__init__()
        self._text = text
        self._n_skipped = notation.skip_rows
        self._stop_at = None if notation.stop_at is None else notation.stop_at.encode()
        self._rest = b""
        self._end = end.encode()
        self._is_done = False

    def readable(self) -> bool:
        """Say yes, as every stream for reading does."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Give the next bytes, none at the end."""
        while not self._is_done:
            block = self._text.read(size)
            self._is_done = not block
            block, self._rest = self._rest + block, b""
            if self._n_skipped or self._stop_at is not None:
                block = self._excerpt(block)
            if self._is_done:
                block += self._end
            if block:
                return block
        return b""

    def _excerpt(self, block: bytes) -> bytes:
        lines = block.splitlines(keepends=True)
        if lines and not self._is_done and not lines[-1].endswith(b"\n"):
            self._rest = lines.pop()
            if len(self._rest) > BLOCK_BYTES:
                msg = f"has a line of more than {BLOCK_BYTES >> 20} MiB, where lines are skipped or looked for"
                raise SourceError(msg)
        skipped = min(self._n_skipped, len(lines))
        self._n_skipped -= skipped
        kept = lines[skipped:]
        for place, line in enumerate(kept):
            if self._stops(line):
                self._is_done = True
                return b"".join(kept[:place])
        return b"".join(kept)

    def _stops(self, line: bytes) -> bool:
        if not self._stop_at:
            return self._stop_at is not None and not line.strip()
        return line.startswith(self._stop_at) or line.lstrip(b' \t"').startswith(self._stop_at)


def _reason(error: UnicodeError, place: int) -> str:
    if isinstance(error, UnicodeDecodeError):
        return f"{error.reason} near byte {place + error.start}"
    return str(error)


@contextmanager
def open_text(path: Path, notation: Notation, end: str = "") -> Iterator[Excerpt]:
    """Open the rows of a text file, gzipped or not, as UTF-8, with `end` behind them.

    *Raises* `SourceError` for one in UTF-16 that is not said to be.
    """
    with open_file(path) as file:
        start = file.read(4)
        file.seek(0)
        if not start.startswith(_GZIP_START):
            _refuse_utf16(start, notation.encoding)
            yield Excerpt(Utf8Stream(file, notation.encoding), notation, end)
            return
        with gzip.GzipFile(fileobj=file) as unpacked:
            yield Excerpt(Utf8Stream(unpacked, notation.encoding), notation, end)  # type: ignore[arg-type]  # as any other


def _refuse_utf16(start: bytes, encoding: str) -> None:
    if encoding == "utf-8" and (start.startswith(_UTF16_STARTS) or b"\0" in start):
        msg = "is text in UTF-16, as it seems: say encoding: utf-16 in feeds, or deliver UTF-8"
        raise SourceError(msg)
