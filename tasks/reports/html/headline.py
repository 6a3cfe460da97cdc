"""The head of the page of a day: whether all is well, and if not, what to look at, the worst first.

What does not belong here: markup, and what a run does.
"""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import polars as pl

from sizing.text import counted, first_of, grouped, listed
from tasks.reports.html.data import DayRows
from tasks.text import utc

WRONG, LOOK, NOTE = "wrong", "look", "note"
_LEVELS = (WRONG, LOOK, NOTE)
_MOST_DAYS = 8


class Point(NamedTuple):
    """One thing to look at, and how bad it is."""

    level: str
    text: str


class Verdict(NamedTuple):
    """The headline of a day, its level (`well` or that of its worst point), and the points."""

    level: str
    headline: str
    points: tuple[Point, ...]


def judge(rows: DayRows) -> Verdict:
    """Return whether all is well with the day, and what to look at first."""
    day, *later = rows.days.rows(named=True)
    found = [
        *_of_publication(day),
        *_of_halts(rows.halts),
        *_of_later(later),
        *(Point(LOOK, f"{one.what}: {one.command} brings them up to date") for one in rows.corrected),
        *_of_inputs(day),
        *_of_stale_scores(rows.stale_holdings),
        *_of_limits(rows.missed_limits),
    ]
    points = sorted([*found, *_of_cash(rows.sizing)], key=lambda point: _LEVELS.index(point.level))
    pressing = [point for point in points if point.level != NOTE]
    if day["state"] not in {"published", "partly_published"}:
        waits = day["state"] == "proposed"
        headline = "Waits for approval: nothing of it is published" if waits else "Nothing is published"
        return Verdict(LOOK if waits else WRONG, headline, tuple(points))
    if not pressing:
        return Verdict("well", "All is well: every portfolio has its targets, every check passed", tuple(points))
    published = "Published" if day["state"] == "published" else "Partly published"
    return Verdict(pressing[0].level, f"{published}, {counted(len(pressing), 'thing')} to look at", tuple(points))


def _of_publication(day: dict[str, Any]) -> Iterator[Point]:
    waiting, halted = set(day["waiting_portfolios"]), set(day["halted_portfolios"])
    lost = [one for one in day["missing_portfolios"] if one not in waiting | halted]
    if lost:
        why = day["held_reason"] or day["failed_checks"] or day["failure"] or day["declined_reason"]
        state = f"{day['state'].replace('_', ' ')}" if day["state"] != "partly_published" else "not published"
        yield Point(WRONG, f"{listed(lost)}: {state}, the targets before stay in force{f': {why}' if why else ''}")
    if halted:
        yield Point(WRONG, f"{listed(sorted(halted))}: publication is halted, the targets before stay in force")
    if waiting:
        yield Point(LOOK, f"waits for approval: {day['approval_asked']}")
    for warning in day["warnings"]:
        yield Point(LOOK, warning)


def _of_halts(halts: pl.DataFrame) -> Iterator[Point]:
    sentences = (
        (portfolio_id or "every portfolio", f"halted since {utc(since)} by {by}: {reason}")
        for portfolio_id, since, by, reason in halts.iter_rows()
    )
    return _of_portfolios(LOOK, sentences)


def _of_later(later: list[dict[str, Any]]) -> Iterator[Point]:
    for day in later[-_MOST_DAYS:]:
        published = day["state"] == "published"
        state = (
            "is published too: this page shows a day before it" if published else f"is {day['state'].replace('_', ' ')}"
        )
        why = "" if published else day["held_reason"] or day["failed_checks"] or day["failure"] or ""
        yield Point(NOTE if published else LOOK, f"{day['as_of_date']} {state}{f': {why}' if why else ''}")


def _of_inputs(day: dict[str, Any]) -> Iterator[Point]:
    if day["n_refused_files"]:
        yield Point(LOOK, f"{counted(day['n_refused_files'], 'file')} rejected whole, see Rejected files")
    if day["rows_rejected"]:
        yield Point(LOOK, f"{day['rows_rejected']} of {counted(day['rows_read'], 'row')} rejected, see Rejected rows")
    unscored = day["n_holdings_without_score"] - day["n_stale_scores"]
    if unscored > 0:
        yield Point(NOTE, f"{counted(unscored, 'holding')} without a score of the day: an earlier one counts")


def _of_stale_scores(stale: pl.DataFrame) -> Iterator[Point]:
    if names := stale.select(pl.format("{} of {}", "asset", "portfolio_id")).to_series().to_list():
        yield Point(LOOK, f"{listed(names)}: the score is too old to act on, the weight is frozen")


def _of_limits(missed: pl.DataFrame) -> Iterator[Point]:
    rows = missed.select("portfolio_id", "constraint_name", "limit_value", "value", "reason").iter_rows()
    sentences = (
        (portfolio_id, f"{name} {limit:.6g} is missed, it is {value:.6g}{f': {reason}' if reason else ''}")
        for portfolio_id, name, limit, value, reason in rows
    )
    return _of_portfolios(LOOK, sentences)


def _of_cash(sizing: pl.DataFrame) -> Iterator[Point]:
    keep = sizing.filter(pl.col("cash_weight") > 0).iter_rows(named=True)
    return _of_portfolios(NOTE, ((row["portfolio_id"], cash_sentence(row)) for row in keep))


def _of_portfolios(level: str, sentences: Iterable[tuple[str, str]]) -> Iterator[Point]:
    lines = [f"{names}: {sentence}" for names, sentence in grouped(sentences)]
    return (Point(level, line) for line in first_of(lines))


def trade_sentence(row: dict[str, Any]) -> str:
    """Return what the trades of a portfolio come to, and what is held afterwards. *Requires* a row of `day_summary`."""
    bought, sold, invested, cash = (
        f"{row[f'{name}_weight'] * 100:.2f}%" for name in ("bought", "sold", "invested_after", "cash_after")
    )
    parts = [
        f"sells {sold} and buys {bought}, after which {invested} is invested and {cash} is cash",
        f"{counted(row['n_held_back'], 'small change')} held back" if row["n_held_back"] else "",
        f"{counted(row['n_released'], 'small change')} released, since the book would break a limit"
        if row["n_released"]
        else "",
        "" if row["trade_scale"] in {None, 1} else f"max_turnover leaves {row['trade_scale'] * 100:.2f}% of the trades",
    ]
    return "; ".join(filter(None, parts))


def cash_sentence(row: dict[str, Any]) -> str:
    """Return how much cash a portfolio keeps, and why. *Requires* a row of `sizing_summary_of_runs`."""
    cash, total = row["cash_weight"] * 100, row["target_total_allocation"] * 100
    if not cash:
        return f"no cash: {row['n_sized']} positions take all {total:.2f}% that may be invested"
    left = f"residual_strategy {row['residual_strategy']} leaves it"
    why = f"{row['binding_limit']} keeps it from being invested" if row["binding_limit"] else left
    way_out = f"; the cheapest way out: {row['relaxation']}" if row["relaxation"] else ""
    return f"{cash:.2f}% of {total:.2f}% stays in cash: {why}{way_out}"
