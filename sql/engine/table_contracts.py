"""Compare a frame with its table before anything is written. Nothing is cast, nothing is rounded.

What does not belong here: rules about values, which are in sql/checks/publication and in the ingest.
"""

from collections.abc import Callable, Mapping
from typing import TypeAlias

import polars as pl

from sql.errors import WarehouseError
from sql.records import INGEST_KEYS, IngestBatch, IngestSource, StoredRows

Rows: TypeAlias = pl.DataFrame | pl.LazyFrame
"""Rows for a table: of a lazy frame they are read piece by piece as they are written."""

RunRows: TypeAlias = Rows | StoredRows
"""Rows of a run for a table: still to be written, or in files that become part of it."""

RUN_TABLES = (
    *("decisions", "sizing_audit", "sizing_summary", "targets", "trade_summary"),
    *("constraint_checks", "lifecycle", "risk_estimates"),
)
"""The tables of a run, and the keys of the frames that are published."""

_WEIGHT_DECIMALS, _TURNOVER_DECIMALS = 8, 9

_FITS: Mapping[str, Callable[[pl.DataType], bool]] = {
    "VARCHAR": lambda dtype: isinstance(dtype, pl.String | pl.Categorical | pl.Enum),
    "JSON": lambda dtype: isinstance(dtype, pl.String),
    "INTEGER": lambda dtype: dtype.is_integer(),
    "BIGINT": lambda dtype: dtype.is_integer(),
    "DOUBLE": lambda dtype: dtype.is_float() or dtype.is_integer(),
    "BOOLEAN": lambda dtype: isinstance(dtype, pl.Boolean),
    "DATE": lambda dtype: isinstance(dtype, pl.Date),
    "DATE[]": lambda dtype: dtype == pl.List(pl.Date),
    "DECIMAL(10,8)": lambda dtype: isinstance(dtype, pl.Decimal) and dtype.scale <= _WEIGHT_DECIMALS,
    "DECIMAL(18,8)": lambda dtype: dtype == pl.Decimal(18, 8),
    "DECIMAL(20,8)": lambda dtype: dtype == pl.Decimal(20, 8),
    "DECIMAL(28,8)": lambda dtype: dtype == pl.Decimal(28, 8),
    "TIMESTAMP WITH TIME ZONE": lambda dtype: isinstance(dtype, pl.Datetime) and dtype.time_zone is not None,
    "DECIMAL(11,9)": lambda dtype: isinstance(dtype, pl.Decimal) and dtype.scale <= _TURNOVER_DECIMALS,
}


def check_columns(table: str, frame: Rows, columns: Mapping[str, str]) -> None:
    """Compare a frame with its table: `columns` maps names to DuckDB types, order does not matter.

    *Raises* `WarehouseError` naming what is missing, unexpected, or of a type that would be cast or rounded.
    """
    schema = frame.collect_schema()
    missing = [name for name in columns if name not in schema]
    unexpected = [name for name in schema if name not in columns]
    if missing or unexpected:
        msg = (
            f"the frame for table {table} does not fit: {len(missing)} columns missing {missing}, "
            f"{len(unexpected)} unexpected {unexpected}. Nothing was written: hand over exactly {list(columns)}"
        )
        raise WarehouseError(msg)
    wrong = [
        f"{name} is {dtype}, expected {columns[name]}"
        for name, dtype in schema.items()
        if not (dtype == pl.Null or _FITS[columns[name]](dtype))
    ]
    if wrong:
        msg = (
            f"the frame for table {table} has {len(wrong)} columns of another type: {'; '.join(wrong)}. "
            "Nothing was written: convert them where it is decided how to round, the warehouse does not round"
        )
        raise WarehouseError(msg)


def check_run_frames(frames: Mapping[str, RunRows]) -> None:
    """Compare the names of the frames with the tables of a run. *Raises* `WarehouseError`."""
    if set(frames) != set(RUN_TABLES):
        msg = f"got frames {sorted(frames)}, expected exactly {sorted(RUN_TABLES)}. Nothing was written"
        raise WarehouseError(msg)


def check_batch(
    source: IngestSource, batch: IngestBatch, tables: Mapping[str, Mapping[str, str]], *, has_many_days: bool
) -> None:
    """Compare a batch with its tables: `tables` maps their names to their columns without ingest_id.

    *Raises* `WarehouseError` for a frame that does not fit, or rows of another day than that of the ingest.
    """
    kind = source.kind
    check_columns(kind, batch.accepted, tables[kind])
    check_columns("rejects", batch.rejected, {**tables["rejects"], **({"as_of_date": "DATE"} if has_many_days else {})})
    check_columns(f"{kind} (its key)", batch.repeated, {name: tables[kind][name] for name in INGEST_KEYS[kind]})
    if kind in {"scores", "accounts", "prices"} and not has_many_days:
        _reject_other_days(source, batch.accepted)


def _reject_other_days(source: IngestSource, accepted: pl.DataFrame) -> None:
    other = accepted.filter(pl.col("as_of_date") != source.as_of_date)
    if other.height:
        msg = (
            f"{source.kind} from {source.source} has {other.height} rows of other days than {source.as_of_date}, the "
            f"first is row {other['row_number'][0]} of {other['as_of_date'][0]}. Nothing was written: "
            "one ingest is one day"
        )
        raise WarehouseError(msg)
