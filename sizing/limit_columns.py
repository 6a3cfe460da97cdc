"""Limits as columns, so that every portfolio of a frame is sized under its own.

What does not belong here: any rule. This file only lays the numbers beside the rows that they bind.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import polars as pl
from polars.datatypes import DataType, DataTypeClass

from sizing.errors import ContractError
from sizing.limits import RebalancingLimits

LimitSchema = dict[str, DataType | DataTypeClass]

LimitsByPortfolio = RebalancingLimits | Mapping[str, RebalancingLimits]

_PORTFOLIO_SCHEMA = {
    "portfolio_id": pl.String,
    "limits_key": pl.UInt32,
}
_SIZING_SCHEMA = {
    "limits_key": pl.UInt32,
    "target_total_allocation": pl.Float64,
    "enable_dynamic_sizing": pl.Boolean,
    "sizing_mode": pl.String,
    "max_single_position": pl.Float64,
    "min_position_size": pl.Float64,
    "residual_strategy": pl.String,
    "max_residual_per_asset": pl.Float64,
    "max_residual_multiple": pl.Float64,
    "incumbent_bias": pl.Float64,
    "max_allocation_per_bucket": pl.Float64,
}
_TIER_SCHEMA = {
    "limits_key": pl.UInt32,
    "min_score": pl.Float64,
    "size_category": pl.String,
    "tier_multiplier": pl.Float64,
}
_BUCKET_SCHEMA = {"limits_key": pl.UInt32, "bucket": pl.String, "own_bucket_limit": pl.Float64}

_SHOWN = 5


class LimitColumns(NamedTuple):
    """Frames of limits: one row per portfolio, per tier, and per bucket with a limit of its own."""

    portfolios: pl.DataFrame
    tiers: pl.DataFrame
    buckets: pl.DataFrame


def limit_columns(limits: LimitsByPortfolio, portfolio_ids: Iterable[str]) -> LimitColumns:
    """Lay out the limits of every portfolio in `portfolio_ids`, and of those that only `limits` names.

    *Raises* `ContractError` where a portfolio has no limits.
    """
    by_portfolio = _by_portfolio(limits, sorted(set(portfolio_ids)))
    distinct = {id(one): one for one in by_portfolio.values()}
    keys = {identity: key for key, identity in enumerate(distinct)}
    portfolios = pl.DataFrame(
        {
            "portfolio_id": list(by_portfolio),
            "limits_key": [keys[id(one)] for one in by_portfolio.values()],
        },
        schema=_PORTFOLIO_SCHEMA,
    )
    sizing = pl.DataFrame(
        [_sizing_row(key, one) for key, one in enumerate(distinct.values())],
        schema=_SIZING_SCHEMA,
        orient="row",
    )
    return LimitColumns(
        portfolios.join(sizing, on="limits_key", how="left").sort("portfolio_id"),
        pl.DataFrame(
            [
                (key, tier.min_score, tier.size_category, tier.score_multiplier)
                for key, one in enumerate(distinct.values())
                for tier in one.score_tiers
            ],
            schema=_TIER_SCHEMA,
            orient="row",
        ).sort("min_score", maintain_order=True),
        pl.DataFrame(
            [
                (key, bucket, share)
                for key, one in enumerate(distinct.values())
                if one.enable_dynamic_sizing and one.enable_bucket_diversification
                for bucket, share in one.max_allocation_by_bucket.items()
            ],
            schema=_BUCKET_SCHEMA,
            orient="row",
        ),
    )


def _by_portfolio(limits: LimitsByPortfolio, portfolio_ids: list[str]) -> Mapping[str, RebalancingLimits]:
    if isinstance(limits, RebalancingLimits):
        return dict.fromkeys(portfolio_ids, limits)
    missing = [one for one in portfolio_ids if one not in limits]
    if missing:
        msg = (
            f"{len(missing)} portfolios have no limits: {', '.join(missing[:_SHOWN])}; "
            f"limits are given for {len(limits)}: {', '.join(sorted(limits)[:_SHOWN])}. Add the missing ones"
        )
        raise ContractError(msg)
    return limits


def _sizing_row(key: int, limits: RebalancingLimits) -> tuple[object, ...]:
    """Give the limits that bind: without dynamic sizing there is no cap, no floor, no bucket limit."""
    dynamic = limits.enable_dynamic_sizing
    bucketed = dynamic and limits.enable_bucket_diversification
    return (
        key,
        limits.target_total_allocation,
        dynamic,
        limits.sizing_mode if dynamic else "equal_weight",
        limits.max_single_position if dynamic else 1.0,
        limits.min_position_size if dynamic else 0.0,
        limits.residual_strategy,
        limits.max_residual_per_asset,
        limits.max_residual_multiple,
        limits.incumbent_bias,
        limits.max_allocation_per_bucket if bucketed else float("inf"),
    )


def limit_frame(limits: Mapping[str, RebalancingLimits], schema: LimitSchema) -> pl.DataFrame:
    """Lay the limits that `schema` names beside each portfolio_id."""
    rows = [
        (portfolio_id, *(_plain(getattr(one, name)) for name in list(schema)[1:]))
        for portfolio_id, one in sorted(limits.items())
    ]
    return pl.DataFrame(rows, schema=schema, orient="row")


def _plain(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value
