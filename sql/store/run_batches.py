"""Several new runs at once, as runs.py does one: recorded, written, checked and published, whole or not at all.

*Requires* an open connection and a transaction around every function, which operations.py opens.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import NamedTuple

import polars as pl

from sql.engine.scripts import Script, read_scripts
from sql.engine.statements import Connection, append, insert, query, read
from sql.engine.table_contracts import RUN_TABLES, Rows
from sql.errors import Failure, PublishRejectedError, WarehouseError
from sql.records import StartedRun
from sql.store.halts import reject_halted
from sql.store.runs import (
    as_failure,
    as_row,
    record_portfolios,
    record_visibility,
    supersede_proposals,
    visible_runs,
    with_warnings,
)

READ_BY_CHECKS = (*RUN_TABLES, "runs", "run_portfolios", "run_limits")
"""Tables and views that a check reads: of each only the rows of its run."""


class Event(NamedTuple):
    """Something that happened to a run."""

    run_id: str
    state: str
    reason: str


def publish(
    con: Connection,
    runs: Sequence[StartedRun],
    frames: Mapping[str, Rows],
    by: str,
) -> None:
    """Record the runs, write their rows, check each run, make all visible.

    *Requires* that every run is new, and in every frame the column run_id. *Raises* `HaltedError`,
    `PublishRejectedError`.
    """
    run_ids = [run.record.run_id for run in runs]
    days = [run.record.as_of_date for run in runs]
    _reject_known(con, run_ids, days)
    reject_halted(con, _name(run_ids), {name for run in runs for name in run.record.portfolio_ids})
    now = datetime.now(UTC)
    insert(con, "runs", _as_frame([as_row(run.record, now) for run in runs]))
    record_portfolios(con, [run.record for run in runs])
    for table in RUN_TABLES:
        insert(con, table, frames[table])
    _require_sound(find_failures(con, run_ids, read_scripts("checks/publication")), run_ids)
    before = visible_runs(con, days)
    record_events(con, [Event(run_id, "started", "first start") for run_id in run_ids], by)
    record_events(
        con,
        [Event(run.record.run_id, "published", with_warnings("every check passed", run.warnings)) for run in runs],
        by,
    )
    record_visibility(con, run_ids)
    replaced = before.join(visible_runs(con, days), on="run_id", how="anti")
    run_of = dict(zip(days, run_ids, strict=True))
    record_events(
        con,
        [Event(run_id, "superseded", f"replaced by run {run_of[day]}") for day, run_id in replaced.iter_rows()],
        by,
    )
    supersede_proposals(con, run_ids, by)


def record_unchanged(con: Connection, runs: Iterable[StartedRun], by: str) -> None:
    """Record that the runs were requested again. *Requires* that each is visible."""
    reasons = [(run.record.run_id, with_warnings("published already", run.warnings)) for run in runs]
    record_events(con, [Event(run_id, "unchanged", reason) for run_id, reason in reasons], by)


def record_events(con: Connection, events: Sequence[Event], by: str) -> None:
    """Append events in their order."""
    if not events:
        return
    rows = pl.DataFrame(events, orient="row").with_columns(by=pl.lit(by)).with_row_index("place")
    append(con, "record_events", rows, happened_at=datetime.now(UTC))


def find_failures(con: Connection, run_ids: Sequence[str], checks: Sequence[Script]) -> pl.DataFrame:
    """Run the checks of publication on every run, and return `run_id, portfolio_id, detail, name` of what fails.

    A check must be one that DuckDB can run for many runs: 1.5 flattens no outer join on the run, a test shows it.
    """
    return pl.concat(
        read(con, of_many(check), run_ids=list(run_ids)).with_columns(name=pl.lit(check.name)).cast(pl.String)
        for check in checks
    )


def failures_by_run(failures: pl.DataFrame) -> dict[str, tuple[Failure, ...]]:
    """Word what fails of each run that has failures. *Requires* what `find_failures` returns."""
    found: dict[str, tuple[Failure, ...]] = {}
    for rows in failures.partition_by("run_id", "name", maintain_order=True):
        run_id, name = rows.select("run_id", "name").row(0)
        found[run_id] = (*found.get(run_id, ()), as_failure(name, rows))
    return found


def _name(run_ids: Sequence[str]) -> str:
    return f"run {run_ids[0]}" if len(run_ids) == 1 else f"each of {len(run_ids)} runs, the first is {run_ids[0]},"


def _require_sound(failures: pl.DataFrame, run_ids: Sequence[str]) -> None:
    failed = failures_by_run(failures)
    for run_id in run_ids:
        if run_id in failed:
            raise PublishRejectedError(run_id, failed[run_id])


def of_many(check: Script) -> str:
    """Run the check for each of $run_ids instead of one $run_id.

    What it reads is narrowed to these runs first: of a correlated query DuckDB would group all that was ever stored.
    """
    body = check.sql.strip().removesuffix(";").replace("$run_id", "requested.run_id")
    narrowed = ",\n".join(f"{name} AS (FROM main.{name} SEMI JOIN requested USING (run_id))" for name in READ_BY_CHECKS)
    return (
        f"WITH requested AS (SELECT unnest($run_ids::VARCHAR[]) AS run_id),\n{narrowed}\n"
        "SELECT requested.run_id, found.portfolio_id, found.detail\n"
        f"FROM requested, LATERAL (\n{body}\n) AS found\nORDER BY ALL"
    )


def _reject_known(con: Connection, run_ids: Sequence[str], days: Sequence[date]) -> None:
    known = set(query(con, "runs_of_days", days=list(days))["run_id"]) & set(run_ids)
    if known:
        msg = (
            f"{len(known)} of {len(run_ids)} runs are recorded already, the first is {min(known)}. Nothing was "
            "written: start_run() and publish() are for these"
        )
        raise WarehouseError(msg)


def _as_frame(rows: Sequence[Mapping[str, object]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema_overrides={"flow_run_id": pl.String})
