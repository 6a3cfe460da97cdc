"""What is handed to the warehouse and handed back: frozen records, no behaviour, no DuckDB."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, NamedTuple, TypeAlias, get_args

import polars as pl

from sql.errors import WarehouseError
from sql.text import listed

IngestKind = Literal["scores", "assets", "positions", "accounts", "restrictions", "renames", "prices"]

INGEST_KEYS: Mapping[IngestKind, tuple[str, ...]] = {
    "scores": ("as_of_date", "model", "asset"),
    "assets": ("asset",),
    "positions": ("as_of_date", "portfolio_id", "asset"),
    "accounts": ("as_of_date", "portfolio_id"),
    "restrictions": ("row_number",),
    "renames": ("old", "valid_from"),
    "prices": ("as_of_date", "asset"),
}
"""The columns by which a row of an ingest is identified: a repeated one is rejected."""

MOST_REJECTS = 100_000
"""So many rejected rows of one content are kept; the others are counted."""


@dataclass(frozen=True)
class IngestSource:
    """What was read: its kind, where from, the SHA-256 of its content, the trading day that it describes.

    *Raises* `WarehouseError` for a kind that has no table.
    """

    kind: IngestKind
    source: str
    sha256: str
    as_of_date: date

    def __post_init__(self) -> None:
        if self.kind not in get_args(IngestKind):
            msg = f"ingest of {self.source} has kind {self.kind!r}, expected one of {', '.join(get_args(IngestKind))}"
            raise WarehouseError(msg)


class IngestBatch(NamedTuple):
    """Some rows of what is read, each either accepted or rejected.

    `accepted` has the columns of the kind's table without ingest_id, `rejected` those of rejects without ingest_id:
    in content with many days `as_of_date` too, null where it cannot be read. `repeated` has the key columns of
    `INGEST_KEYS`, a row for each key that stands twice in this batch and was rejected. `left_out` counts rejected
    rows of which nothing is kept, by their day (None: the content's, or one that cannot be read).
    """

    accepted: pl.DataFrame
    rejected: pl.DataFrame
    repeated: pl.DataFrame
    left_out: Mapping[date | None, int] = MappingProxyType({})


@dataclass(frozen=True)
class Ingest:
    """One day of one content in the warehouse. `is_new` is False when the same content is there already.

    `refusal` says why the whole file was rejected, None when it was accepted: a rejected one does not count.
    """

    ingest_id: int
    as_of_date: date
    is_new: bool
    rows_read: int
    rows_accepted: int
    rows_rejected: int
    refusal: str | None


@dataclass(frozen=True, eq=False)
class RunRecord:
    """One computation of one day. The same day, inputs, config and code must have the same `run_id`.

    `portfolios` has one row a portfolio: `portfolio_id`, `limit_set`, the place of its limits in `limit_sets` (null: it
    has none), and what else of run_portfolios is known. `limit_sets` are JSON, each distinct set once.
    *Raises* `WarehouseError` when `portfolios` is empty or repeats a portfolio.
    """

    run_id: str
    as_of_date: date
    portfolios: pl.DataFrame
    limit_sets: Sequence[str]
    input_fingerprint: str
    config_fingerprint: str
    code_fingerprint: str
    inputs: dict[str, Any]
    flow_run_id: str | None = None

    def __post_init__(self) -> None:
        names = self.portfolios["portfolio_id"]
        if names.is_empty() or names.is_duplicated().any():
            msg = (
                f"run {self.run_id} has portfolios [{listed(names.to_list())}], "
                "expected at least one and each only once: correct the list of portfolios"
            )
            raise WarehouseError(msg)

    @property
    def portfolio_ids(self) -> list[str]:
        """The portfolios that the run covers."""
        return self.portfolios["portfolio_id"].to_list()


class StartedRun(NamedTuple):
    """A run, and warnings of what looks like a typing error in it."""

    record: RunRecord
    warnings: Sequence[str] = ()


@dataclass(frozen=True)
class Publication:
    """A published run, when it became visible, and the runs of which nothing of that day is visible any more.

    `is_new` is False when the run was published already and nothing was written.
    """

    run_id: str
    is_new: bool
    published_at: datetime
    superseded: tuple[str, ...]


@dataclass(frozen=True)
class Snapshot:
    """Where readers find the copy, and the day's Parquet export: None when nothing of the day is visible.

    `path` is None where readers need no copy.
    """

    path: Path | None
    export_path: Path | None


class ExportChanges(NamedTuple):
    """Days whose export was missing or differed from the visible targets and was written; days whose export is gone."""

    written: tuple[date, ...]
    removed: tuple[date, ...]


@dataclass(frozen=True)
class Copied:
    """What a copy to PostgreSQL wrote: where, without user and password, how many runs it did not have, all rows."""

    target: str
    n_runs: int
    n_rows: int


Totals: TypeAlias = Mapping[str, Decimal]
"""How many rows there are, as `n_rows`, and the sum of each exact column: they tell of rows lost, or there twice."""


@dataclass(frozen=True)
class StoredRows:
    """Rows for a table of a lake that stand in files as the table keeps them, run_id included, and are checked."""

    files: tuple[str, ...]
    totals: Totals
