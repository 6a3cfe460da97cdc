"""Limits as columns, so that every portfolio of a frame is sized under its own.

What does not belong here: any rule. This file only joins the numbers to the rows that they bind.
"""

from collections.abc import Mapping
from typing import NamedTuple

import polars as pl
from polars.datatypes import DataType, DataTypeClass

from sizing.errors import ContractError
from sizing.limits.model import RebalancingLimits
from sizing.text import listed

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
    "tier_step": pl.UInt32,
    "min_score": pl.Float64,
    "size_category": pl.String,
    "tier_multiplier": pl.Float64,
}
_BUCKET_SCHEMA = {"limits_key": pl.UInt32, "bucket": pl.String, "own_bucket_limit": pl.Float64}


class LimitColumns(NamedTuple):
    """Frames of limits: one row per portfolio, per tier (step 0: below them all), and per bucket with its own limit."""

    portfolios: pl.DataFrame
    tiers: pl.DataFrame
    buckets: pl.DataFrame


def limit_columns(limits: LimitsByPortfolio, portfolio_ids: pl.Series) -> LimitColumns:
    """Return the limits of every portfolio in `portfolio_ids`, and of those that only `limits` names.

    *Raises* `ContractError` where a portfolio has no limits.
    """
    distinct, portfolios = _keyed(limits, portfolio_ids)
    sizing = pl.DataFrame(
        [_sizing_row(key, one) for key, one in enumerate(distinct)], schema=_SIZING_SCHEMA, orient="row"
    )
    return LimitColumns(
        portfolios.join(sizing, on="limits_key", how="left", maintain_order="left").with_row_index("portfolio_key"),
        pl.DataFrame(
            [(key, *step) for key, one in enumerate(distinct) for step in _steps(one)],
            schema=_TIER_SCHEMA,
            orient="row",
        ),
        pl.DataFrame(
            [
                (key, bucket, share)
                for key, one in enumerate(distinct)
                if one.enable_dynamic_sizing and one.enable_bucket_diversification
                for bucket, share in one.max_allocation_by_bucket.items()
            ],
            schema=_BUCKET_SCHEMA,
            orient="row",
        ),
    )


def check_limits(limits: LimitsByPortfolio) -> LimitsByPortfolio:
    """Return the limits as they came.

    *Raises* `ContractError` where they are no limits, as happens in a notebook, which no type checker reads.
    """
    given = list(limits.values()) if isinstance(limits, Mapping) else [limits]
    wrong = [one for one in given if not isinstance(one, RebalancingLimits)]
    if wrong:
        msg = (
            f"expected a RebalancingLimits, or a mapping from portfolio_id to one; got {wrong[0]!r}: "
            "RebalancingLimits(max_single_position=0.15) makes one"
        )
        raise ContractError(msg)
    return limits


def _keyed(limits: LimitsByPortfolio, portfolio_ids: pl.Series) -> tuple[list[RebalancingLimits], pl.DataFrame]:
    """Return the distinct limits, and the key of its own for each portfolio."""
    names = portfolio_ids.unique().sort()
    if isinstance(limits, RebalancingLimits):
        return [limits], pl.DataFrame({"portfolio_id": names}).with_columns(limits_key=pl.lit(0, pl.UInt32))
    missing = [one for one in names if one not in limits]
    if missing:
        msg = (
            f"no limits for {len(missing)} of {len(names)} portfolios: {listed(missing)}; "
            f"limits are given for {len(limits)}: {listed(sorted(limits))}. Add the missing ones"
        )
        raise ContractError(msg)
    distinct = {id(one): one for one in limits.values()}
    keys = {identity: key for key, identity in enumerate(distinct)}
    rows = [(name, keys[id(one)]) for name, one in sorted(limits.items())]
    return list(distinct.values()), pl.DataFrame(rows, schema=_PORTFOLIO_SCHEMA, orient="row")


def _steps(limits: RebalancingLimits) -> list[tuple[int, float | None, str, float]]:
    """Return the tiers with their step, from the lowest up; step 0 is below them all."""
    rising = [(tier.min_score, tier.size_category, tier.score_multiplier) for tier in reversed(limits.score_tiers)]
    return [(0, None, "none", 0.0), *((step, *tier) for step, tier in enumerate(rising, start=1))]


def _sizing_row(key: int, limits: RebalancingLimits) -> tuple[object, ...]:
    """Return the limits that bind: without dynamic sizing there is no cap, no floor, no bucket limit."""
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
    """Return one row per portfolio_id with the limits that `schema` names."""
    rows = [
        (portfolio_id, *(_plain(getattr(one, name)) for name in list(schema)[1:]))
        for portfolio_id, one in sorted(limits.items())
    ]
    return pl.DataFrame(rows, schema=schema, orient="row")


def _plain(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value
