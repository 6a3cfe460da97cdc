"""Which of many portfolios are shown first: the ten that matter most; the others are counted.

What does not belong here: how they are shown.
"""

import polars as pl

from sizing.text import MOST_NAMED

ORDER = "missed limits first, then cash that a limit forces, then turnover"


def first_portfolios(summary: pl.DataFrame) -> list[str]:
    """Return the ten portfolios that matter most, or all of fewer, in the order of their names.

    *Requires* the columns of the query `day_summary`.
    """
    forced_cash = pl.when("is_cash_forced").then("cash_weight").otherwise(0)
    return first_by(summary, pl.col("n_missed") > 0, forced_cash, pl.col("turnover"))


def first_by(rows: pl.DataFrame, *order: pl.Expr) -> list[str]:
    """Return the ten portfolios with the largest values, or all of fewer, in the order of their names."""
    largest = rows.sort(*order, "portfolio_id", descending=[*[True] * len(order), False], nulls_last=True)
    return largest["portfolio_id"].unique(maintain_order=True).head(MOST_NAMED).sort().to_list()
