"""`ballast plan`: what a run of a day would do, in sentences, a table of the portfolios and one of the targets."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import date
from typing import Annotated, Any

import polars as pl
from cyclopts import Parameter
from polars import selectors as cs
from rich.console import Console
from rich.markup import escape

from flows.cli.handlers.run_request import one_day, warn
from flows.cli.limit_parameters import LIMITS_AS_CONFIGURED, LimitFlags
from flows.terminal.console import (
    err,
    four_decimals,
    narrowed,
    out,
    show,
    show_warehouse_warnings,
    with_causes,
)
from flows.terminal.exit_codes import OF_STATE, ExitCode, code_of, worst_of
from flows.terminal.foremost import count_others, only
from flows.terminal.output import write_rows
from flows.terminal.parameters import (
    AS_CONFIGURED_WITH_INBOX,
    AS_TABLE,
    AsOf,
    OutputFormat,
    PathOptionsWithInbox,
    PortfolioIds,
    prepare,
)
from flows.terminal.trade_tables import kept_columns, show_trade_totals
from sizing.text import listed
from tasks.config.settings import Settings
from tasks.inputs.portfolio_groups import closed_portfolios, early_closes, unknown_days
from tasks.inputs.run_context import RunContext, read_context
from tasks.preflight.what_if import Plan, PlannedResult, plan_day
from tasks.reports.priority import first_by
from tasks.run_state import RunState
from tasks.trading_calendar import find_calendar

_WORDS = {
    RunState.PUBLISHED: "[green]would be published[/]",
    RunState.UNCHANGED: "[cyan]nothing would change[/]",
    RunState.PROPOSED: "[magenta]would wait for approval[/]",
    RunState.HELD: "[yellow]would be held[/]",
    RunState.HALTED: "[yellow]is halted, and would be held[/]",
    RunState.REJECTED: "[red]would be rejected[/]",
    RunState.FAILED: "[red]would fail[/]",
}

_FIGURES = {
    "positions": "n_positions",
    "opened": "n_open",
    "closed": "n_close",
    "turnover": "turnover",
    "cash": "cash_weight",
    "volatility": "portfolio_volatility",
    "scale": "risk_scale",
}
_OF_RISK = ("portfolio_volatility", "risk_scale")
"""What is shown where a limit of a portfolio measures it."""
_ORDER = "what would not be published first, then the largest turnover"
_SPARED = ("action", "trade_reason", "kept_by", "visible", "held")
"""What a narrow terminal has no place for, the first one first."""


def plan(  # noqa: PLR0913 - the flags
    *,
    as_of: AsOf = None,
    portfolio: PortfolioIds = (),
    all_rows: Annotated[bool, Parameter(negative="", help="Show the targets that stay as they are too.")] = False,
    paths: PathOptionsWithInbox = AS_CONFIGURED_WITH_INBOX,
    form: OutputFormat = AS_TABLE,
    limits: LimitFlags = LIMITS_AS_CONFIGURED,
) -> int:
    """Plan the day, show what would change, and return the exit code that the run would have."""
    prepare(verbose=False)
    console = err()
    show_warehouse_warnings()
    context = read_context(Settings().writing_at(asdict(paths)), portfolio, limits)
    day = one_day(context, as_of)
    warn(console, context)
    planned = _plan(console, context, day)
    targets = planned.targets if all_rows else planned.targets.filter("is_changed")
    if form.json:
        write_rows(_nested(planned.portfolios, targets), form)
    elif form.csv:
        write_rows(planned.portfolios.select("portfolio_id", "state", "reason").join(targets, on="portfolio_id"), form)
    else:
        _show(planned, targets)
    for warning in planned.warnings:
        console.print(f"[yellow]warning:[/] {escape(warning)}")
    return worst_of(
        code_of(one.error) if one.error else OF_STATE.get(one.state, ExitCode.OK) for one in planned.results
    )


def _plan(console: Console, context: RunContext, day: date) -> Plan:
    groups = tuple(group for group in context.groups if day in find_calendar(group.exchange))
    for note in (*closed_portfolios(context.groups, day), *early_closes(groups, day)):
        console.print(escape(note))
    unknown = unknown_days(context.groups, day)
    failing = tuple(group for group in context.groups if group.exchange in unknown)
    return plan_day(context.settings, day, groups + failing, frozenset(context.terms), context.feeds)


def _nested(portfolios: pl.DataFrame, targets: pl.DataFrame) -> pl.DataFrame:
    """Return one row a portfolio, its targets in a list. Weights become numbers: JSON has no decimals."""
    rows = targets.with_columns(cs.decimal().cast(pl.Float64)).select("portfolio_id", pl.struct(pl.all()).alias("row"))
    lists = rows.group_by("portfolio_id", maintain_order=True).agg(targets="row")
    return portfolios.join(lists, on="portfolio_id", how="left", maintain_order="left").with_columns(
        pl.col("targets").fill_null([])
    )


def _show(plan: Plan, targets: pl.DataFrame) -> None:
    console = out()
    for one in plan.results:
        console.print(_sentence(plan.day, one))
    is_smooth = pl.col("state").is_in([RunState.PUBLISHED, RunState.UNCHANGED])
    first = only(plan.portfolios, first_by(plan.portfolios, ~is_smooth, pl.col("turnover")))
    show(console, _compared(first), title=f"Portfolios, visible now→planned for {plan.day}")
    show_trade_totals(console, first)
    count_others(console, plan.portfolios, first, _ORDER, "--portfolio NAME shows another, --csv and --json have all")
    if targets.is_empty():
        console.print("Every target would stay as it is.")
    for portfolio in first.iter_rows(named=True):
        own = targets.filter(portfolio_id=portfolio["portfolio_id"])
        if own.height:
            console.print(f"[bold]{escape(_title(portfolio))}[/]")
            show(console, narrowed(console, _largest_first(own), _SPARED))


def _title(portfolio: Mapping[str, Any]) -> str:
    """Name a portfolio, the limits that would bind it, and those that do now."""
    now, planned = (", ".join(portfolio[one] or ["no limit"]) for one in ("visible_binding_limits", "binding_limits"))
    before = f"; now by {now}" if portfolio["visible_run_id"] and now != planned else ""
    return f"{portfolio['portfolio_id']}, the largest change first. Bound by {planned}{before}"


def _sentence(day: date, result: PlannedResult) -> str:
    why = f": {escape(result.reason)}" if result.reason else ""
    return f"{day} {escape(listed(result.portfolio_ids))}: {_WORDS[result.state]}{why}"


def _compared(portfolios: pl.DataFrame) -> pl.DataFrame:
    """Return the figures of each portfolio as texts: `now → planned`, or one where they are the same."""
    rounded = ("turnover", "cash_weight", "portfolio_volatility", "risk_scale")
    shown = four_decimals(portfolios, *rounded, *(f"visible_{name}" for name in rounded))
    figures = {
        name: column
        for name, column in _FIGURES.items()
        if column not in _OF_RISK
        or shown.select(pl.col(column, f"visible_{column}").is_not_null().any()).row(0) != (False, False)
    }
    return shown.select("portfolio_id", *(_pair(*figure) for figure in figures.items()))


def _pair(name: str, column: str) -> pl.Expr:
    now, planned = (pl.col(one).cast(pl.String).fill_null("none") for one in (f"visible_{column}", column))
    return pl.when(now == planned).then(planned).otherwise(pl.format("{}→{}", now, planned)).alias(name)


def _largest_first(targets: pl.DataFrame) -> pl.DataFrame:
    """Return what is shown of a portfolio's targets: after = held + trade, and why the trade is what it is."""
    size = pl.max_horizontal(pl.col("weight_change", "trade_weight").abs())
    shown = targets.sort(size, "asset", descending=[True, False]).select(
        "asset",
        visible="visible_target_weight",
        planned="target_weight",
        held="current_weight",
        trade="trade_weight",
        after="post_trade_weight",
        action="action",
        trade_reason="trade_reason",
        **{name: name for name in kept_columns(targets)},
        reason=pl.when(pl.col("visible_run_id").is_not_null() & pl.col("change_reason").is_not_null())
        .then(with_causes())
        .when("is_changed")
        .then("target_reason"),
    )
    return four_decimals(shown, "visible", "held", "planned", "trade", "after")
