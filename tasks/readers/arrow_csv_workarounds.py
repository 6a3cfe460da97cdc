"""Text written so that Arrow's CSV parser reads it rightly, and put back afterwards. Arrow 26 gets two things wrong.

Its search for quotes, eight bytes at a time, ends at a NUL (apache/arrow issue 50481): a quote behind it is not seen,
and rows melt together. And it takes a line end that lies in two blocks for one character, in quotes too (issue 51368).
"""

import io
from collections.abc import Iterator
from threading import Lock

import polars as pl

_MARK = "\ufdd0"  # no character for exchange: hardly ever in a text, and no separator
_MARK_WRITTEN, _NUL_WRITTEN = f"{_MARK}\ufdd1", f"{_MARK}\ufdd2"


class ArrowText(io.RawIOBase):
    r"""The blocks of a UTF-8 text as Arrow reads them: without NUL, and never ending between `\r` and `\n`."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        super().__init__()
        self._blocks: Iterator[bytes] | None = blocks
        self._held_back = b""
        self._is_rewritten = False
        self._reading = Lock()

    def readable(self) -> bool:
        """Return yes, as every stream for reading does."""
        return True

    def read(self, _size: int = -1) -> bytes:
        """Return the next block, however large; nothing at the end."""
        with self._reading:
            return self._next() if self._blocks else b""

    def end(self) -> None:
        """Return nothing any more: Arrow reads ahead in a thread, and goes on when its reader is given up."""
        with self._reading:
            self._blocks = None

    def _next(self) -> bytes:
        for part in self._blocks or ():
            block = self._held_back + part
            self._held_back = b"\r" if block.endswith(b"\r") else b""
            if block := block.removesuffix(b"\r") if self._held_back else block:
                return self._rewrite(block)
        block, self._held_back = self._held_back, b""
        return block

    def _rewrite(self, block: bytes) -> bytes:
        mark = _MARK.encode()
        if b"\0" not in block and mark not in block:
            return block
        self._is_rewritten = True
        return block.replace(mark, _MARK_WRITTEN.encode()).replace(b"\0", _NUL_WRITTEN.encode())

    def restore(self, text: str) -> str:
        """Return a text as the file has it."""
        return text.replace(_NUL_WRITTEN, "\0").replace(_MARK_WRITTEN, _MARK) if self._is_rewritten else text

    def restore_all(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Return rows of texts as the file has them."""
        if not self._is_rewritten:
            return rows
        texts = pl.all().str.replace_all(_NUL_WRITTEN, "\0", literal=True)
        return rows.with_columns(texts.str.replace_all(_MARK_WRITTEN, _MARK, literal=True))
