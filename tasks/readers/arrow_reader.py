"""Parquet and Arrow IPC as text, batch by batch. A double keeps all of its digits, midnight is a date."""

from collections.abc import Iterator, Mapping
from io import FileIO
from pathlib import Path

import polars as pl
import pyarrow as pa
from pyarrow import parquet
from pyarrow import types as arrow_types

from sizing.text import counted
from sql.files.plain_files import open_file
from tasks.errors import SourceError
from tasks.text import shown
from tasks.validation.header import Layout
from tasks.validation.row_validation import RawBatch, broken_rows
from tasks.values.date_formats import write_dates
from tasks.values.notation import Notation

_BATCH_ROWS = 1 << 16
_BUFFER_BYTES = 1 << 20
_LONGEST_SAID = 200
_MOST_TEXT = 16 << 20
"""So many bytes may the texts of one column have in one batch."""
_LONGEST_ON_AVERAGE = 4 << 10
_DAMAGES = (pa.ArrowException, pl.exceptions.PolarsError, OSError, UnicodeDecodeError)
"""What a damaged file raises: Polars for a zone that is nowhere, Python for a name that is not UTF-8."""
_FIRST_DAY, _LAST_DAY = -719_162, 2_932_896
"""0001-01-01 and 9999-12-31, days from 1970."""
_TICKS_A_DAY = {"ms": 86_400_000, "us": 86_400_000_000, "ns": 86_400_000_000_000}
_ARROW_FILE_START = b"ARROW1"
_PLAIN_TEXTS = (pa.string(), pa.large_string())
_TEXTS = (arrow_types.is_string, arrow_types.is_large_string, arrow_types.is_string_view)
_BYTES = (
    arrow_types.is_binary,
    arrow_types.is_large_binary,
    arrow_types.is_fixed_size_binary,
    arrow_types.is_binary_view,
)
_PLAIN = (
    *_TEXTS,
    *_BYTES,
    arrow_types.is_integer,
    arrow_types.is_floating,
    arrow_types.is_decimal,
    arrow_types.is_boolean,
    arrow_types.is_date,
    arrow_types.is_timestamp,
    arrow_types.is_null,
)


def read_parquet(path: Path, layout: Layout, notation: Notation) -> Iterator[RawBatch]:
    """Return the rows of a Parquet file. *Raises* `SourceError` for columns that do not fit, and for a damaged file."""
    try:
        with open_file(path) as opened:
            with parquet.ParquetFile(opened) as described:
                metadata, schema = described.metadata, described.schema_arrow
            columns = _columns(schema, layout)
            _require_moderate_chunks(metadata, columns)
            opened.seek(0)
            names = [schema.names[place] for place in columns]
            texts = [schema.names[place] for place in columns if schema.types[place] in _PLAIN_TEXTS]
            with _open_parquet(opened, metadata, texts) as file:
                batches = file.iter_batches(_BATCH_ROWS, columns=names, use_threads=False)
                yield from _as_text(batches, list(columns.values()), notation)
    except _DAMAGES as error:
        raise SourceError(_damaged("Parquet", error)) from None


def _open_parquet(opened: FileIO, metadata: parquet.FileMetaData, texts: list[str]) -> parquet.ParquetFile:
    """Open it so that a text which many rows have is kept once, until it is known how long they are together."""
    return parquet.ParquetFile(
        opened,
        metadata=metadata,
        read_dictionary=texts,
        buffer_size=_BUFFER_BYTES,
        pre_buffer=False,
        page_checksum_verification=True,
    )


def _require_moderate_chunks(metadata: parquet.FileMetaData, columns: Mapping[int, str]) -> None:
    """Reject long values before they are unpacked. *Requires* columns that are no records."""
    for group in range(metadata.num_row_groups):
        row_group = metadata.row_group(group)
        for place, name in columns.items():
            size = row_group.column(place).total_uncompressed_size
            if size > max(_MOST_TEXT, _LONGEST_ON_AVERAGE * row_group.num_rows):
                raise SourceError(_too_long(name, size, row_group.num_rows))


def read_arrow(path: Path, layout: Layout, notation: Notation) -> Iterator[RawBatch]:
    """Return the rows of an Arrow IPC file or stream. *Raises* `SourceError` as `read_parquet` does."""
    try:
        with open_file(path) as opened, pa.memory_map(f"/dev/fd/{opened.fileno()}") as source:
            schema, batches = _open_ipc(source)
            columns = _columns(schema, layout)
            yield from _as_text(_validated(batches, list(columns)), list(columns.values()), notation)
    except _DAMAGES as error:
        raise SourceError(_damaged("Arrow IPC", error)) from None


def _open_ipc(source: pa.NativeFile) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
    is_file = source.read(len(_ARROW_FILE_START)) == _ARROW_FILE_START
    source.seek(0)
    if not is_file:
        stream = pa.ipc.open_stream(source)
        return stream.schema, iter(stream)
    file = pa.ipc.open_file(source)
    return file.schema, (file.get_batch(number) for number in range(file.num_record_batches))


def _validated(batches: Iterator[pa.RecordBatch], places: list[int]) -> Iterator[pa.RecordBatch]:
    """Check the offsets of each batch, which would be followed blindly, and even out their sizes: each costs alike."""
    small: list[pa.RecordBatch] = []
    n_rows = 0
    for batch in batches:
        kept = batch.select(places)
        kept.validate(full=True)
        small.append(kept)
        n_rows += kept.num_rows
        if n_rows >= _BATCH_ROWS:
            yield from _even(small)
            small, n_rows = [], 0
    yield from _even(small)


