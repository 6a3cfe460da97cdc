"""`ballast run`: one day or a range, with progress, and the targets of the last day at the end."""

import asyncio
import shlex
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path

import polars as pl
from rich.console import Console
from rich.markup import escape

from flows import outcomes
from flows.daily_rebalance import daily_rebalance
from flows.engine import os_user, progress_bar, raise_failure, require_server
from flows.show import HELD, PROBLEMS, PROPOSED, STOPPED, err, hear_warehouse, out, say, show, tell
from sizing.feasibility import find_infeasible
from sizing.limits import RebalancingLimits
from tasks.errors import SourceError, UsageError
from tasks.feeds import Feeds
from tasks.groups import Group, days_of_groups, group_portfolios
from tasks.portfolios import load_feeds, load_with_terms
from tasks.settings import RebalanceConfig, Settings
from tasks.sources import days_in_inbox, find_sources
from tasks.trading_days import is_trading_day, require_trading_day

_SHOWN = pl.Decimal(10, 4)
_WIDE = 108
_COLORS = {
    outcomes.PUBLISHED: "green",
    outcomes.UNCHANGED: "cyan",
    outcomes.HELD: "yellow",
    outcomes.PROPOSED: "magenta",
}
_ENDS = {outcomes.HELD: HELD, outcomes.PROPOSED: PROPOSED}
"""States that end a range, and the exit code of each: the days after would start from what is not visible."""


def run_days(as_of: date | None, first: date | None, last: date | None, paths: Mapping[str, Path]) -> int:
    """Run the day, or each trading day of the range in order, up to one that is held, waits for approval or fails."""
    console = err()
    hear_warehouse()
    try:
        settings = Settings().at(paths)
        limits, terms = load_with_terms(settings.config)
        feeds = load_feeds(settings.config)
        groups = group_portfolios(limits, terms, settings.exchange)
        days = _days(settings, feeds, groups, as_of, first, last)
        for day in days:
            find_sources(settings.inbox, day, feeds)
        warn(console, limits)
        require_server()
        done, code = asyncio.run(_run_each(console, settings, limits, days))
        if done:
            _show(settings, done[-1])
    except PROBLEMS as problem:
        return tell(problem)
    except KeyboardInterrupt:
        console.print("[yellow]stopped:[/] what is published is whole; run the same command again to go on")
        return STOPPED
    return code


def _days(  # noqa: PLR0913, PLR0917 - the flags that tell days
    settings: Settings,
    feeds: Feeds,
    groups: Sequence[Group],
    as_of: date | None,
    first: date | None,
    last: date | None,
) -> tuple[date, ...]:
    """Say which days are asked for: `as_of`, the trading days of a range, or the newest day of the inbox."""
    if as_of and (first or last):
        msg = "--as-of asks for one day, --from and --to for a range: give the one or the other"
        raise UsageError(msg)
    if first or last:
        if not first or not last or last < first:
            msg = f"a range needs --from and --to in order, got {first or 'no --from'} and {last or 'no --to'}"
            raise UsageError(msg)
        return days_of_groups(groups, first, last)
    day = as_of or _newest_day(settings, feeds)
    if not any(is_trading_day(group.exchange, day) for group in groups):
        require_trading_day(groups[0].exchange, day)
    return (day,)


def _newest_day(settings: Settings, feeds: Feeds) -> date:
    days = days_in_inbox(settings.inbox, feeds)
    if not days and "scores" in feeds:
        msg = "the feed of scores does not tell which days it has: give the day with --as-of"
        raise UsageError(msg)
    if not days:
        msg = (
            f"no scores in {settings.inbox} whose name tells a day: expected files like scores_2024-12-02.csv; give "
            "the folder with --inbox, or the day with --as-of"
        )
        raise SourceError(msg)
    return days[-1]


def warn(console: Console, limits: Mapping[str, RebalancingLimits]) -> None:
    """Say which limits will disappoint."""
    for portfolio_id, one in limits.items():
        for sentence in find_infeasible(one):
            console.print(f"[yellow]warning:[/] portfolio {escape(portfolio_id)}: {escape(sentence)}")


async def _run_each(
    console: Console, settings: Settings, limits: dict[str, RebalancingLimits], days: tuple[date, ...]
) -> tuple[tuple[date, ...], int]:
    """Run the days in order, up to a held or proposed one; give those that are published, and the exit code."""
    with progress_bar(console) as progress:
        bar = progress.add_task("starting Prefect", total=len(days))
        for number, day in enumerate(days):
            config = RebalanceConfig(as_of_date=day, portfolios=limits, requested_by=os_user(), settings=settings)
            state = await daily_rebalance(config, return_state=True)
            await raise_failure(state)
            progress.update(bar, advance=1, description=f"after {day}")
            name = str(state.name)
            say(state.message, console, console, f"{day} [{_COLORS[name]}]{name.lower()}[/] ")
            if name in _ENDS:
                return days[:number], _ENDS[name]
    return days, 0


def _show(settings: Settings, day: date) -> None:
    """Show the targets of the day, where everything is, and what to do next."""
    warehouse = settings.open_warehouse()
    targets = warehouse.query("targets_of_days", days=[day])
    console = out()
    shown = targets.sort(
        "portfolio_id", "is_cash", "target_weight", "asset", descending=[False, False, True, False]
    ).select(
        "portfolio_id",
        "asset",
        "bucket",
        pl.col("target_weight", "current_weight", "trade_weight").round(_SHOWN.scale).cast(_SHOWN),
        "action",
    )
    show(console, _that_fit(shown, console), title=f"Targets of {day}")
    console.print(
        f"database  {settings.warehouse}\nsnapshot  {settings.snapshot}\nexports   {settings.export_folder}\n"
    )
    console.print("Next:")
    for command in _next_commands(settings):
        console.print(f"  {escape(command)}")


def _that_fit(shown: pl.DataFrame, console: Console) -> pl.DataFrame:
    """Leave out what a narrow terminal has no place for; the tables have it all."""
    return shown if console.width >= _WIDE else shown.drop("bucket", "current_weight")


def _next_commands(settings: Settings) -> tuple[str, ...]:
    here = ".venv/bin/" if Path(".venv/bin/ballast").exists() else ""
    is_default = settings.snapshot == Settings().snapshot
    where = "" if is_default else f" --snapshot {shlex.quote(str(settings.snapshot))}"
    return (
        f'{here}ballast sql "FROM current_targets SELECT asset, target_weight, target_reason"{where}',
        f'{here}ballast sql "FROM rejected_rows SELECT source, row_number, reason"{where}',
        f"{here}prefect server start    # every run is at the address it prints",
    )
