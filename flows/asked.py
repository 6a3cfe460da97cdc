"""What a command that computes days is asked: for which portfolios, under which limits, and for which days."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape

from sizing.feasibility import objections
from sizing.limits import RebalancingLimits
from sizing.wording import first_of, grouped
from tasks.errors import SourceError, UsageError
from tasks.feeds import Feeds
from tasks.groups import Group, days_of_groups, group_portfolios
from tasks.limit_changes import change_limits, choose_portfolios, tell_changes
from tasks.portfolios import Terms, load_feeds, load_with_terms
from tasks.settings import Settings
from tasks.sources import days_in_inbox
from tasks.trading_days import is_trading_day, require_trading_day

AS_CONFIGURED: Mapping[str, Any] = {}
"""No limit is given on the command line."""


@dataclass(frozen=True)
class Asked:
    """The portfolios of a command in their groups, and which limits are other than configured, in words.

    `terms` has every portfolio of the config file.
    """

    settings: Settings
    limits: dict[str, RebalancingLimits]
    terms: dict[str, Terms]
    feeds: Feeds
    groups: tuple[Group, ...]
    changes: tuple[str, ...]


def read_asked(paths: Mapping[str, Path], portfolio_ids: Sequence[str], given: Mapping[str, Any]) -> Asked:
    """Read the config, take the named portfolios or all, and change the given limits.

    *Raises* `ConfigError`, and `UsageError` for an unknown portfolio or a limit that cannot be.
    """
    settings = Settings().writing_at(paths)
    configured, terms = load_with_terms(settings.config)
    limits = change_limits(choose_portfolios(configured, portfolio_ids), given)
    return Asked(
        settings,
        limits,
        terms,
        load_feeds(settings.config),
        group_portfolios(limits, terms, settings.exchange),
        tell_changes(limits, configured),
    )


def one_day(asked: Asked, as_of: date | None) -> date:
    """Give the day that is asked for, or the newest of the inbox. *Raises* `NotATradingDayError`, `SourceError`."""
    day = as_of or _newest_day(asked)
    if not any(is_trading_day(group.exchange, day) for group in asked.groups):
        require_trading_day(asked.groups[0].exchange, day)
    return day


def days_asked_for(asked: Asked, as_of: date | None, first: date | None, last: date | None) -> tuple[date, ...]:
    """Say which days are asked for: `as_of`, the trading days of a range, or the newest day of the inbox."""
    if as_of and (first or last):
        msg = "--as-of asks for one day, --from and --to for a range: give the one or the other"
        raise UsageError(msg)
    if not first and not last:
        return (one_day(asked, as_of),)
    if not first or not last or last < first:
        msg = f"a range needs --from and --to in order, got {first or 'no --from'} and {last or 'no --to'}"
        raise UsageError(msg)
    return days_of_groups(asked.groups, first, last)


def warn(console: Console, asked: Asked) -> None:
    """Say which limits are other than configured, and which will disappoint."""
    for sentence in first_of(asked.changes):
        console.print(f"[yellow]warning:[/] {escape(sentence)}")
    warn_of_limits(console, asked.limits)


def warn_of_limits(console: Console, limits: Mapping[str, RebalancingLimits]) -> None:
    """Say which limits will disappoint, the same of several portfolios once."""
    said = [f"portfolio {names}: {sentence}" for names, sentence in grouped(objections(limits))]
    for sentence in first_of(said):
        console.print(f"[yellow]warning:[/] {escape(sentence)}")


def _newest_day(asked: Asked) -> date:
    inbox = asked.settings.inbox
    days = days_in_inbox(inbox, asked.feeds)
    if not days and "scores" in asked.feeds:
        msg = "the feed of scores does not tell which days it has: give the day with --as-of"
        raise UsageError(msg)
    if not days:
        msg = (
            f"no scores in {inbox} whose name tells a day: expected files like scores_2024-12-02.csv; give the folder "
            "with --inbox, or the day with --as-of"
        )
        raise SourceError(msg)
    return days[-1]
