"""What the charts and tables of risk show: risk beside weight, and what has no volatility with the data to deliver."""

import polars as pl

from sizing.risk.volatility import OLDEST_LAST_RETURN
from tasks.reports.chart_data import percent, with_fractions
from tasks.reports.tables import ASSET, Column, Table, make_table, more_of

MOST_RISKS = 20
"""Positions of a portfolio in the chart of its risk."""

_ALIKE = 5e-4
"""Shares that differ by less are shown as the same."""

_MISSING = (
    *ASSET,
    Column("weight", "current_weight", "weight", "Weight held when it was computed, of the portfolio's value"),
    Column("then", "then", meaning="What a missing volatility does to it"),
    Column("why", "missing_reason", "code"),
    Column("returns", "n_returns", "number", "Returns in the window"),
    Column("deliver", "deliver", "words"),
)

_RISKS = (
    *ASSET,
    Column("volatility", "volatility", "weight", "A year, of its own value"),
    Column("x by volatility", "volatility_multiplier", "score", "What its size is multiplied by"),
    Column("crowding", "crowding", "score", "Names' worth of risk that it and what moves with it are"),
    Column("x by crowding", "crowding_multiplier", "score", "What its size is multiplied by"),
    Column("cap", "position_cap", "weight", "Largest weight by max_single_position and max_position_risk"),
    Column("target", "target_weight", "weight", "Weight to hold, of the portfolio's value"),
    Column("risk", "risk_share", "weight", "Part of the variance of the targets"),
)


def share_rows(weights: pl.DataFrame) -> pl.DataFrame:
    """Return each portfolio's positions with most risk, of those portfolios that have risk shares.

    *Requires* the columns of the query `chart_weights`. *Adds* `weight_share` (of what is invested), `risk` (above its
    weight, below its weight, equal) and `label`. A position without a volatility is last and has no risk share.
    """
    share, weight = pl.col("risk_share"), pl.col("weight_share")
    risk = (
        pl.when((share - weight).abs() < _ALIKE)
        .then(pl.lit("equal"))
        .when(share > weight)
        .then(pl.lit("above its weight"))
        .otherwise(pl.lit("below its weight"))
    )
    words = percent("risk_share") + "  at " + percent("volatility")
    return (
        with_fractions(weights)
        .filter(~pl.col("is_cash"), pl.col("target_weight") > 0)
        .filter(share.is_not_null().any().over("portfolio_id"))
        .with_columns(weight_share=pl.col("target_weight") / pl.col("target_weight").sum().over("portfolio_id"))
        .sort("portfolio_id", "risk_share", "asset", descending=[False, True, False], nulls_last=True)
        .group_by("portfolio_id", maintain_order=True)
        .head(MOST_RISKS)
        .with_columns(risk=risk, label=words.fill_null("no volatility"))
    )


def risk_tables(weights: pl.DataFrame, missing: pl.DataFrame) -> tuple[Table, ...]:
    """Return the risk of each position, most risk first, and what has no volatility: each only where it has rows.

    *Requires* the rows of `chart_weights` and `chart_missing_volatilities` of one portfolio.
    """
    read = weights.filter(pl.col("volatility").is_not_null(), pl.col("target_weight") > 0)
    rows = read.sort("risk_share", "asset", descending=[True, False], nulls_last=True)
    columns = [one for one in _RISKS if rows[one.field].count()]
    risks = (make_table("Risk of each position", columns, rows, ""),) if rows.height else ()
    return (*risks, *missing_volatilities(missing))


def missing_volatilities(missing: pl.DataFrame, title: str = "Without a volatility") -> tuple[Table, ...]:
    """Return what has no volatility though a limit reads it, and what to deliver; no table without rows.

    *Requires* the rows of `chart_missing_volatilities` of one portfolio.
    """
    if missing.is_empty():
        return ()
    is_of_scores, reason = pl.col("source") == "scores", pl.col("missing_reason")
    deliver = (
        pl.when(reason == "implausible")
        .then(pl.lit("its volatility beside its score, as a fraction"))
        .when(is_of_scores)
        .then(pl.lit("its volatility beside its score"))
        .when(reason == "suspect_return")
        .then(pl.format("prices of {} again: adjustment_factor of a split, or daily_return", "suspect_session"))
        .when(reason == "too_few_returns")
        .then(pl.format("prices of more sessions: min_observations is {}", "min_observations"))
        .when(reason == "old_returns")
        .then(pl.lit(f"prices of the last {OLDEST_LAST_RETURN + 1} sessions"))
        .when(reason == "flat_prices")
        .then(pl.lit("closes that move: all of the window are the same"))
        .otherwise(pl.format("prices of the last {} sessions", "window_days"))
    )
    held = pl.when("is_held").then(pl.lit("stays at its weight")).otherwise(pl.lit("is not opened"))
    note = more_of(missing, "n_missing", "names, holdings before others")
    return (make_table(title, _MISSING, missing.with_columns(deliver=deliver, then=held), "", note),)
