"""Rows of runs as the queries chart_* return them, made by hand."""

from decimal import Decimal

import polars as pl

WEIGHT = pl.Decimal(10, 8)
SCHEMA = {
    "portfolio_id": pl.String,
    "asset": pl.String,
    "bucket": pl.String,
    "is_cash": pl.Boolean,
    "is_pinned": pl.Boolean,
    "current_weight": WEIGHT,
    "target_weight": WEIGHT,
    "trade_weight": WEIGHT,
    "post_trade_weight": WEIGHT,
    "action": pl.String,
    "trade_rank": pl.Int32,
    "trade_reason": pl.String,
    "target_reason": pl.String,
    "score": pl.Float64,
    "raw_weight": pl.Float64,
    "stage1_weight": pl.Float64,
    "stage2_weight": pl.Float64,
    "residual_weight": pl.Float64,
    "volatility": pl.Float64,
    "volatility_multiplier": pl.Float64,
    "crowding": pl.Float64,
    "crowding_multiplier": pl.Float64,
    "position_cap": WEIGHT,
    "risk_share": pl.Float64,
    "max_single_position": WEIGHT,
}


def weights(*rows: dict[str, object]) -> pl.DataFrame:
    return pl.DataFrame([dict.fromkeys(SCHEMA) | row for row in rows], schema=SCHEMA)


def row(asset: str, before: str, target: str, portfolio: str = "p", **more: object) -> dict[str, object]:
    """One row as a run gives it; what is not told of its stages is that nothing changed it on the way."""
    trade, weight = Decimal(target) - Decimal(before), float(target)
    moved = "open" if not Decimal(before) else "close" if not weight else "increase" if trade > 0 else "decrease"
    stages = dict.fromkeys(("raw_weight", "stage1_weight", "stage2_weight"), weight) | {"residual_weight": 0.0}
    return {
        "portfolio_id": portfolio,
        "asset": asset,
        "is_cash": asset == "CASH",
        "is_pinned": False,
        "current_weight": Decimal(before),
        "target_weight": Decimal(target),
        "trade_weight": Decimal(0) if asset == "CASH" else trade,
        "post_trade_weight": Decimal(target),
        "trade_reason": None if asset == "CASH" else "rebalance",
        "action": moved if trade and asset != "CASH" else "hold",
        "target_reason": "because",
        "max_single_position": Decimal("0.15"),
        **(stages if weight and asset != "CASH" else {}),
        **more,
    }
