"""The text of a file, block by block: unpacked, decoded and checked, so that no reader meets bytes that are no text."""

import codecs
import gzip
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from sql.files.plain_files import open_file
from tasks.errors import SourceError
from tasks.values.notation import Notation

LONGEST_LINE = 4 << 20
"""Most bytes of a line where lines are skipped or searched."""
_GZIP_START = b"\x1f\x8b"
_UTF16_STARTS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


@contextmanager
def open_text(path: Path, notation: Notation, size: int, end: str = "") -> Iterator[Iterator[bytes]]:
    """Open the rows of a text file, gzipped or not, as UTF-8 in blocks of about `size` bytes, with `end` behind them.

    *Raises* `SourceError` for a file in UTF-16 that is not declared as such, and as `decode` and `cut_out` do.
    """
    with open_file(path) as file:
        start = file.read(4)
        file.seek(0)
        if not start.startswith(_GZIP_START):
            _reject_utf16(start, notation.encoding)
            yield cut_out(decode(file, notation.encoding, size), notation, end)
            return
        with gzip.GzipFile(fileobj=file) as unpacked:
            yield cut_out(decode(unpacked, notation.encoding, size), notation, end)  # type: ignore[arg-type]  # as any other


def decode(file: BinaryIO, encoding: str, size: int) -> Iterator[bytes]:
    """Yield the text of a file as UTF-8 without a byte order mark. No block is empty.

    *Raises* `SourceError` for bytes that are not of the encoding, and for gzip that is cut off or damaged.
    """
    # A mark at the start is no character of the first column's name.
    decoder = codecs.getincrementaldecoder("utf-8-sig" if encoding == "utf-8" else encoding)()
    place, raw = 0, b"?"
    while raw:
        try:
            raw = file.read(size)
            text = decoder.decode(raw, final=not raw)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            msg = f"is gzip that is cut off or damaged ({error}): deliver it again"
            raise SourceError(msg) from None
        except UnicodeError as error:
            reason = str(error)
            if isinstance(error, UnicodeDecodeError):
                reason = f"{error.reason} near byte {place + error.start}"
            msg = f"is not text in {encoding} ({reason}): say its encoding in feeds"
            raise SourceError(msg) from None
        place += len(raw)
        if text:
            yield text.encode()


def cut_out(blocks: Iterable[bytes], notation: Notation, end: str) -> Iterator[bytes]:
    """Yield the lines below those that are skipped, up to one that begins with `stop_at`; then the `end`.

    *Raises* `SourceError` for a line that does not end, where lines are skipped or searched.
    """
    if notation.skip_rows or notation.stop_at is not None:
        yield from _lines_between(blocks, notation.skip_rows, notation.stop_at)
    else:
        yield from blocks
    if end:
        yield end.encode()


def _lines_between(blocks: Iterable[bytes], n_skipped: int, stop_at: str | None) -> Iterator[bytes]:
    for lines in _whole_lines(blocks):
        rest = lines[n_skipped:]
        n_skipped = max(n_skipped - len(lines), 0)
        stop = next((place for place, line in enumerate(rest) if _stops(line, stop_at)), len(rest))
        if stop:
            yield b"".join(rest[:stop])
        if stop < len(rest):
            return


def _whole_lines(blocks: Iterable[bytes]) -> Iterator[list[bytes]]:
    begun = b""
    for block in blocks:
        lines = (begun + block).splitlines(keepends=True)
        begun = b"" if lines[-1].endswith(b"\n") else lines.pop()
        if len(begun) > LONGEST_LINE:
            msg = f"has a line of more than {LONGEST_LINE >> 20} MiB, where lines are skipped or looked for"
            raise SourceError(msg)
        yield lines
    yield begun.splitlines(keepends=True)


def _stops(line: bytes, stop_at: str | None) -> bool:
    if not stop_at:
        return stop_at is not None and not line.strip()
    start = stop_at.encode()
    return line.startswith(start) or line.lstrip(b' \t"').startswith(start)


def _reject_utf16(start: bytes, encoding: str) -> None:
    if encoding == "utf-8" and (start.startswith(_UTF16_STARTS) or b"\0" in start):
        msg = "is text in UTF-16, as it seems: say encoding: utf-16 in feeds, or deliver UTF-8"
        raise SourceError(msg)
