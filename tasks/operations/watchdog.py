"""Which portfolios should have targets by now and have none, and why, from the tables.

What does not belong here: what a run does, and whether its targets are right, which publishing verifies.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import NamedTuple

import polars as pl

from sizing.text import counted, first_of, grouped, listed
from sql.any_warehouse import AnyWarehouse
from tasks.artifacts import show_markdown
from tasks.config.settings import Settings
from tasks.errors import NotATradingDayError
from tasks.retries import RETRIES
from tasks.stages import run_logger, stage
from tasks.text import cut, have, utc
from tasks.trading_calendar import exchange_of, find_calendar

_DAY = timedelta(days=1)
_LONGEST_REASON = 300
_IS_HALT = re.compile(r" is halted(:| since )")
"""In the reason of a held run: a halt that was known before it, or one that came while it was computed."""
_LOOK = """```sql
SELECT * FROM run_health WHERE as_of_date = DATE '{day}';
SELECT run_id, portfolio_ids, state, reason FROM latest_runs WHERE as_of_date = DATE '{day}';
SELECT source, refusal FROM refused_files WHERE as_of_date = DATE '{day}';
```"""


class Due(NamedTuple):
    """Portfolios whose targets of the day should be published by now."""

    day: date
    portfolio_ids: tuple[str, ...]


class NotDue(NamedTuple):
    """Why nothing of an exchange is due: it is closed, it is too early, or its calendar does not know the day."""

    is_closed: bool
    words: str
    is_unknown: bool = False


class Missing(NamedTuple):
    """A portfolio without targets of the day: why, and what to do. A halted one is as it should be."""

    day: date
    portfolio_id: str
    why: str
    todo: str
    is_halted: bool = False


def find_due(
    exchanges: Mapping[str, str], moment: datetime, as_of_date: date | None, deadline: timedelta
) -> tuple[list[Due], list[NotDue]]:
    """Return which portfolios of which day are due at the moment, and of which exchanges nothing is.

    *Requires* the exchange of each portfolio. The day, where none is given: the newest trading day of the exchange
    whose deadline, so long after its close, passed in the 24 hours before. So the moment may lie on the next date.
    """
    due: dict[date, list[str]] = {}
    not_due = []
    for exchange, names in groupby(sorted(exchanges, key=lambda name: (exchanges[name], name)), key=exchanges.get):
        found = _day_due(str(exchange), moment, as_of_date, deadline)
        if isinstance(found, NotDue):
            not_due.append(found)
        else:
            due.setdefault(found, []).extend(names)
    return [Due(day, tuple(sorted(names))) for day, names in sorted(due.items())], not_due


def _day_due(exchange: str, moment: datetime, as_of_date: date | None, deadline: timedelta) -> date | NotDue:
    today = as_of_date or moment.astimezone(find_calendar(exchange).time_zone).date()
    for day in (today,) if as_of_date else (today, today - _DAY, today - 2 * _DAY):
        if day in find_calendar(exchange):
            late = moment - find_calendar(exchange).close(day).at - deadline
            if late >= timedelta() and (as_of_date or late < _DAY):
                return day
    return _not_due(exchange, today, deadline)


def _not_due(calendar: str, today: date, deadline: timedelta) -> NotDue:
    try:
        find_calendar(calendar).require_within(today)
    except NotATradingDayError as error:
        return NotDue(is_closed=True, words=str(error), is_unknown=True)
    exchange = exchange_of(calendar)
    if today not in find_calendar(calendar):
        following = find_calendar(calendar).after(today) or "not known"
        words = f"{exchange} is closed on {today} ({today:%A}), its next trading day is {following}"
        return NotDue(is_closed=True, words=words)
    close = find_calendar(calendar).close(today)
    due = f"{utc(close.at + deadline)}, {deadline / timedelta(hours=1):g} hours after the"
    words = f"the targets of {today} are due at {due} {'early ' if close.is_early else ''}close of {exchange}"
    return NotDue(is_closed=False, words=words)


@stage("look for targets", RETRIES)
def find_missing(settings: Settings, due: Due) -> tuple[Missing, ...]:
    """Find the portfolios without visible targets of the day, in the live file."""
    with settings.open_warehouse().kept_open() as warehouse:
        runs = warehouse.query("run_results_on_day", day=due.day)
        refusals = warehouse.query("refusals_on_day", day=due.day)
        halts = _read_halts(warehouse)
    visible = set(runs.filter("is_visible")["portfolio_id"])
    by_portfolio = {row["portfolio_id"]: row for row in runs.iter_rows(named=True)}
    missing = tuple(
        _explain(due.day, name, by_portfolio.get(name), refusals, halts.get(name) or halts.get(None))
        for name in due.portfolio_ids
        if name not in visible
    )
    run_logger().info("look for targets: %d of %d missing of %s", len(missing), len(due.portfolio_ids), due.day)
    return missing


def all_missing(due: Due, why: str) -> tuple[Missing, ...]:
    """Return all portfolios as missing, where the warehouse itself is missing or cannot be opened."""
    return tuple(Missing(due.day, name, "cannot be looked at", why) for name in due.portfolio_ids)


def describe_missing(due: Sequence[Due], missing: Sequence[Missing]) -> str:
    """Return in one sentence which portfolios have no targets, why, and what to do; the same reason once."""
    return "; ".join(_describe_day(one, [name for name in missing if name.day == one.day]) for one in due)


@stage("show what is missing")
def show_watch(due: Sequence[Due], missing: Sequence[Missing]) -> None:
    """Keep what was found where the other results of the day are seen, with the SQL to look at."""
    days = sorted({one.day for one in due})
    reasons = grouped(
        (f"{one.portfolio_id}, {one.day}", f"{one.why}. {one.todo[0].upper()}{one.todo[1:]}.") for one in missing
    )
    found = "\n".join(f"- {one}" for one in first_of([f"{names}: {sentence}" for names, sentence in reasons]))
    looks = "\n\n".join(_LOOK.format(day=day) for day in days)
    title = f"# {len(missing)} of {sum(len(one.portfolio_ids) for one in due)} portfolios without targets"
    show_markdown(f"{title}\n\n{found}\n\n{looks}", key="watchdog", description=", ".join(map(str, days)))


def _describe_day(due: Due, missing: list[Missing]) -> str:
    by_reason: dict[tuple[str, str], list[str]] = {}
    for one in missing:
        by_reason.setdefault((one.why, one.todo), []).append(one.portfolio_id)
    reasons = "; ".join(first_of([f"{listed(names)} {why}: {todo}" for (why, todo), names in by_reason.items()]))
    n_due = len(due.portfolio_ids)
    if not missing:
        return f"{counted(n_due, 'portfolio')} {have(n_due)} targets of {due.day}"
    return f"{len(missing)} of {counted(n_due, 'portfolio')} {have(len(missing))} no targets of {due.day}: {reasons}"


def _read_halts(warehouse: AnyWarehouse) -> dict[str | None, str]:
    rows = warehouse.query("halts_in_force").iter_rows(named=True)
    return {row["portfolio_id"]: f"by {row['by']} since {utc(row['since'])}: {row['reason']}" for row in rows}


def _explain(
    day: date, portfolio_id: str, last_run: Mapping[str, object] | None, refusals: pl.DataFrame, halt: str | None
) -> Missing:
    """Return why the portfolio has no targets, and what to do."""
    again = f"`ballast run --as-of {day}`"
    if halt:
        todo = f"lift the halt with `ballast resume` when its cause is gone, then {again}"
        return Missing(day, portfolio_id, f"halted {halt}", todo, is_halted=True)
    if last_run is None:
        if refusals.is_empty():
            return Missing(day, portfolio_id, "not run", f"{again} publishes the day or says why not")
        source, refusal = refusals.row(0)
        why = f"not run ({cut(f'{source} {refusal}', _LONGEST_REASON)})"
        return Missing(day, portfolio_id, why, f"correct the file, then {again}")
    why, todo = _explain_run(last_run, again)
    return Missing(day, portfolio_id, why, todo)


def _explain_run(last_run: Mapping[str, object], again: str) -> tuple[str, str]:
    """Return the result of the last run of the portfolio, and what to do."""
    state, reason = last_run["state"], cut(str(last_run["reason"]).partition("; warning: ")[0], _LONGEST_REASON)
    since = utc(last_run["happened_at"])
    if state == "proposed":
        todo = f"`ballast approve {last_run['run_id']} --approver NAME --note WHY`, or `ballast decline`"
        return f"waits for approval since {since} ({reason})", todo
    if state == "started":
        return f"started at {since} and not finished", f"look at its flow run; when that has ended, {again}"
    if state == "declined":
        return f"declined by {last_run['by']} at {since} ({reason})", f"{again}, or leave it"
    if state == "held" and _IS_HALT.search(reason):
        return f"was held at {since} by a halt that is lifted", again
    return f"{state} at {since} ({reason})", f"correct the cause, then {again}"
