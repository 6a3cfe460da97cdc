"""CSV as text, block by block. A row with too few or too many values is kept as it stands, as broken."""

import csv
import io
import json
import re
import uuid
from array import array
from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import polars as pl
import pyarrow as pa
from pyarrow import csv as arrow_csv

from sizing.text import counted
from sql.records import MOST_REJECTS
from tasks.errors import SourceError
from tasks.readers.arrow_csv_workarounds import ArrowText
from tasks.readers.text_stream import open_text
from tasks.validation.header import Layout
from tasks.validation.row_validation import RawBatch, broken_rows
from tasks.values.notation import Notation

BLOCK_BYTES = 1 << 20
"""What is parsed at a time, and the longest row."""
_LONGEST_HEADER = 1 << 20
_SEPARATOR_LINE = re.compile(r"""["']?sep=([^"'\r\n])["']?\s*(?:[\r\n]|\Z)""", re.IGNORECASE)
"""The line that shows Excel how the others are separated."""


def read_csv(path: Path, layout: Layout, notation: Notation) -> Iterator[RawBatch]:
    """Return the rows of a CSV file, numbered from 1 below the header; blank lines are no rows.

    *Raises* `SourceError` for a header that does not fit, and for a quote that is never closed.
    """
    with open_text(path, notation, _LONGEST_HEADER) as blocks:
        start = next(blocks, b"").decode(errors="ignore")
    if found := _SEPARATOR_LINE.match(start):
        _require_separator(found[1], notation)
        start, notation = start[found.end() :], replace(notation, skip_rows=notation.skip_rows + 1)
    header = _header(start, notation)
    columns = layout.match(header)
    # The last line is ours. Read as a row of its own, it verifies that no quote before it was left open.
    end = uuid.uuid4().hex
    with open_text(path, notation, BLOCK_BYTES, f"\n{end}") as blocks:
        rows = ArrowText(blocks)
        try:
            yield from _Rows(rows, end, len(header)).read(columns, notation)
        finally:
            rows.end()


def _require_separator(declared: str, notation: Notation) -> None:
    if declared != notation.separator:
        key = f"separator: {json.dumps(declared)}"
        msg = f"says sep={declared} in its first line: set {key} for it, under feeds in the config"
        raise SourceError(msg)


def _header(start: str, notation: Notation) -> list[str]:
    try:
        lines = csv.reader(io.StringIO(start, newline=""), delimiter=notation.separator)
        header = next((line for line in lines if line), None)
    except csv.Error as error:
        msg = f"has a header that is not CSV ({error})"
        raise SourceError(msg) from None
    if header is None or not start.strip():
        msg = "is empty: expected a header and at least one row"
        raise SourceError(msg)
    return header


class _Rows:
    """What is known while the rows of a file go by. The header counts as row 0."""

    def __init__(self, text: ArrowText, end: str, width: int) -> None:
        self._text = text
        self._end = end
        self._width = width
        self._broken: deque[arrow_csv.InvalidRow] = deque()
        self._numbers_of_broken = array("q")
        self._n_kept = 0
        self._n_more = 0
        self._is_whole = False
        self._last = -1

    def read(self, columns: dict[int, str], notation: Notation) -> Iterator[RawBatch]:
        """Return the rows in order. *Raises* `SourceError` where a quote was left open."""
        names = {str(place): name for place, name in columns.items()}
        for batch in self._parsed(columns, notation):
            is_first = self._last < 0
            rows = self._text.restore_all(pl.DataFrame(pl.from_arrow(batch)).rename(names))
            numbered = rows.insert_column(0, self._numbers(rows.height))
            yield RawBatch(numbered[1:] if is_first else numbered, *self._broken_so_far())
        if not self._is_whole:
            raise SourceError(self._left_open())

    def _parsed(self, columns: dict[int, str], notation: Notation) -> Iterator[pa.RecordBatch]:
        names = [str(place) for place in range(self._width)]
        kept = [str(place) for place in columns]
        options = {
            "read_options": arrow_csv.ReadOptions(use_threads=False, block_size=BLOCK_BYTES, column_names=names),
            "parse_options": arrow_csv.ParseOptions(
                delimiter=notation.separator, newlines_in_values=True, invalid_row_handler=self._on_broken
            ),
            "convert_options": arrow_csv.ConvertOptions(
                check_utf8=False, column_types=dict.fromkeys(kept, pa.string()), include_columns=kept
            ),
        }
        try:
            yield from arrow_csv.open_csv(self._text, **options)
        except pa.ArrowInvalid as error:
            msg = self._left_open() if "straddling" in str(error) else f"is not CSV ({str(error).splitlines()[0]})"
            raise SourceError(msg) from None

    def _on_broken(self, row: arrow_csv.InvalidRow) -> str:
        if row.text == self._end:
            self._is_whole = True
            return "skip"
        self._numbers_of_broken.append(row.number - 1)
        if not row.text.strip():
            return "skip"  # a line of blanks is no row
        if self._n_kept < MOST_REJECTS:
            self._broken.append(row)
            self._n_kept += 1
        else:
            self._n_more += 1
        return "skip"

    def _numbers(self, count: int) -> pl.Series:
        """Return the numbers of the next good rows. The parser may be some blocks ahead with the broken ones."""
        broken = pl.Series(self._numbers_of_broken.tolist(), dtype=pl.Int64)
        places = pl.int_range(self._last + 1, self._last + 1 + count + broken.len(), eager=True)
        numbers = places.filter(~places.is_in(broken.implode())).head(count).cast(pl.Int32).alias("row_number")
        self._last = numbers[-1] if count else self._last
        return numbers

    def _broken_so_far(self) -> tuple[pl.DataFrame, int]:
        """Take the broken rows that stand before the next good one, and count those of which nothing is kept."""
        count = 0
        for number in self._numbers_of_broken:
            if number > self._last + 1:
                break
            self._last = max(self._last, number)
            count += 1
        del self._numbers_of_broken[:count]
        rows = []
        while self._broken and self._broken[0].number - 1 <= self._last:
            row = self._broken.popleft()
            what = f"it has {counted(row.actual_columns, 'value')}, the header {self._width}"
            rows.append((row.number - 1, self._text.restore(row.text), what))
        n_more, self._n_more = self._n_more, 0
        return broken_rows(rows), n_more

    def _left_open(self) -> str:
        return (
            f"has a quote that is never closed, or a row of more than {BLOCK_BYTES >> 20} MiB, near row "
            f"{self._last + 1}: what is below it cannot be assigned to a column"
        )
