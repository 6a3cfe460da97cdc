"""From sized positions and holdings to targets: what to open, increase, decrease, close, or leave alone."""

import polars as pl

from sizing.frames.day_inputs import DayInputs
from sizing.frames.limit_columns import limit_frame
from sizing.frames.schema import STORED_WEIGHT
from sizing.limits.fields import WEIGHT_TOLERANCE

CASH = "CASH"

TARGET_COLUMNS = (
    "as_of_date",
    "portfolio_id",
    "asset",
    "bucket",
    "is_cash",
    "target_weight",
    "current_weight",
    "trade_weight",
    "action",
    "trade_rank",
    "is_pinned",
    "is_score_stale",
    "target_reason",
)
"""A target, one row per portfolio and asset or CASH, in this order."""

_LIMITS = ("rebalance_band",)
_SHOWN_DECIMALS = 4
_ZERO = pl.lit(0).cast(STORED_WEIGHT)


def build_targets(
    decisions: pl.DataFrame, positions: pl.DataFrame, portfolios: pl.DataFrame, inputs: DayInputs
) -> pl.DataFrame:
    """Give the targets: every position, every holding that leaves (target 0), and one CASH row a portfolio.

    *Requires* decisions, and both frames of `size_portfolios`. By portfolio: positions by weight, then CASH.
    Pinned is what its decision or its restriction no_buy pinned.
    """
    sized = positions.select("portfolio_id", "asset", "target_weight", "sizing_reason", "pinned_weight")
    assets = (
        decisions.filter(pl.col("is_selected") | pl.col("is_held"))
        .join(sized, on=["portfolio_id", "asset"], how="left", maintain_order="left")
        .filter((pl.col("target_weight") > 0) | pl.col("is_held"))
        .join(limit_frame(inputs.limits, _LIMITS), on="portfolio_id", how="left", maintain_order="left")
        .with_columns(
            target_weight=pl.col("target_weight").fill_null(_ZERO),
            is_cash=pl.lit(value=False),
            is_pinned=pl.col("is_pinned") | pl.col("pinned_weight").is_not_null(),
            target_reason=pl.when("is_pinned")
            .then(pl.concat_str("decision_reason", pl.lit(" "), "sizing_reason"))
            .otherwise(pl.coalesce("sizing_reason", "decision_reason")),
        )
        .pipe(_with_action)
    )
    return (
        pl.concat([assets, _cash(portfolios)], how="diagonal_relaxed")
        .with_columns(as_of_date=pl.lit(inputs.as_of_date), trade_rank=_trade_rank())
        .sort("portfolio_id", "is_cash", "target_weight", "asset", descending=[False, False, True, False])
        .select(TARGET_COLUMNS)
    )


def _with_action(assets: pl.DataFrame) -> pl.DataFrame:
    """Hold where |target - current| <= rebalance_band x current; a hold keeps its computed target and trades 0."""
    change = (pl.col("target_weight") - pl.col("current_weight")).cast(STORED_WEIGHT)
    band = pl.col("rebalance_band") * pl.col("current_weight").cast(pl.Float64)
    is_small = pl.col("change").cast(pl.Float64).abs() <= band + WEIGHT_TOLERANCE
    action = (
        pl.when(pl.col("target_weight") == _ZERO)
        .then(pl.lit("close"))
        .when(pl.col("current_weight") == _ZERO)
        .then(pl.lit("open"))
        .when(is_small)
        .then(pl.lit("hold"))
        .when(pl.col("change") > _ZERO)
        .then(pl.lit("increase"))
        .otherwise(pl.lit("decrease"))
    )
    return (
        assets.with_columns(change=change)
        .with_columns(action=action)
        .with_columns(trade_weight=pl.when(pl.col("action") == "hold").then(_ZERO).otherwise("change"))
    )


def _cash(portfolios: pl.DataFrame) -> pl.DataFrame:
    return portfolios.select(
        "portfolio_id",
        asset=pl.lit(CASH),
        is_cash=pl.lit(value=True),
        target_weight="cash_weight",
        current_weight=_ZERO,
        trade_weight=_ZERO,
        action=pl.lit("hold"),
        is_pinned=pl.lit(value=False),
        is_score_stale=pl.lit(value=False),
        target_reason=pl.when(pl.col("residual") > 0)
        .then(
            pl.format(
                "The caps left {} over, {} placed it but for this cash.",
                pl.col("residual").round(_SHOWN_DECIMALS),
                "residual_strategy",
            )
            + pl.when(pl.col("relaxation").is_null()).then(pl.lit("")).otherwise(pl.format(" {}.", "relaxation"))
        )
        .otherwise(pl.lit("The positions make up target_total_allocation.")),
    )


def _trade_rank() -> pl.Expr:
    """Rank sells before buys, the larger first, ties by name."""
    trade = pl.col("trade_weight")
    is_traded = trade != _ZERO
    order = [~is_traded, trade > _ZERO, -trade.cast(pl.Float64).abs(), pl.col("asset")]
    return pl.when(is_traded).then(pl.int_range(1, pl.len() + 1, dtype=pl.Int32).over("portfolio_id", order_by=order))
