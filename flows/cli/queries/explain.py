"""`ballast explain`: the whole story of one weight."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path

import polars as pl

from flows.cli.queries.explain_view import print_page
from flows.cli.queries.snapshot_session import NothingToShowError, look, require_known_portfolios
from flows.terminal.console import out
from flows.terminal.output import give, is_for_program
from flows.terminal.parameters import Form
from sql.snapshot_reader import SnapshotReader
from tasks.errors import UsageError

_NOT_PUBLISHED, _NO_CANDIDATE = "published run", "candidate"
"""Rows with which the story says that there is none."""


def explain_weight(portfolio: str, asset: str, as_of: date | None, paths: Mapping[str, Path], form: Form) -> int:
    """Tell the story: to a person as a page, to a program as rows."""

    def show(reader: SnapshotReader) -> None:
        known = require_known_portfolios(reader, [portfolio])
        day = as_of or known["newest_day"][0]
        steps = reader.query("explained", portfolio_id=portfolio, asset=asset, as_of_date=day)
        quantity, words = steps.row(0, named=True)["quantity"], steps["words"][0]
        if quantity == _NOT_PUBLISHED:
            raise NothingToShowError(words)
        if quantity == _NO_CANDIDATE:
            raise UsageError(words)
        if is_for_program(form):
            told = {"portfolio_id": portfolio, "asset": asset, "as_of_date": day}
            give(steps.select(*(pl.lit(value).alias(name) for name, value in told.items()), pl.all()), form)
            return
        print_page(out(), portfolio, asset, day, steps)

    return look(paths, form, show)
