"""`ballast orders`: what to buy and to sell, in whole lots, and which portfolios have no orders and why."""

from datetime import date
from typing import Annotated

import polars as pl
from cyclopts import Parameter
from rich.markup import escape

from flows.cli.queries.snapshot_session import (
    NothingToShowError,
    name_days_around,
    open_snapshot,
    require_known_portfolios,
)
from flows.terminal.console import err, four_decimals, narrowed, out
from flows.terminal.foremost import count_others, first_targets
from flows.terminal.output import write_rows
from flows.terminal.parameters import AS_TABLE, NAME, OutputFormat, Snapshot
from sizing.text import first_of, grouped
from sizing.trading.orders import NO_TRADES, ORDERED
from tasks.reports.priority import ORDER

_SPARED = ("reason", "weight_before", "weight_after", "lot_size", "notional")
"""What a narrow terminal has no place for, the first one first."""


def orders(
    *portfolios: Annotated[str, NAME, Parameter(help="The portfolios. Default: all.")],
    as_of: Annotated[date | None, Parameter(help="The trading day. Default: the newest of each portfolio.")] = None,
    snapshot: Snapshot = None,
    form: OutputFormat = AS_TABLE,
) -> None:
    """Show the orders: all columns to a program, to a person those that fit."""
    with open_snapshot(snapshot) as reader:
        require_known_portfolios(reader, portfolios)
        wanted = {"portfolio_ids": list(portfolios), "as_of_date": as_of}
        status = reader.query("shown_order_status", **wanted)
        if status.is_empty() and as_of:
            msg = f"no orders of {as_of}: {name_days_around(reader, as_of)}"
            raise NothingToShowError(msg)
        shown = reader.query("shown_orders", **wanted)
        unordered = status.filter(~pl.col("status").is_in([ORDERED, NO_TRADES]))
        without = grouped(unordered.select("portfolio_id", "explanation").iter_rows())
        if shown.is_empty() and without:
            msg = f"no orders: {'; '.join(first_of([f'{names}: {why}' for names, why in without]))}"
            raise NothingToShowError(msg)
        for names, why in without:
            err().print(f"[yellow]warning:[/] no orders of {escape(names)}: {escape(why)}", soft_wrap=True)
        if form.is_for_program:
            write_rows(shown, form)
            return
        first = shown if portfolios else first_targets(reader, shown)
    _show_table(first, form)
    count_others(out(), shown, first, ORDER, "name others, or --csv and --json have all")


def _show_table(orders: pl.DataFrame, form: OutputFormat) -> None:
    days = orders["as_of_date"].unique().sort()
    weights = ["weight_before", "weight_after"]
    shown = orders.select(
        "portfolio_id",
        *(["as_of_date"] if len(days) > 1 else []),
        *("side", "asset"),
        *(_plain(name) for name in ("quantity", "lot_size", "reference_price")),
        pl.col("notional").round(2).cast(pl.Decimal(28, 2)),
        *weights,
        "reason",
    )
    title = f"Orders of {days[0]}" if len(days) == 1 else "Orders of the newest day of each portfolio"
    write_rows(narrowed(out(), shown.pipe(four_decimals, *weights), _SPARED), form, title)


def _plain(name: str) -> pl.Expr:
    """Write a number without zeros behind its last digit."""
    return pl.col(name).cast(pl.String).str.replace(r"\.?0+$", "")
