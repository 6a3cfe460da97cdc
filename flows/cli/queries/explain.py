"""`ballast explain`: the whole story of one weight."""

from datetime import date
from typing import Annotated

import polars as pl
from cyclopts import Parameter

from flows.cli.queries.explain_life import read_life, with_life
from flows.cli.queries.explain_view import print_page
from flows.cli.queries.snapshot_session import NothingToShowError, open_snapshot, require_known_portfolios
from flows.terminal.console import out
from flows.terminal.output import write_rows
from flows.terminal.parameters import AS_TABLE, NAME, OutputFormat, Snapshot
from tasks.config.settings import Settings
from tasks.errors import UsageError
from tasks.runs.entry_scores import put_entry_scores

_NOT_PUBLISHED, _NO_CANDIDATE = "published run", "candidate"
"""Rows that mark an explanation without content."""


def explain(
    portfolio: Annotated[str, NAME, Parameter(help="The portfolio.")],
    asset: Annotated[str, NAME, Parameter(help="The asset, held or not, or CASH.")],
    /,
    *,
    as_of: Annotated[date | None, Parameter(help="The trading day. Default: the portfolio's newest.")] = None,
    snapshot: Snapshot = None,
    form: OutputFormat = AS_TABLE,
) -> None:
    """Write how a weight came about: on a terminal as a page, for a program as rows."""
    with open_snapshot(snapshot) as reader:
        known = require_known_portfolios(reader, [portfolio])
        day = as_of or known["newest_day"][0]
        put_entry_scores(reader, Settings().exchange, [portfolio], day)
        steps = reader.query("explained", portfolio_id=portfolio, asset=asset, as_of_date=day)
        steps = with_life(steps, read_life(reader, portfolio, asset, day))
        renamed = reader.query("name_today", portfolio_id=portfolio, asset=asset, as_of_date=day)["name"].to_list()
    quantity, words = steps.row(0, named=True)["quantity"], steps["words"][0]
    if quantity == _NOT_PUBLISHED:
        raise NothingToShowError(words)
    if quantity == _NO_CANDIDATE:
        if renamed:
            words = f"{asset} is called {renamed[0]} on {day}: explain {portfolio} {renamed[0]}"
        raise UsageError(words)
    if form.is_for_program:
        keys = {"portfolio_id": portfolio, "asset": asset, "as_of_date": day}
        write_rows(steps.select(*(pl.lit(value).alias(name) for name, value in keys.items()), pl.all()), form)
        return
    print_page(out(), portfolio, asset, day, steps)
