"""What comes in, batch by batch: each goes straight to its table, and SQL checks the whole before it counts.

*Requires* an open connection and a transaction around every function, which operations.py opens.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import TypeAlias

import polars as pl

from sql.engine.statements import Connection, columns_of, execute, fill, insert, query, read
from sql.engine.table_contracts import check_batch
from sql.errors import WarehouseError
from sql.records import INGEST_KEYS, MOST_REJECTS, Ingest, IngestBatch, IngestKind, IngestSource

Verdict: TypeAlias = Callable[[int, int], str | None]
"""Given the rows accepted and rejected: None, or why the whole content is rejected, in words."""

_REPEATED = "the same key stands more than once in the file: none of its rows can be trusted"


class RejectedAgainError(Exception):
    """The same content was rejected before, for the same reason: what was read this time is rolled back."""

    def __init__(self, ingests: tuple[Ingest, ...]) -> None:
        self.ingests = ingests
        super().__init__(ingests)


@dataclass
class _Intake:
    """The state of one content while it is stored. `ingest_ids` has the days seen so far.

    `rows_read` counts rows by their ingest, None: their day cannot be read. Of `n_not_kept` rejected rows nothing is
    stored.
    """

    source: IngestSource
    has_many_days: bool
    first_ingest_id: int
    ingest_ids: dict[date, int] = field(default_factory=dict)
    rows_read: Counter[int | None] = field(default_factory=Counter)
    n_not_kept: int = 0

    def id_of(self, day: date | None) -> int | None:
        """Return the ingest of a day; a content of one day has no other."""
        day = day if self.has_many_days else self.source.as_of_date
        return None if day is None else self.ingest_ids.setdefault(day, self.first_ingest_id + len(self.ingest_ids))


def find(con: Connection, kind: IngestKind, as_of_date: date | None, sha256: str) -> Ingest | None:
    """Return the ingest of the same content; as_of_date None: content with many days, any day of it."""
    rows = query(con, "find_ingest", kind=kind, as_of_date=as_of_date, sha256=sha256).rows(named=True)
    return Ingest(is_new=False, **rows[0]) if rows else None


def record(
    con: Connection, source: IngestSource, batches: Iterable[IngestBatch], verdict: Verdict, *, has_many_days: bool
) -> tuple[Ingest, ...]:
    """Store the batches, one ingest a day. What counts already is not read again, what was rejected is.

    *Raises* `RejectedAgainError` when nothing came of that; `WarehouseError` for rows that do not belong.
    """
    before = _find_all(con, source, has_many_days=has_many_days)
    if any(known.refusal is None for known in before):
        return before
    intake = _Intake(source, has_many_days, query(con, "next_ingest_id")["ingest_id"][0])
    execute(con, fill("begin_ingest", table=source.kind, key=_key(source.kind)))
    _store(con, intake, batches)
    _reject_repeated_row_numbers(con, intake)
    _reject_repeated_keys(con, intake)
    _reject_undated(con, intake)
    refusal = verdict(*_count(con, intake).select(pl.sum("rows_accepted", "rows_rejected")).row(0))
    if refusal is not None:
        if refusal in {known.refusal for known in before}:
            raise RejectedAgainError(before)
        _reject(con, intake, "true", "file_refused", refusal)
    execute(con, fill("end_ingest"))
    return _record_days(con, intake, refusal)


def record_refusal(con: Connection, source: IngestSource, words: str) -> Ingest:
    """Record content of which no row could be read. The same content refused in the same words is one ingest."""
    known = find(con, source.kind, source.as_of_date, source.sha256)
    if known and known.refusal == words:
        return known
    ingest_id = query(con, "next_ingest_id")["ingest_id"][0]
    days = pl.DataFrame({"ingest_id": ingest_id, "as_of_date": source.as_of_date, "refusal": words})
    days = days.with_columns(rows_accepted=pl.lit(0), rows_rejected=pl.lit(0), rejects_not_kept=pl.lit(0))
    return _insert(con, source, days, has_many_days=None)[0]


def _find_all(con: Connection, source: IngestSource, *, has_many_days: bool) -> tuple[Ingest, ...]:
    known = find(con, source.kind, None if has_many_days else source.as_of_date, source.sha256)
    if known is None:
        return ()
    rows = query(con, "ingests_read_with", ingest_id=known.ingest_id).rows(named=True)
    return tuple(Ingest(is_new=False, **row) for row in rows)


def _store(con: Connection, intake: _Intake, batches: Iterable[IngestBatch]) -> None:
    kind = intake.source.kind
    columns = {table: columns_of(con, table, without="ingest_id") for table in (kind, "rejects")}
    for batch in batches:
        check_batch(intake.source, batch, columns, has_many_days=intake.has_many_days)
        insert(con, kind, _with_ingest_id(intake, batch.accepted))
        rejected = _with_ingest_id(intake, batch.rejected)
        has_day = rejected["ingest_id"].is_not_null()
        insert(con, "rejects", rejected.filter(has_day).select(pl.exclude("as_of_date")))
        insert(con, "undated_rejects", rejected.filter(~has_day).select(pl.exclude("ingest_id", "as_of_date")))
        insert(con, "repeated_keys", batch.repeated)
        for day, n_rows in batch.left_out.items():
            intake.rows_read[intake.id_of(day)] += n_rows
            intake.n_not_kept += n_rows


def _with_ingest_id(intake: _Intake, rows: pl.DataFrame) -> pl.DataFrame:
    day = pl.col("as_of_date") if intake.has_many_days else pl.lit(intake.source.as_of_date, pl.Date)
    for seen, n_rows in rows.group_by(day.alias("day")).len().sort("day").iter_rows():
        intake.rows_read[intake.id_of(seen)] += n_rows
    return rows.with_columns(ingest_id=day.replace_strict(intake.ingest_ids, default=None, return_dtype=pl.Int64))


def _reject_repeated_row_numbers(con: Connection, intake: _Intake) -> None:
    sql = fill("find_repeated_row_numbers", table=intake.source.kind)
    repeated = read(con, sql, first_ingest_id=intake.first_ingest_id)["row_number"].to_list()
    if repeated:
        msg = (
            f"{intake.source.kind} from {intake.source.source} has rows with the same row_number, the first are "
            f"{repeated}. Nothing was written: number each row once, join the rules that one row broke into one reject"
        )
        raise WarehouseError(msg)


def _reject_repeated_keys(con: Connection, intake: _Intake) -> None:
    names = {"table": intake.source.kind, "key": _key(intake.source.kind)}
    execute(con, fill("find_repeated_keys", **names), first_ingest_id=intake.first_ingest_id)
    if execute(con, "SELECT count(*) FROM repeated_keys")[0][0]:
        _reject(con, intake, f"({names['key']}) IN (FROM repeated_keys)", "primary_key", _REPEATED)


def _reject(con: Connection, intake: _Intake, which: str, rule: str, reason: str) -> None:
    names, first = {"table": intake.source.kind, "which": which}, {"first_ingest_id": intake.first_ingest_id}
    n_rows = execute(con, fill("count_rows", **names), **first)[0][0]
    room = max(0, MOST_REJECTS - execute(con, fill("count_rejects"), **first)[0][0])
    # DuckDB 1.5 loses every row of a large INSERT that follows an empty one of the same transaction.
    if n_rows and room:
        execute(con, fill("reject_rows", **names), rule=rule, reason=reason, most=room, **first)
    if n_rows:
        execute(con, fill("remove_rows", **names), **first)
        intake.n_not_kept += max(0, n_rows - room)


def _reject_undated(con: Connection, intake: _Intake) -> None:
    """Assign rejects without a readable day to the last day. Content without any day is of the day it was read for."""
    if not intake.ingest_ids:
        intake.ingest_ids[intake.source.as_of_date] = intake.first_ingest_id
    last = intake.ingest_ids[max(intake.ingest_ids)]
    intake.rows_read[last] += intake.rows_read.pop(None, 0)
    if execute(con, "SELECT count(*) FROM undated_rejects")[0][0]:
        execute(con, fill("reject_undated_rows"), ingest_id=last)


def _count(con: Connection, intake: _Intake) -> pl.DataFrame:
    """Count what is really in the tables. *Raises* `WarehouseError` unless these are all the rows that were read."""
    ids = list(intake.ingest_ids.values())
    days = pl.DataFrame(
        {"as_of_date": list(intake.ingest_ids), "ingest_id": ids, "rows_read": [intake.rows_read[one] for one in ids]}
    )
    sql = fill("count_ingested_rows", table=intake.source.kind)
    counts = read(con, sql, first_ingest_id=intake.first_ingest_id)
    counted = days.join(counts, on="ingest_id", how="left").with_columns(
        pl.col("rows_accepted", "rows_kept").fill_null(0)
    )
    stored = counted.select(pl.sum_horizontal("rows_accepted", "rows_kept").sum()).item()
    n_read = intake.rows_read.total()
    if stored + intake.n_not_kept != n_read:
        msg = (
            f"{intake.source.kind} from {intake.source.source}: {n_read} rows were read and {stored} stored. "
            "Nothing was written: run again, and report it when it happens again"
        )
        raise WarehouseError(msg)
    rejected = pl.col("rows_read") - pl.col("rows_accepted")
    return counted.select(
        "as_of_date",
        "ingest_id",
        "rows_accepted",
        rows_rejected=rejected,
        rejects_not_kept=rejected - pl.col("rows_kept"),
    )


def _record_days(con: Connection, intake: _Intake, refusal: str | None) -> tuple[Ingest, ...]:
    counted = _count(con, intake)
    is_empty_day = pl.lit(intake.has_many_days) & (pl.col("rows_accepted") == 0)
    words = pl.format("none of the {} rows of {} can be used", "rows_rejected", "as_of_date")
    empty_day = pl.when(is_empty_day).then(words)
    days = counted.with_columns(refusal=pl.coalesce(pl.lit(refusal, pl.String), empty_day))
    return _insert(con, intake.source, days, has_many_days=intake.has_many_days)


def _insert(
    con: Connection, source: IngestSource, days: pl.DataFrame, *, has_many_days: bool | None
) -> tuple[Ingest, ...]:
    days = days.with_columns(rows_read=pl.col("rows_accepted") + pl.col("rows_rejected")).sort("as_of_date")
    content: dict[str, object] = {"kind": source.kind, "source": source.source, "sha256": source.sha256}
    content |= {"ingested_at": datetime.now(UTC), "has_many_days": has_many_days}
    insert(con, "ingests", days.with_columns(pl.lit(value).alias(name) for name, value in content.items()))
    return tuple(Ingest(is_new=True, **row) for row in days.drop("rejects_not_kept").iter_rows(named=True))


def _key(kind: IngestKind) -> str:
    return ", ".join(INGEST_KEYS[kind])
