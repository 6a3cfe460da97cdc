"""CSV as text, block by block. A row with too few or too many values is kept as it stands, as broken."""

import csv
import io
import uuid
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pyarrow as pa
from pyarrow import csv as arrow_csv

from tasks.arrow_text import ArrowText
from tasks.errors import SourceError
from tasks.feeds import Notation
from tasks.layout import Layout
from tasks.refusals import RawBatch, broken_rows
from tasks.text_blocks import BLOCK_BYTES, open_text

_LONGEST_HEADER = 1 << 20


def read_csv(path: Path, layout: Layout, notation: Notation) -> Iterator[RawBatch]:
    """Give the rows of a CSV file, numbered from 1 below the header; blank lines are no rows.

    *Raises* `SourceError` for a header that does not fit, and for a quote that is never closed.
    """
    header = _read_header(path, notation)
    columns = layout.match(header)
    # The last line is ours. Read as a row of its own, it proves that no quote before it was left open.
    end = uuid.uuid4().hex
    with open_text(path, notation.encoding, f"\n{end}") as text:
        yield from _Rows(ArrowText(text), end, len(header)).read(columns, notation)


def _read_header(path: Path, notation: Notation) -> list[str]:
    with open_text(path, notation.encoding) as text:
        start = text.read(_LONGEST_HEADER).decode(errors="ignore")
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
        self._broken: list[arrow_csv.InvalidRow] = []
        self._is_whole = False
        self._last = -1

    def read(self, columns: dict[int, str], notation: Notation) -> Iterator[RawBatch]:
        """Give the rows in order. *Raises* `SourceError` where a quote was left open."""
        names = {str(place): name for place, name in columns.items()}
        for batch in self._parsed(columns, notation):
            is_first = self._last < 0
            rows = self._text.restore_all(pl.DataFrame(pl.from_arrow(batch)).rename(names))
            numbered = rows.insert_column(0, self._numbers(rows.height))
            yield RawBatch(numbered[1:] if is_first else numbered, self._broken_so_far())
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
        else:
            self._broken.append(row)
        return "skip"

    def _numbers(self, count: int) -> pl.Series:
        """Give the numbers of the next good rows. The parser may be some blocks ahead with the broken ones."""
        broken = pl.Series([row.number - 1 for row in self._broken], dtype=pl.Int64)
        places = pl.int_range(self._last + 1, self._last + 1 + count + broken.len(), eager=True)
        numbers = places.filter(~places.is_in(broken.implode())).head(count).cast(pl.Int32).alias("row_number")
        self._last = numbers[-1] if count else self._last
        return numbers

    def _broken_so_far(self) -> pl.DataFrame:
        """Take the broken rows that stand before the next good one."""
        count = 0
        for row in self._broken:
            if row.number - 1 > self._last + 1:
                break
            self._last = max(self._last, row.number - 1)
            count += 1
        taken, self._broken = self._broken[:count], self._broken[count:]
        return broken_rows(
            [
                (
                    row.number - 1,
                    self._text.restore(row.text),
                    f"it has {_values(row.actual_columns)}, the header {self._width}",
                )
                for row in taken
                if row.text.strip()
            ]
        )

    def _left_open(self) -> str:
        return (
            f"has a quote that is never closed, or a row of more than {BLOCK_BYTES >> 20} MiB, near row "
            f"{self._last + 1}: what is below it cannot be told apart"
        )


def _values(count: int) -> str:
    return "1 value" if count == 1 else f"{count} values"
