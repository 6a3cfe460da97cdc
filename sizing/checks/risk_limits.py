"""The risk limits compared with the targets: the risk of each position, and the volatility of each portfolio."""

from collections.abc import Iterator
from typing import Protocol

import polars as pl

from sizing.checks.check_row import BELOW, checked
from sizing.frames.day_inputs import DayInputs
from sizing.frames.limit_columns import limit_frame
from sizing.limits.fields import VOLATILITY_TOLERANCE

_NOT_ATTAINABLE = pl.lit("not attainable: what is pinned moves too much")


class Sized(Protocol):
    """What is read of sized portfolios: `volatility` of the positions, `risk_scale, portfolio_volatility` of all."""

    @property
    def positions(self) -> pl.DataFrame:
        """A row an asset."""

    @property
    def portfolios(self) -> pl.DataFrame:
        """A row a portfolio."""


def risk_checks(positions: pl.DataFrame, sized: Sized, inputs: DayInputs) -> Iterator[pl.DataFrame]:
    """Yield the checks of the portfolios that have such limits. *Requires* positions with their `weight`."""
    limits = limit_frame(inputs.limits, ["max_position_risk", "target_volatility"])
    risks = (
        positions.filter(~pl.col("is_pinned"))
        .join(sized.positions.select("portfolio_id", "asset", "volatility"), on=["portfolio_id", "asset"], how="left")
        .group_by("portfolio_id")
        .agg(value=(pl.col("weight") * pl.col("volatility")).max())
    )
    at_most = limits.select("portfolio_id", limit_value="max_position_risk").drop_nulls()
    yield checked(
        at_most.join(risks, on="portfolio_id", how="left"),
        "max_position_risk",
        slack=BELOW,
        binds_within=VOLATILITY_TOLERANCE,
    )
    pinned = positions.filter("is_pinned").select("portfolio_id").unique().with_columns(has_pinned=pl.lit(value=True))
    measured = sized.portfolios.select("portfolio_id", value="portfolio_volatility").join(
        pinned, on="portfolio_id", how="left"
    )
    targets = limits.select("portfolio_id", limit_value="target_volatility").drop_nulls()
    is_above = pl.col("value") > pl.col("limit_value") + VOLATILITY_TOLERANCE
    yield checked(
        targets.join(measured, on="portfolio_id", how="left"),
        "target_volatility",
        slack=BELOW,
        excused=~is_above | pl.col("has_pinned").fill_null(value=False),
        reason=pl.when(is_above).then(_NOT_ATTAINABLE),
        binds_within=VOLATILITY_TOLERANCE,
    )
