"""Tables of many portfolios on a terminal: those that matter most, and a line that counts the others."""

import polars as pl
from rich.console import Console
from rich.markup import escape

from sql.snapshot_reader import Reader
from tasks.reports.priority import first_portfolios


def summary_of(reader: Reader, targets: pl.DataFrame) -> pl.DataFrame:
    """Return the rows of `day_summary` of targets. *Requires* `run_id, portfolio_id`, one run a portfolio."""
    of_runs = reader.query("day_summary", run_ids=targets["run_id"].unique().to_list())
    return of_runs.join(targets, on=["run_id", "portfolio_id"], how="semi").sort("portfolio_id")


def first_targets(reader: Reader, targets: pl.DataFrame) -> pl.DataFrame:
    """Return the targets of the portfolios that matter most. *Requires* `run_id, portfolio_id`, one run a portfolio."""
    return only(targets, first_portfolios(summary_of(reader, targets)))


def only(rows: pl.DataFrame, portfolio_ids: list[str]) -> pl.DataFrame:
    """Return the rows of these portfolios."""
    return rows.filter(pl.col("portfolio_id").is_in(portfolio_ids))


def count_others(console: Console, every: pl.DataFrame, shown: pl.DataFrame, order: str, way: str) -> None:
    """Print how many portfolios are shown of how many, in which order, and the way to the others; nothing of all."""
    n_shown, n_every = (rows["portfolio_id"].n_unique() for rows in (shown, every))
    if n_shown < n_every:
        console.print(f"{n_shown} of {n_every:,} portfolios, {order}: {escape(way)}\n", soft_wrap=True)
