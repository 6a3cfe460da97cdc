"""Whether all is well, in one sentence, from rows of the snapshot. No reading and no printing."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import polars as pl

from sizing.text import MOST_NAMED, counted, grouped, listed
from tasks.text import have, utc
from tasks.trading_calendar import CalendarEnd, find_calendar

_ALL = "all portfolios"
_CURRENT = timedelta(days=7)
_ENDED = {
    "held": "is held",
    "failed": "failed",
    "rejected": "was rejected by the checks",
    "proposed": "waits for approval",
    "declined": "was declined",
    "superseded": "was a proposal, and another one took its place",
    "started": "was started and has not ended",
    "not_run": "has scores and was not run",
}


@dataclass(frozen=True)
class Session:
    """The next trading day of an exchange: its close, and when its targets must be published, UTC."""

    exchange: str
    day: date
    close: datetime
    due: datetime


@dataclass(frozen=True)
class Concern:
    """What is not well or waits, why, and what to do."""

    what: str
    why: str
    todo: str


def session_after(calendar: str, day: date, deadline_hours: float) -> Session | None:
    """Return the first trading day of a calendar after `day`; None where it has ended."""
    following = find_calendar(calendar).after(day)
    if following is None:
        return None
    close = find_calendar(calendar).close(following).at
    return Session(calendar, following, close, close + timedelta(hours=deadline_hours))


def sessions_after(states: pl.DataFrame, exchanges: Mapping[str, str], deadline_hours: float) -> tuple[Session, ...]:
    """Return what comes next of each exchange, the first due first.

    *Requires* the exchange of each portfolio that is still run; those that are not wait for nothing.
    """
    newest: dict[str, date] = {}
    for portfolio_id, day in states.drop_nulls("newest_day").select("portfolio_id", "newest_day").iter_rows():
        if exchange := exchanges.get(portfolio_id):
            newest[exchange] = max(day, newest.get(exchange, day))
    sessions = (session_after(exchange, day, deadline_hours) for exchange, day in newest.items())
    return tuple(sorted(filter(None, sessions), key=lambda one: (one.due, one.exchange)))


def sessions_until(session: Session, deadline_hours: float, now: datetime) -> Iterator[Session]:
    """Return the session, and those after it, as far as their targets were due by now."""
    late: Session | None = session
    while late and late.due < now:
        yield late
        late = session_after(late.exchange, late.day, deadline_hours)


def is_live(states: pl.DataFrame, exchanges: Mapping[str, str]) -> bool:
    """Report whether a newest day was published within a week of its close: then the days after it are expected too.

    A history that was computed later, such as the sample's week, waits for nothing. *Requires* the rows of
    `portfolio_states`.
    """
    newest = states.drop_nulls("newest_day").select("portfolio_id", "newest_day", "published_at").iter_rows()
    ends = ((published_at, _close(exchanges.get(name), day)) for name, day, published_at in newest)
    return any(close is not None and published_at - close < _CURRENT for published_at, close in ends)


def was_due(exchanges: Iterable[str], day: date, deadline_hours: float, now: datetime) -> bool:
    """Report whether targets of a day, of any of the exchanges, were due by now."""
    closes = (_close(exchange, day) for exchange in exchanges)
    return any(close is not None and close + timedelta(hours=deadline_hours) < now for close in closes)


def _close(exchange: str | None, day: date) -> datetime | None:
    return find_calendar(exchange).close(day).at if exchange and day in find_calendar(exchange) else None


def find_concerns(
    proposals: pl.DataFrame, health: pl.DataFrame, halts: pl.DataFrame, late: Sequence[Session]
) -> tuple[Concern, ...]:
    """Return what is not well or waits: halts, proposals, the newest days, trading days that went by.

    *Requires* the rows of `open_proposals`, `newest_health` and `halts_in_force`, and the sessions whose targets were
    due.
    """
    return (
        *_halted(halts),
        *_waiting(proposals),
        *_newest_days(health),
        *_late(health, late),
    )


def ended_calendars(ends: Iterable[CalendarEnd]) -> tuple[Concern, ...]:
    """Return which calendars have ended: nothing of their portfolios is run, and nothing is missed."""
    return tuple(
        Concern(one.words, f"to run its portfolios, {one.todo}", "ballast validate") for one in ends if one.has_ended
    )


def answer(states: pl.DataFrame, concerns: tuple[Concern, ...], following: Sequence[Session]) -> str:
    """Return the overall answer in one sentence. *Requires* the rows of `portfolio_states`; `following` as expected."""
    if states["newest_day"].is_null().all():
        return f"Nothing is published yet{': ' if concerns else ''}{'; '.join(one.what for one in concerns)}."
    if concerns:
        return f"Not all is well: {'; '.join(one.what for one in concerns)}."
    day: date = states.select(pl.col("newest_day").max()).item()
    count = f"{counted(states.height, 'portfolio')} {have(states.height)}"
    due = f"; next is {following[0].day}, due by {utc(following[0].due)}" if following else ""
    return f"All is well: {count} targets of {day}{due}."


def _halted(halts: pl.DataFrame) -> Iterator[Concern]:
    reasons = (
        (halt["portfolio_id"] or _ALL, f"since {halt['since']:%Y-%m-%d %H:%M} UTC by {halt['by']}: {halt['reason']}")
        for halt in halts.iter_rows(named=True)
    )
    for names, why in grouped(reasons)[:MOST_NAMED]:
        whose = "--all" if names == _ALL else names if names in halts["portfolio_id"] else "NAME ..."
        yield Concern(f"publication of {names} is halted", why, f'ballast resume {whose} --reason "..."')


def _waiting(proposals: pl.DataFrame) -> Iterator[Concern]:
    """Return every open proposal, the oldest first: a newer day's does not replace it."""
    for (day, run_id), rows in proposals.group_by("as_of_date", "run_id", maintain_order=True):
        names = listed(sorted(rows["portfolio_id"]))
        yield Concern(f"{day} waits for approval", f"{names}, run {run_id}", f'ballast approve {run_id} --note "..."')


