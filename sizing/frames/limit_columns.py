"""Limits as columns, so that every portfolio of a frame is sized under its own.

What does not belong here: any rule. This file only joins the numbers to the rows that they bind.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import polars as pl
from polars.datatypes import DataType
from pydantic import BaseModel

from sizing.errors import ContractError
from sizing.limits.model import RebalancingLimits
from sizing.text import listed

LimitsByPortfolio = RebalancingLimits | Mapping[str, RebalancingLimits]

_SIZING_LIMITS = (
    *("target_total_allocation", "enable_dynamic_sizing", "sizing_mode", "max_single_position", "min_position_size"),
    *("residual_strategy", "max_residual_per_asset", "max_residual_multiple", "incumbent_bias"),
    *("max_position_risk", "target_volatility"),
    *("max_allocation_per_bucket", "rebalance_band", "min_trade_weight", "max_turnover", "min_order_value"),
)
_TIER_SCHEMA = {
    "limits_key": pl.UInt32,
    "tier_step": pl.UInt32,
    "min_score": pl.Float64,
    "size_category": pl.String,
    "tier_multiplier": pl.Float64,
}
_BUCKET_SCHEMA = {"limits_key": pl.UInt32, "bucket": pl.String, "own_bucket_limit": pl.Float64}
_TYPES: Mapping[str, DataType] = {
    "number": pl.Float64(),
    "integer": pl.Int64(),
    "boolean": pl.Boolean(),
    "string": pl.String(),
    "array": pl.List(pl.String()),
}
"""Types of columns by the types of JSON schema."""


def column_types(model: type[BaseModel]) -> dict[str, DataType]:
    """Return the types of a model's fields as columns; one that may be null has the type of its value."""
    kinds = model.model_json_schema()["properties"].items()
    types = {name: kind.get("type") or kind["anyOf"][0]["type"] for name, kind in kinds}
    return {name: _TYPES[one] for name, one in types.items() if one in _TYPES}


_LIMIT_TYPES: Mapping[str, DataType] = column_types(RebalancingLimits)


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
    sizing = pl.DataFrame([_binding_values(one) for one in distinct], limit_schema(_SIZING_LIMITS), orient="row")
    return LimitColumns(
        portfolios.join(
            sizing.with_row_index("limits_key"), on="limits_key", how="left", maintain_order="left"
        ).with_row_index("portfolio_key"),
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
    return _with_keys(limits)


def _with_keys(limits: Mapping[str, RebalancingLimits]) -> tuple[list[RebalancingLimits], pl.DataFrame]:
    """Return each object of limits once, and `portfolio_id, limits_key` by name: many portfolios share a few."""
    distinct = {id(one): one for one in limits.values()}
    keys = {identity: key for key, identity in enumerate(distinct)}
    keyed = {"portfolio_id": list(limits), "limits_key": [keys[id(one)] for one in limits.values()]}
    schema = {"portfolio_id": pl.String, "limits_key": pl.UInt32}
    return list(distinct.values()), pl.DataFrame(keyed, schema).sort("portfolio_id")


def _steps(limits: RebalancingLimits) -> list[tuple[int, float | None, str, float]]:
    """Return the tiers with their step, from the lowest up; step 0 is below them all."""
    rising = [(tier.min_score, tier.size_category, tier.score_multiplier) for tier in reversed(limits.score_tiers)]
    return [(0, None, "none", 0.0), *((step, *tier) for step, tier in enumerate(rising, start=1))]


def _binding_values(limits: RebalancingLimits) -> list[object]:
    """Return the limits of sizing that bind: without dynamic sizing there is no cap, no floor, no bucket limit."""
    free: dict[str, object] = {}
    if not limits.enable_dynamic_sizing:
        free = {"sizing_mode": "equal_weight", "max_single_position": 1.0, "min_position_size": 0.0}
    if not (limits.enable_dynamic_sizing and limits.enable_bucket_diversification):
        free["max_allocation_per_bucket"] = float("inf")
    values = limit_values(limits, _SIZING_LIMITS)
    return [free.get(name, value) for name, value in zip(_SIZING_LIMITS, values, strict=True)]


def limit_frame(limits: Mapping[str, RebalancingLimits], names: Iterable[str]) -> pl.DataFrame:
    """Return one row per portfolio, by `portfolio_id`, with the limits of these names."""
    names = list(names)
    distinct, keyed = _with_keys(limits)
    values = pl.DataFrame([limit_values(one, names) for one in distinct], limit_schema(names), orient="row")
    return keyed.select("portfolio_id").hstack(values[keyed["limits_key"]])


def limit_schema(names: Iterable[str]) -> dict[str, DataType]:
    """Return the types of limits as columns."""
    return {name: _LIMIT_TYPES[name] for name in names}


def limit_values(limits: RebalancingLimits, names: Iterable[str]) -> list[object]:
    """Return the values of limits, in the order of their names."""
    fields = vars(limits)
    return [list(value) if isinstance(value := fields[name], tuple) else value for name in names]