def _even(batches: list[pa.RecordBatch]) -> list[pa.RecordBatch]:
    if not batches:
        return []
    table = pa.Table.from_batches(batches)
    return list((table.combine_chunks() if len(batches) > 1 else table).to_batches(_BATCH_ROWS))


def frame_as_text(frame: pl.DataFrame, notation: Notation) -> pl.DataFrame:
    """Return the columns of a frame as text.

    *Raises* `SourceError` for one that holds neither text, number nor date.
    """
    table = frame.to_arrow()
    _require_plain(dict(zip(table.schema.names, table.schema.types, strict=True)))
    columns = (table.column(name).combine_chunks() for name in frame.columns)
    return pl.DataFrame(
        [_texts(column, notation).alias(name) for name, column in zip(frame.columns, columns, strict=True)]
    )


def _columns(schema: pa.Schema, layout: Layout) -> dict[int, str]:
    columns = layout.match(schema.names)
    _require_plain({schema.names[place]: schema.types[place] for place in columns})
    return columns


def _require_plain(types: dict[str, pa.DataType]) -> None:
    nested = [f"{shown(name)} ({shown(str(dtype))})" for name, dtype in types.items() if not _is_plain(dtype)]
    if nested:
        msg = f"has a column that holds neither text, numbers nor dates: {', '.join(nested)}. Deliver one value a row"
        raise SourceError(msg)


def _is_plain(dtype: pa.DataType) -> bool:
    own = dtype.value_type if arrow_types.is_dictionary(dtype) else dtype
    return any(is_one(own) for is_one in _PLAIN)


def _as_text(batches: Iterator[pa.RecordBatch], names: list[str], notation: Notation) -> Iterator[RawBatch]:
    last = 0
    for batch in batches:
        for name, column in zip(names, batch.columns, strict=True):
            _require_moderate(name, column)
        texts = [_texts(column, notation).alias(name) for name, column in zip(names, batch.columns, strict=True)]
        numbers = pl.int_range(last + 1, last + 1 + batch.num_rows, dtype=pl.Int32, eager=True).alias("row_number")
        last += batch.num_rows
        yield RawBatch(pl.DataFrame([numbers, *texts]), broken_rows([]))


def _require_moderate(name: str, column: pa.Array) -> None:
    """Reject texts that would take too much memory as rows of their own."""
    is_packed = arrow_types.is_dictionary(column.type)
    values = column.dictionary if is_packed else column
    if not any(is_one(values.type) for is_one in (*_TEXTS, *_BYTES)):
        return
    sizes = pl.Series(pl.from_arrow(values)).cast(pl.Binary).bin.size()
    if is_packed:
        sizes = sizes.gather(pl.Series(pl.from_arrow(column.indices.drop_null())).cast(pl.UInt32))
    total = int(sizes.cast(pl.Int64).sum())
    if total > _MOST_TEXT:
        raise SourceError(_too_long(name, total, len(column)))


def _too_long(name: str, n_bytes: int, n_rows: int) -> str:
    return (
        f"has {n_bytes >> 20} MiB in {counted(n_rows, 'row')} of column {name}: expected names, numbers and dates. "
        "Correct the file"
    )


def _texts(column: pa.Array, notation: Notation) -> pl.Series:
    own = column.dictionary_decode() if arrow_types.is_dictionary(column.type) else column
    if any(is_bytes(own.type) for is_bytes in _BYTES):
        own = own.cast(pa.binary()).cast(pa.string())
    elif arrow_types.is_decimal(own.type):
        own = own.cast(pa.string())
    elif arrow_types.is_floating(own.type):
        own = own.cast(pa.float64())
    elif arrow_types.is_timestamp(own.type) and own.type.unit == "s":
        # Polars has no seconds, and would wrap around those that are too many.
        own = own.cast(pa.timestamp("ms", own.type.tz))
    series = pl.Series(pl.from_arrow(own))
    if series.dtype.is_temporal():
        return _days(series, notation)
    text = series.cast(pl.String)
    is_number = not any(is_text(column.type) for is_text in _TEXTS)
    return text.str.replace(".", notation.decimal, literal=True) if is_number and notation.decimal != "." else text


def _days(series: pl.Series, notation: Notation) -> pl.Series:
    ticks = 1 if series.dtype == pl.Date else _TICKS_A_DAY[series.dtype.time_unit]  # type: ignore[attr-defined]
    number = series.to_physical().cast(pl.Int64)
    # Polars ends the process when it writes a day beyond its calendar.
    has_year = (number // ticks).is_between(_FIRST_DAY, _LAST_DAY).fill_null(value=False)
    known = series.zip_with(has_year, pl.Series([None], dtype=series.dtype))
    day = write_dates(known.dt.date(), notation.date_format)
    if ticks > 1:
        here = known.dt.replace_time_zone(None)
        is_midnight = (here == here.dt.truncate("1d")).fill_null(value=True)
        day = day.zip_with(is_midnight, known.dt.strftime("%Y-%m-%d %H:%M:%S%.f"))
    return day.zip_with(has_year | series.is_null(), number.cast(pl.String))


def _damaged(what: str, error: Exception) -> str:
    first = (str(error).splitlines() or [type(error).__name__])[0]
    return f"is not {what}, or is cut off or damaged ({shown(first, _LONGEST_SAID)}): deliver it again"
