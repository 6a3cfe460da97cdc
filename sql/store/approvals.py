"""Runs that wait for approval: proposed with every row, invisible until somebody approves.

*Requires* an open connection and a transaction around every function, which operations.py opens.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import polars as pl

from sql.engine.statements import Connection, command, query
from sql.engine.table_contracts import RunRows
from sql.errors import ApprovalError, WarehouseError
from sql.records import Publication
from sql.store import runs
from sql.store.halts import reject_halted
from sql.text import first_of, grouped, listed

_WHAT_TO_DO: Mapping[str, str] = {
    "published": "nothing is left to be decided",
    "superseded": "decide on the run that replaced it, or run the day again",
}
_OTHERWISE = "run the day again, and it is proposed again"


def propose(  # noqa: PLR0913, PLR0917 - what a proposal is
    con: Connection,
    run_id: str,
    frames: Mapping[str, RunRows],
    by: str,
    reasons: Mapping[str, str],
    four_eyes: Collection[str],
    warnings: Sequence[str],
) -> datetime:
    """Write the rows of a run, check them, and let it wait. *Raises* `ApprovalError`, `PublishRejectedError`."""
    run = runs.find_run(con, run_id)
    if runs.is_open_proposal(con, run_id):
        runs.record_event(con, run_id, "unchanged", by, runs.with_warnings("it waits for approval already", warnings))
        return _proposed_at(con, run_id)
    _require_reasons(con, run, reasons, four_eyes)
    runs.write(con, run_id, frames)
    runs.require_checked(con, run_id, frames)
    proposed_at = runs.record_event(con, run_id, "proposed", by, runs.with_warnings(_ask(reasons, four_eyes), warnings))
    command(con, "record_proposals", run_id=run_id, reasons=json.dumps(dict(reasons)), four_eyes=sorted(four_eyes))
    runs.supersede_proposals(con, [run_id], by)
    return proposed_at


def approve(con: Connection, run_id: str, approver: str, note: str) -> Publication:
    """Make an open proposal visible. *Raises* `ApprovalError`, `HaltedError`, `PublishRejectedError`."""
    rows = _find_open(con, run_id, approver, note)
    _require_four_eyes(rows, approver)
    reject_halted(con, f"run {run_id}", [row["portfolio_id"] for row in rows])
    runs.require_sound(con, run_id)
    record_approved(con, run_id, approver, note)
    reason = runs.with_warnings(f"approved, every check passed: {note.strip()}", _warnings(con, run_id))
    return runs.make_visible(con, run_id, approver.strip(), reason)


def record_approved(con: Connection, run_id: str, approver: str, note: str) -> None:
    """Record who approved, and why."""
    runs.record_event(con, run_id, "approved", approver.strip(), note.strip())


def decline(con: Connection, run_id: str, approver: str, note: str) -> None:
    """Close an open proposal: the visible targets stay. *Raises* `ApprovalError`."""
    _find_open(con, run_id, approver, note)
    runs.record_event(con, run_id, "rejected", approver.strip(), note.strip())


def _warnings(con: Connection, run_id: str) -> list[str]:
    """Return the warnings with which a run was proposed last."""
    reason: str = query(con, "run_events", run_id=run_id).filter(state="proposed")["reason"][-1]
    return runs.warnings_of(reason)


def _proposed_at(con: Connection, run_id: str) -> datetime:
    proposed_at: datetime = _open_rows(con, run_id)[0]["proposed_at"]
    return proposed_at.astimezone(UTC)


def _open_rows(con: Connection, run_id: str) -> list[dict[str, Any]]:
    return query(con, "open_proposals").filter(pl.col("run_id") == run_id).rows(named=True)


def _find_open(con: Connection, run_id: str, approver: str, note: str) -> list[dict[str, Any]]:
    if not (approver.strip() and note.strip()):
        msg = f"run {run_id} is decided by {approver!r} with note {note!r}, expected text for both: who and why"
        raise ApprovalError(msg)
    if rows := _open_rows(con, run_id):
        return rows
    waiting = listed(query(con, "waiting_runs")["run_id"].to_list()) or "none"
    known = query(con, "run_by_id", run_id=run_id).rows(named=True)
    if not known:
        msg = f"no run {run_id} in the warehouse, so nothing was decided; open proposals: {waiting}. Give one of these"
        raise ApprovalError(msg)
    msg = (
        f"run {run_id} is no open proposal: {known[0]['state']} since {known[0]['since']:%Y-%m-%d %H:%M} UTC by "
        f"{known[0]['by']} ({known[0]['reason']}); open proposals: {waiting}. Nothing was changed: "
        f"{_WHAT_TO_DO.get(known[0]['state'], _OTHERWISE)}"
    )
    raise ApprovalError(msg)


def _require_four_eyes(rows: Sequence[Mapping[str, Any]], approver: str) -> None:
    with_four_eyes = [row["portfolio_id"] for row in rows if row["needs_four_eyes"]]
    if with_four_eyes and _same_name(rows[0]["proposed_by"], approver):
        msg = (
            f"run {rows[0]['run_id']} was proposed by {rows[0]['proposed_by']}, and {len(with_four_eyes)} of its "
            f"portfolios ask for four eyes ({listed(with_four_eyes)}). It goes on waiting: somebody "
            "else must approve it"
        )
        raise ApprovalError(msg)


def _same_name(one: str, other: str) -> bool:
    return " ".join(one.split()).casefold() == " ".join(other.split()).casefold()


def _ask(reasons: Mapping[str, str], four_eyes: Collection[str]) -> str:
    requests = [f"{names}: {reason}" for names, reason in grouped(sorted(reasons.items()))]
    others = f", with four eyes for {listed(sorted(four_eyes))}" if four_eyes else ""
    return f"{'; '.join(first_of(requests))}; approval is asked{others}"


def _require_reasons(
    con: Connection, run: Mapping[str, Any], reasons: Mapping[str, str], four_eyes: Collection[str]
) -> None:
    if runs.find_publication(con, run["run_id"])[1]:
        msg = f"run {run['run_id']} is published already and needs no approval: nothing was changed"
        raise ApprovalError(msg)
    covered = runs.portfolios_of(con, run["run_id"])
    unknown = sorted({*reasons, *four_eyes} - set(covered))
    if unknown or not reasons:
        msg = (
            f"run {run['run_id']} is proposed with {len(reasons)} reasons and {len(unknown)} portfolios that it does "
            f"not cover [{listed(unknown)}], expected at least one reason for [{listed(covered)}]. "
            "Nothing was written"
        )
        raise WarehouseError(msg)
