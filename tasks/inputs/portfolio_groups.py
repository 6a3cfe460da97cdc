"""Which portfolios go through a day together: one group is one run.

A group has one exchange. Portfolios whose targets may wait for approval are apart from those that never do, so that
none waits for the approval of another; halted ones are apart for the same reason. Without any of this it is one group.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date

import polars as pl

from sizing import RebalancingLimits
from sizing.approval import ApprovalPolicy
from sizing.text import first_of, grouped, listed
from tasks.config.portfolios import PortfolioSettings
from tasks.config.settings import Settings
from tasks.errors import NotATradingDayError, UsageError
from tasks.retries import RETRIES
from tasks.stages import run_logger, stage
from tasks.text import utc
from tasks.trading_calendar import exchange_of, find_calendar

_FIRST_NAMES = 3


@dataclass(frozen=True)
class Group:
    """Portfolios of one calendar: their limits, when each waits for approval, and why nothing of them is published."""

    exchange: str
    """The name of the calendar: the code of the exchange, and the days that a config says are otherwise."""
    limits: dict[str, RebalancingLimits]
    policies: dict[str, ApprovalPolicy]
    halt: str = ""

    def settings(self, settings: Settings) -> Settings:
        """Return the settings under which the group is run: its exchange's days count."""
        return settings.model_copy(update={"exchange": self.exchange})


def group_portfolios(
    limits: Mapping[str, RebalancingLimits], terms: Mapping[str, PortfolioSettings], exchange: str
) -> tuple[Group, ...]:
    """Put the portfolios into groups by exchange, and by whether their targets may wait for approval.

    `exchange` is that of the portfolios that name none.
    """
    keys = {name: (terms[name].calendar(exchange), terms[name].approval is not None) for name in limits}
    return tuple(
        Group(key[0], {name: one for name, one in limits.items() if keys[name] == key}, _policies(terms, keys, key))
        for key in sorted(set(keys.values()))
    )


@stage("look up halts", RETRIES, is_quick=True)
def set_halted_apart(settings: Settings, groups: tuple[Group, ...]) -> tuple[Group, ...]:
    """Set the portfolios that a halt covers apart from the others of their group. A halt is looked up again to publish.

    *Requires* a warehouse that is up to date.
    """
    halts = settings.open_warehouse().query("halts_in_force")
    if halts.height:
        run_logger().warning("halts in force: %s", _words(halts))
    return split_halted(groups, halts)


def split_halted(groups: Iterable[Group], halts: pl.DataFrame) -> tuple[Group, ...]:
    """Set the portfolios that a halt covers apart, without an engine. *Requires* the rows of `halts_in_force`."""
    return tuple(part for group in groups for part in _parts(group, halts))


def closed_portfolios(groups: Iterable[Group], day: date) -> tuple[str, ...]:
    """Return for each exchange that is closed on the day its portfolios, and when it opens; nothing for the others.

    What a calendar does not know is reported by `unknown_days`.
    """
    closed: dict[str, list[str]] = {}
    unknown = unknown_days(groups, day)
    for group in groups:
        if group.exchange not in unknown and day not in find_calendar(group.exchange):
            closed.setdefault(group.exchange, []).extend(group.limits)
    return tuple(
        f"{exchange_of(calendar)} is closed on {day} ({day:%A}), the next session is "
        f"{find_calendar(calendar).after(day) or 'not known'}: nothing to do for {shown(portfolio_ids)}"
        for calendar, portfolio_ids in closed.items()
    )


def unknown_days(groups: Iterable[Group], day: date) -> dict[str, NotATradingDayError]:
    """Return why, for each calendar that does not know the day: whether its portfolios are to be run is unknown."""
    unknown = {}
    for group in groups:
        try:
            find_calendar(group.exchange).require_within(day)
        except NotATradingDayError as error:
            unknown[group.exchange] = error
    return unknown


def early_closes(groups: Iterable[Group], day: date) -> tuple[str, ...]:
    """Return which exchange closes early on the day. *Requires* groups whose exchange is open."""
    closes = {group.exchange: find_calendar(group.exchange).close(day) for group in groups}
    return tuple(
        f"{exchange_of(calendar)} closes early on {day}, at {close.at:%H:%M} UTC"
        for calendar, close in closes.items()
        if close.is_early
    )


def days_of_groups(groups: Collection[Group], first: date, last: date) -> tuple[date, ...]:
    """Return the days of a range on which the exchange of any group is open.

    *Raises* `UsageError` when there is none.
    """
    calendars = sorted({group.exchange for group in groups})
    days = sorted({day for calendar in calendars for day in find_calendar(calendar).between(first, last)})
    if not days:
        exchanges = listed([*map(exchange_of, calendars)])
        msg = f"there is no trading day of {exchanges} from {first} to {last}: correct the range"
        raise UsageError(msg)
    return tuple(days)


def shown(portfolio_ids: Iterable[str]) -> str:
    """Return a few names of portfolios, or how many there are."""
    names = sorted(portfolio_ids)
    return ", ".join(names) if len(names) <= _FIRST_NAMES else f"{len(names)} portfolios"


def _policies(
    terms: Mapping[str, PortfolioSettings], keys: Mapping[str, tuple[str, bool]], key: tuple[str, bool]
) -> dict[str, ApprovalPolicy]:
    policies = {name: terms[name].approval for name in keys if keys[name] == key}
    return {name: policy for name, policy in policies.items() if policy}


def _parts(group: Group, halts: pl.DataFrame) -> Iterable[Group]:
    halted = set(group.limits) if halts["portfolio_id"].null_count() else set(group.limits) & set(halts["portfolio_id"])
    for names, is_halted in ((set(group.limits) - halted, False), (halted, True)):
        if names:
            covering = halts.filter(pl.col("portfolio_id").is_null() | pl.col("portfolio_id").is_in(list(names)))
            yield replace(
                group,
                limits={name: one for name, one in group.limits.items() if name in names},
                policies={name: one for name, one in group.policies.items() if name in names},
                halt=_words(covering) if is_halted else "",
            )


def _words(halts: pl.DataFrame) -> str:
    since = {
        row["portfolio_id"]: f"is halted since {utc(row['since'])} by {row['by']}: {row['reason']}"
        for row in halts.iter_rows(named=True)
    }
    of_all = [f"publication of all portfolios {since.pop(None)}"] if None in since else []
    return "; ".join(first_of([*of_all, *(f"portfolio {names} {words}" for names, words in grouped(since.items()))]))
