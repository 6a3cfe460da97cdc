"""Which days a command computes, and what it warns of before."""

from collections.abc import Mapping
from datetime import date

from rich.console import Console
from rich.markup import escape

from sizing.checks.feasibility import objections
from sizing.limits.model import RebalancingLimits
from sizing.text import first_of, grouped
from tasks.config.limit_overrides import describe_changes
from tasks.errors import SourceError, UsageError
from tasks.inputs.portfolio_groups import days_of_groups
from tasks.inputs.run_context import RunContext
from tasks.sources.discovery import days_in_inbox
from tasks.trading_calendar import find_calendar


def one_day(context: RunContext, as_of: date | None) -> date:
    """Return the requested day, or the newest of the inbox. *Raises* `NotATradingDayError`, `SourceError`."""
    day = as_of or _newest_day(context)
    if not any(day in find_calendar(group.exchange) for group in context.groups):
        find_calendar(context.groups[0].exchange).require_open(day)
    return day


def requested_days(context: RunContext, as_of: date | None, first: date | None, last: date | None) -> tuple[date, ...]:
    """Return the requested days: `as_of`, the trading days of a range, or the newest day of the inbox."""
    if as_of and (first or last):
        msg = "--as-of asks for one day, --from and --to for a range: give the one or the other"
        raise UsageError(msg)
    if not first and not last:
        return (one_day(context, as_of),)
    if not first or not last or last < first:
        msg = f"a range needs --from and --to in order, got {first or 'no --from'} and {last or 'no --to'}"
        raise UsageError(msg)
    return days_of_groups(context.groups, first, last)


def warn(console: Console, context: RunContext) -> None:
    """Print which limits differ from the config, and which cannot be reached."""
    for sentence in first_of(describe_changes(context.limits, context.configured)):
        console.print(f"[yellow]warning:[/] {escape(sentence)}")
    warn_of_limits(console, context.limits)


def warn_of_limits(console: Console, limits: Mapping[str, RebalancingLimits]) -> None:
    """Print which limits cannot be reached, the same of several portfolios once."""
    warnings = [f"portfolio {names}: {sentence}" for names, sentence in grouped(objections(limits))]
    for sentence in first_of(warnings):
        console.print(f"[yellow]warning:[/] {escape(sentence)}")


def _newest_day(context: RunContext) -> date:
    inbox = context.settings.inbox
    days = days_in_inbox(inbox, context.feeds)
    if not days and "scores" in context.feeds:
        msg = "the feed of scores does not list its days: give the day with --as-of"
        raise UsageError(msg)
    if not days:
        msg = (
            f"no scores in {inbox} whose name has a day: expected files like scores_2024-12-02.csv; give the folder "
            "with --inbox, or the day with --as-of"
        )
        raise SourceError(msg)
    return days[-1]
