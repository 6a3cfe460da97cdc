"""What a run goes through in the database: started, written, checked, published, superseded.

*Requires* an open connection and a transaction around every function, which operations.py opens.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from itertools import pairwise
from typing import Any

import polars as pl

from sql.engine.scripts import Script, read_scripts
from sql.engine.statements import Connection, append, command, insert, looking_at_part, query, read
from sql.engine.table_contracts import RUN_TABLES, RunRows
from sql.errors import ApprovalError, Failure, PublishRejectedError, WarehouseError
from sql.records import Publication, RunRecord, StoredRows
from sql.store.halts import reject_halted
from sql.store.stored_rows import register, require_whole
from sql.text import listed

_FIRST_ROWS = 5
_AT_ONCE = 50_000
"""Portfolios whose rows are checked together."""
_AFTER_EVERY_NAME = "\U0010ffff"
"""No name holds this character."""
_TABLES_OF_PORTFOLIOS = ("run_portfolios", *(table for table in RUN_TABLES if table != "risk_estimates"))
_BEFORE_WARNING = "; warning: "
_IDENTITY = ("as_of_date", "portfolios", "input_fingerprint", "config_fingerprint", "code_fingerprint")


def start(con: Connection, run: RunRecord, by: str, warnings: Sequence[str] = ()) -> str | None:
    """Record the start of a run, and the run when it is new. Return its state before."""
    known = query(con, "run_by_id", run_id=run.run_id).rows(named=True)
    if not known:
        command(con, "record_run", **as_row(run, datetime.now(UTC)))
        record_portfolios(con, [run])
        record_event(con, run.run_id, "started", by, "first start")
        return None
    _reject_other_run(con, run, known[0])
    if find_publication(con, run.run_id)[1]:
        record_event(con, run.run_id, "unchanged", by, with_warnings("published already", warnings))
        return "published"
    if is_open_proposal(con, run.run_id):
        record_event(con, run.run_id, "unchanged", by, with_warnings("it waits for approval already", warnings))
        return "proposed"
    state: str = known[0]["state"]
    before = "superseded" if state == "published" else state
    record_event(con, run.run_id, "started", by, f"started again after {before}")
    return before


def publish(
    con: Connection, run_id: str, frames: Mapping[str, RunRows], by: str, warnings: Sequence[str] = ()
) -> Publication:
    """Write the rows of a run, check them, make them visible.

    *Raises* `ApprovalError`, `HaltedError`, `PublishRejectedError`.
    """
    find_run(con, run_id)
    published_at, is_visible = find_publication(con, run_id)
    if published_at and is_visible:
        record_event(con, run_id, "unchanged", by, with_warnings("published already", warnings))
        return Publication(run_id, is_new=False, published_at=published_at, superseded=())
    if is_open_proposal(con, run_id):
        msg = f"run {run_id} waits for approval and was not published: approve it or decline it"
        raise ApprovalError(msg)
    reject_halted(con, f"run {run_id}", portfolios_of(con, run_id))
    write(con, run_id, frames)
    require_checked(con, run_id, frames)
    return make_visible(con, run_id, by, with_warnings("every check passed", warnings))


def write(con: Connection, run_id: str, frames: Mapping[str, RunRows]) -> None:
    """Write the rows of a run, unless they were written when it was published or proposed before."""
    if run_id not in query(con, "written_runs")["run_id"]:
        for table in RUN_TABLES:
            rows = frames[table]
            if isinstance(rows, StoredRows):
                register(con, table, rows)
            else:
                insert(con, table, rows.with_columns(run_id=pl.lit(run_id)))


def require_checked(con: Connection, run_id: str, frames: Mapping[str, RunRows]) -> None:
    """Run every check over the rows of a run, unless its shards were checked: then whether all are there, once.

    *Raises* `PublishRejectedError`.
    """
    if any(isinstance(rows, StoredRows) for rows in frames.values()):
        require_whole(con, run_id, frames)
    else:
        require_sound(con, run_id)


def require_sound(con: Connection, run_id: str) -> None:
    """Run every check over the rows of a run. *Raises* `PublishRejectedError`.

    Of very many portfolios it looks at some at a time, so that memory has room for them: a check compares rows of one
    portfolio, or those that belong to none. Every row is in one part, also one of a portfolio that nobody named.
    """
    checks, bounds = read_scripts("checks/publication"), portfolios_of(con, run_id)[_AT_ONCE::_AT_ONCE]
    if not bounds:
        failures = find_failures(con, run_id, checks)
    else:
        found: dict[str, list[pl.DataFrame]] = {}
        for first, end in pairwise(["", *bounds, _AFTER_EVERY_NAME]):
            with looking_at_part(con, _TABLES_OF_PORTFOLIOS, first, end):
                for check in checks:
                    found.setdefault(check.name, []).append(read(con, check.sql, run_id=run_id))
        together = ((name, pl.concat(rows).unique(maintain_order=True)) for name, rows in found.items())
        failures = tuple(as_failure(name, rows) for name, rows in together if rows.height)
    if failures:
        raise PublishRejectedError(run_id, failures)


def make_visible(con: Connection, run_id: str, by: str, reason: str) -> Publication:
    """Record that a run is published, which runs of its day that supersedes, and which proposals."""
    as_of_date = find_run(con, run_id)["as_of_date"]
    before = visible_runs(con, [as_of_date])["run_id"].to_list()
    published_at = record_event(con, run_id, "published", by, reason)
    record_visibility(con, [run_id])
    after = visible_runs(con, [as_of_date])["run_id"].to_list()
    superseded = tuple(replaced for replaced in before if replaced not in after)
    for replaced in superseded:
        record_event(con, replaced, "superseded", by, f"replaced by run {run_id}")
    supersede_proposals(con, [run_id], by)
    return Publication(run_id, is_new=True, published_at=published_at, superseded=superseded)


def record_visibility(con: Connection, run_ids: Sequence[str]) -> None:
    """Record that runs are visible, which were published just now, and until when what they replace was."""
    for name in ("record_visibility", "end_visible_runs", "end_current_runs"):
        command(con, name, run_ids=list(run_ids))


def supersede_proposals(con: Connection, run_ids: Sequence[str], by: str) -> None:
    """Close the open proposals that runs of the same or a later day replace: what is old must not be approved."""
    for replaced, run_id, day in query(con, "proposals_replaced_by", run_ids=list(run_ids)).iter_rows():
        record_event(con, replaced, "superseded", by, f"the proposal is replaced by run {run_id} of {day}")


def is_open_proposal(con: Connection, run_id: str) -> bool:
    """Whether the run waits for approval."""
    return run_id in query(con, "waiting_runs")["run_id"]


def find_run(con: Connection, run_id: str) -> dict[str, Any]:
    """Return the row of run_by_id. *Raises* `WarehouseError` when there is none."""
    known = query(con, "run_by_id", run_id=run_id).rows(named=True)
    if not known:
        msg = f"no run {run_id} in the warehouse: start_run() comes first"
        raise WarehouseError(msg)
    return known[0]


def portfolios_of(con: Connection, run_id: str) -> list[str]:
    """Return the portfolios that a run covers."""
    return query(con, "portfolios_of_run", run_id=run_id)["portfolio_id"].to_list()


def visible_runs(con: Connection, days: Sequence[date]) -> pl.DataFrame:
    """Return `as_of_date, run_id` of the runs of which targets of the days are visible."""
    visible = query(con, "visible_on_days", days=list(days))
    return visible.select("as_of_date", "run_id").unique().sort("as_of_date", "run_id")


def record_event(con: Connection, run_id: str, state: str, by: str, reason: str) -> datetime:
    """Append one event and return when it happened."""
    event = {"run_id": run_id, "state": state, "by": by, "reason": reason, "happened_at": datetime.now(UTC)}
    happened_at: datetime = command(con, "record_event", **event)
    return happened_at.astimezone(UTC)


def with_warnings(reason: str, warnings: Sequence[str]) -> str:
    """Append the warnings to the reason of an event."""
    return _BEFORE_WARNING.join([reason, *warnings])


def warnings_of(reason: str) -> list[str]:
    """Return the warnings after the reason of an event."""
    return reason.split(_BEFORE_WARNING)[1:]


def as_row(run: RunRecord, created_at: datetime) -> dict[str, Any]:
    """Return the row of a run. *Raises* `WarehouseError` for what is no JSON."""
    try:
        inputs = json.dumps(run.inputs, allow_nan=False)
    except (TypeError, ValueError) as error:
        msg = f"inputs of run {run.run_id} are no JSON: {error}. Nothing was written: use model_dump(mode='json')"
        raise WarehouseError(msg) from error
    return {
        "run_id": run.run_id,
        "as_of_date": run.as_of_date,
        "n_portfolios": run.portfolios.height,
        "input_fingerprint": run.input_fingerprint,
        "config_fingerprint": run.config_fingerprint,
        "code_fingerprint": run.code_fingerprint,
        "inputs": inputs,
        "flow_run_id": run.flow_run_id,
        "created_at": created_at,
    }


def record_portfolios(con: Connection, runs: Sequence[RunRecord]) -> None:
    """Append the portfolios of new runs, and the sets of limits that are not known yet."""
    texts = dict.fromkeys(text for run in runs for text in run.limit_sets)
    sets = append(con, "name_limit_sets", pl.DataFrame({"limits": [*texts]}, {"limits": pl.String}))
    append(con, "record_limit_sets", sets.unique("limits_key", maintain_order=True))
    key = dict(sets.select("limits", "limits_key").iter_rows())
    insert(con, "run_portfolios", pl.concat([_portfolio_rows(run, key) for run in runs], how="diagonal"))


def _portfolio_rows(run: RunRecord, key: Mapping[str, str]) -> pl.DataFrame:
    keys = pl.Series([key[text] for text in run.limit_sets], dtype=pl.String)
    rows = run.portfolios.sort("portfolio_id")
    return rows.drop("limit_set").with_columns(
        run_id=pl.lit(run.run_id), limits_key=keys.gather(rows["limit_set"].cast(pl.UInt32))
    )


def _reject_other_run(con: Connection, run: RunRecord, known: Mapping[str, Any]) -> None:
    got = as_row(run, known["created_at"]) | {"portfolios": sorted(run.portfolio_ids)}
    known = {**known, "portfolios": portfolios_of(con, run.run_id)}
    differing = [
        f"{name} {_shown(got[name])}, recorded {_shown(known[name])}" for name in _IDENTITY if got[name] != known[name]
    ]
    if differing:
        msg = (
            f"run {run.run_id} is recorded already and is another one, {len(differing)} differences: "
            f"{'; '.join(differing)}. Nothing was written: make the run_id from all of these"
        )
        raise WarehouseError(msg)


def _shown(value: object) -> object:
    return listed(value) if isinstance(value, list) else value


def find_publication(con: Connection, run_id: str) -> tuple[datetime | None, bool]:
    """Return when the run was last published, None when never, and whether all its portfolios still show it."""
    published = query(con, "run_visibility", run_id=run_id)
    if published.is_empty():
        return None, False
    return published["published_at"][0].astimezone(UTC), bool(published["is_visible"].all())


def find_failures(con: Connection, run_id: str, checks: Sequence[Script]) -> tuple[Failure, ...]:
    """Run the checks over the rows of a run."""
    found = ((check.name, read(con, check.sql, run_id=run_id)) for check in checks)
    return tuple(as_failure(name, rows) for name, rows in found if rows.height)


def as_failure(check: str, rows: pl.DataFrame) -> Failure:
    """Word what fails a check. *Requires* `portfolio_id, detail`."""
    return check, rows.height, _readable(rows)


def _readable(failures: pl.DataFrame) -> str:
    rows = failures.select("portfolio_id", "detail").head(_FIRST_ROWS).rows()
    return "; ".join(detail if portfolio_id is None else f"{portfolio_id}: {detail}" for portfolio_id, detail in rows)
