"""The scale of a portfolio between the stages and rounding, and the share of each position in its risk after it.

What does not belong here: how volatilities of portfolios come about (risk/scale.py).
"""

import polars as pl

from sizing.frames.weight_units import UNITS, as_weight
from sizing.risk.scale import SCALES, SHARES, PortfolioReturns

_KEY = ["portfolio_id", "asset"]


def add_risk_scale(working: pl.DataFrame, selected: pl.DataFrame, returns: PortfolioReturns) -> pl.DataFrame:
    """Add `risk_scale` (null: no target), `unscaled_volatility` (a year) and `n_sessions` of the portfolio.

    And `position_cap`, DECIMAL(10, 8): the largest weight of a row that max_position_risk binds.

    *Requires* every stage's columns, and the `selected` assets that the working frame is of.
    """
    weight = pl.col("stage2_weight") + pl.col("residual_weight")
    measured = working.with_columns(pl.lit(None, kind).alias(name) for name, kind in SCALES.items())
    if returns.windows:
        found = returns.find_scales(_positions(working, selected, weight))
        scales = _names(working, selected).join(found, on="portfolio_id", how="left", maintain_order="left")
        measured = working.hstack(scales.drop(_KEY))
    is_bound = pl.col("max_position_risk").is_not_null() & ~pl.col("is_pinned")
    cap_units = (pl.col("cap") * UNITS).round().cast(pl.Int64)
    return measured.with_columns(position_cap=pl.when(is_bound).then(as_weight(cap_units)))


def add_risk_shares(working: pl.DataFrame, selected: pl.DataFrame, returns: PortfolioReturns) -> pl.DataFrame:
    """Add `risk_share`, and `portfolio_volatility` of the targets (a year)."""
    if not returns.windows:
        return working.with_columns(pl.lit(None, kind).alias(name) for name, kind in SHARES.items())
    found = returns.find_shares(_positions(working, selected, pl.col("target_weight").cast(pl.Float64)))
    shares = _names(working, selected).join(found, on=_KEY, how="left", maintain_order="left")
    return working.hstack(shares.drop(_KEY))


def _names(working: pl.DataFrame, selected: pl.DataFrame) -> pl.DataFrame:
    return selected.select(_KEY)[working["input_row"]]


def _positions(working: pl.DataFrame, selected: pl.DataFrame, weight: pl.Expr) -> pl.DataFrame:
    return _names(working, selected).hstack(working.select("volatility", "is_pinned", weight=weight))
