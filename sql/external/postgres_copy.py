"""The replica in PostgreSQL: what is published and why. A run is there whole or not at all.

The events of a run decide: they are copied in the transaction that copies its rows, so what they report is there. What
one copy misses, the next one brings.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final, NamedTuple

import polars as pl

from sql.any_warehouse import AnyWarehouse
from sql.engine.table_contracts import RUN_TABLES
from sql.errors import WarehouseError
from sql.external.deadlines import DeadlineError, within
from sql.external.postgres import Connection, PostgresAddress, connected, execute
from sql.external.postgres_schema import UNIQUE, create_tables, use_schema
from sql.records import Copied

_RUNS_AT_ONCE: Final = 20


class Patience(NamedTuple):
    """How many seconds a copy may take in all, and the server for one statement, its waits for others included."""

    seconds: float = 600
    statement_seconds: float = 120


_PATIENT: Final = Patience()


class _News(NamedTuple):
    """What happened since the last copy, read together: events, their runs and proposals, and what is after them."""

    events: pl.DataFrame
    proposals: pl.DataFrame
    runs: pl.DataFrame
    limit_sets: pl.DataFrame
    current_targets: pl.DataFrame
    current_orders: pl.DataFrame
    current_order_status: pl.DataFrame
    halts: pl.DataFrame


class _Known(NamedTuple):
    """What the copy has: its last event, if any, its halts, its runs and sets of limits, and whose rows are there.

    `former` are runs that an earlier release copied, without a row a portfolio: they are copied again.
    """

    last_event: tuple[int, str, str, datetime] | None
    halts: list[tuple[object, ...]]
    run_ids: frozenset[str]
    former: frozenset[str]
    limits_keys: frozenset[str]
    published: frozenset[str]


def copy_published(
    warehouse: AnyWarehouse, address: PostgresAddress, schema: str, patience: Patience = _PATIENT
) -> Copied:
    """Update the replica in `schema`, in one transaction there, and record the attempt in `copies`.

    Every run, event, proposal and halt is copied, and the rows of every run that was ever published: those of a
    proposal come when it is approved. `current_targets`, `current_orders` and
    `current_order_status` are replaced.
    Runs that are there already are not copied again. Missing tables are created, with their comments.

    A server that takes a statement and never answers is left alone after a while: what it commits later is whole, and
    the next copy finds it there.

    *Requires* a schema name without quotes. *Raises* `WarehouseError` when nothing was copied; what is published stays.
    """
    target = f"{address} schema {schema}"
    try:
        copied = within(
            patience.seconds, target, lambda: _copy(warehouse, address, schema, target, patience.statement_seconds)
        )
    except DeadlineError as error:
        msg = f"{error}: see that the server answers, or allow more with BALLAST_POSTGRES_SECONDS"
        warehouse.record_copy(Copied(target, 0, 0), msg)
        raise WarehouseError(msg) from None
    except WarehouseError as error:
        warehouse.record_copy(Copied(target, 0, 0), str(error))
        raise
    warehouse.record_copy(copied)
    return copied


def _copy(
    warehouse: AnyWarehouse, address: PostgresAddress, schema: str, target: str, statement_seconds: float
) -> Copied:
    with connected(address) as con:
        execute(con, f"SET LOCAL statement_timeout = {max(1, round(1000 * statement_seconds))}")
        execute(con, "SELECT pg_advisory_xact_lock(hashtext($1)) IS NULL AS is_free", f"ballast.{schema}")
        use_schema(con, schema)
        create_tables(con, warehouse.query("columns_to_copy", tables=list(UNIQUE)))
        known = _find_known(con)
        news = _read_news(warehouse, known, target)
        if news.events.is_empty() and news.runs.is_empty() and news.halts.rows() == known.halts:
            return Copied(target, 0, 0)
        published = news.events.filter(pl.col("state") == "published")["run_id"].unique().sort()
        # After a restore, halts are not always those that were there with more after them.
        for table in ("current_targets", "current_orders", "current_order_status"):
            execute(con, f"DELETE FROM {table}")  # noqa: S608 - one of our own tables
        execute(con, "DELETE FROM halts")
        unknown = [run_id for run_id in published if run_id not in known.published]
        n_rows = sum(_append(con, table, frame) for table, frame in _rows(warehouse, news, unknown))
        return Copied(target, len(unknown), n_rows)


def _find_known(con: Connection) -> _Known:
    last = execute(con, "SELECT event_id, run_id, state, happened_at FROM run_events ORDER BY event_id DESC LIMIT 1")
    halts = execute(
        con, 'SELECT halt_id, portfolio_id, is_halted, "by", reason, happened_at FROM halts ORDER BY halt_id'
    )
    former = execute(con, "DELETE FROM runs WHERE n_portfolios IS NULL RETURNING run_id")
    run_ids = execute(con, "SELECT run_id FROM runs")
    limits_keys = execute(con, "SELECT limits_key FROM limit_sets")
    published = execute(con, "SELECT DISTINCT run_id FROM run_events WHERE state = 'published'")
    names = (frozenset(name for (name,) in rows) for rows in (run_ids, former, limits_keys, published))
    return _Known(last[0] if last else None, halts, *names)


def _read_news(warehouse: AnyWarehouse, known: _Known, target: str) -> _News:
    last = known.last_event
    with warehouse.kept_open() as session:
        events = session.query("events_from", event_id=last[0] if last else 0)
        if last:
            _require_same_history(events, last, target)
            events = events.filter(pl.col("event_id") > last[0])
        run_ids = sorted({*events["run_id"], *known.former} - known.run_ids)
        proposals = session.query("proposals_from", event_id=last[0] + 1 if last else 0)
        runs = session.query("runs_by_id", run_ids=run_ids)
        sets = session.query("limit_sets").filter(~pl.col("limits_key").is_in(list(known.limits_keys)))
        return _News(
            events,
            proposals,
            runs,
            sets,
            session.query("current_targets"),
            session.query("current_orders"),
            session.query("current_order_status"),
            session.query("halts"),
        )


def _require_same_history(events: pl.DataFrame, last: tuple[int, str, str, datetime], target: str) -> None:
    here = events.select("event_id", "run_id", "state", "happened_at").head(1).rows()
    if here != [last]:
        same = f"{here[0][2]} of run {here[0][1]} at {here[0][3]}" if here else "nothing"
        msg = (
            f"{target} is the copy of another warehouse, or of a later state of this one: its last event is {last[0]}, "
            f"{last[2]} of run {last[1]} at {last[3]}, and here that is {same}. "
            "Nothing was copied: give this one a schema of its own, or drop that one to have it filled again"
        )
        raise WarehouseError(msg)


def _rows(warehouse: AnyWarehouse, news: _News, run_ids: Sequence[str]) -> Iterator[tuple[str, pl.DataFrame]]:
    """Yield all rows to append. Those of a run never change, so they need not be read together with the events."""
    yield "runs", news.runs
    yield "limit_sets", news.limit_sets
    yield from _of_runs(warehouse, ("run_portfolios",), news.runs["run_id"].to_list())
    yield "run_events", news.events
    yield "proposals", news.proposals
    yield "halts", news.halts
    yield "current_targets", news.current_targets
    yield "current_orders", news.current_orders
    yield "current_order_status", news.current_order_status
    yield from _of_runs(warehouse, RUN_TABLES, run_ids)


def _of_runs(
    warehouse: AnyWarehouse, tables: Sequence[str], run_ids: Sequence[str]
) -> Iterator[tuple[str, pl.DataFrame]]:
    """Yield the rows of some runs at a time."""
    for first in range(0, len(run_ids), _RUNS_AT_ONCE):
        some = run_ids[first : first + _RUNS_AT_ONCE]
        with warehouse.kept_open() as session:
            frames = [session.query(f"{table}_of_runs", run_ids=some) for table in tables]
        yield from zip(tables, frames, strict=True)


def _append(con: Connection, table: str, frame: pl.DataFrame) -> int:
    if frame.height:
        with con.cursor() as cursor:
            cursor.adbc_ingest(table, frame.to_arrow(), mode="append")
    return frame.height