def _newest_days(health: pl.DataFrame) -> Iterator[Concern]:
    """Return the result of the newest days, back to the first one that has all its targets."""
    for day in health.iter_rows(named=True):
        yield from _newest_day(day)
        if day["is_covered"]:
            break


def _newest_day(day: dict[str, Any]) -> Iterator[Concern]:
    """Return the result of a day, where that is not what it should be."""
    state, missing = day["state"], day["missing_portfolios"]
    todo = f"ballast run --as-of {day['as_of_date']}"
    unexplained = sorted({*missing} - {*day["halted_portfolios"]} - {*day["waiting_portfolios"]})
    if state in _ENDED and state != "proposed" and day["is_covered"] is not None:
        yield Concern(f"{day['as_of_date']} {_ENDED[state]}", day["last_reason"] or "no run covers it", todo)
    elif state == "partly_published" and unexplained:
        yield Concern(f"{day['as_of_date']} has no targets of {listed(unexplained)}", day["last_reason"], todo)
    elif state == "published" and day["last_state"] in {"held", "failed", "rejected"}:
        what = f"a correction of {day['as_of_date']} {_ENDED[day['last_state']]}"
        yield Concern(what, day["last_reason"], todo)


def _late(health: pl.DataFrame, late: Sequence[Session]) -> Iterator[Concern]:
    """Return the due trading days without a run, each by the exchange whose deadline was first."""
    reported = set(health["as_of_date"])
    due: dict[date, datetime] = {}
    for one in late:
        if one.day not in reported:
            due[one.day] = min(one.due, due.get(one.day, one.due))
    if not due:
        return
    days = sorted(due)
    have, todo = "has", f"ballast run --as-of {days[0]}"
    if len(days) > 1:
        have, todo = "have", f"ballast run --from {days[0]} --to {days[-1]}"
    since = f"{'the first was' if len(days) > 1 else 'they were'} due by {utc(due[days[0]])}"
    yield Concern(f"{listed(list(map(str, days)))} {have} no targets", f"{since}, and no scores came", todo)
