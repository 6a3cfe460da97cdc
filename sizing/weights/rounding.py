"""Stored weights: whole units of 1e-8 that add up exactly (docs/sizing.md 5).

Round each down, then give the leftover units one each by largest remainder, ties by rank, to positions that stay
<= c and whose bucket stays <= B. Units that fit nowhere are cash, and so are all of a portfolio that is scaled down.
"""

import polars as pl

from sizing.frames.integer_keys import packed
from sizing.frames.plans import run_plan
from sizing.frames.sorted_groups import position_in_run
from sizing.frames.weight_units import SNAP, UNITS, as_weight

SCALED_AWAY = "target_volatility"
"""Why a sized position has no weight: scaled down to its target, the portfolio has no unit for it."""

_REMAINDER_STEPS = 10_000
"""Remainders are compared in steps of this part of a unit: float noise must not beat the rank."""


def add_target_weight(working: pl.DataFrame) -> pl.DataFrame:
    """Round (stage 2 weight + residual weight) x risk_scale, which pinned rows are spared.

    *Adds* `target_weight`, DECIMAL(10, 8), and the drop reason of what is scaled down to nothing.
    """
    scale = pl.when("is_pinned").then(1.0).otherwise(pl.col("risk_scale").fill_null(1.0))
    exact = (pl.col("stage2_weight") + pl.col("residual_weight")) * scale * UNITS
    # A portfolio of n positions may gain at most half a unit by snapping, or it could exceed its total.
    snap = pl.min_horizontal(pl.lit(SNAP), 0.5 / pl.len().over("portfolio_key"))
    units = (
        working.lazy()
        .select(
            *("portfolio_key", "bucket_key", "score_rank", "is_sized", "is_pinned", "is_immovable", "is_rounded_down"),
            exact=exact,
            snap=snap,
            row=pl.int_range(pl.len()),
            is_scaled=(pl.col("risk_scale") < 1).fill_null(value=False),
            cap=pl.when("is_pinned").then(as_units("max_single_position")).otherwise(as_units("cap")),
            bucket_cap=as_units("bucket_limit"),
        )
        .with_columns(floor=(pl.col("exact") + pl.col("snap")).floor().cast(pl.Int64))
        .pipe(run_plan)
    )
    extra = pl.zeros(units.height, pl.Int64, eager=True).scatter(_leftover_rows(units), 1)
    is_scaled_away = pl.col("is_sized") & (pl.col("target_weight") == 0) & (pl.col("risk_scale") < 1)
    return run_plan(
        working.lazy()
        .with_columns(target_weight=as_weight(pl.lit(units["floor"] + extra)))
        .with_columns(drop_reason=pl.when(is_scaled_away).then(pl.lit(SCALED_AWAY)).otherwise("drop_reason"))
    )


def as_units(weight: str) -> pl.Expr:
    """Turn a limit with at most eight decimals into whole units; infinity stays above any weight."""
    units: pl.Expr = (pl.col(weight).clip(upper_bound=2.0) * UNITS).round().cast(pl.Int64)
    return units


def _leftover_rows(units: pl.DataFrame) -> pl.Series:
    """Find the rows that get one unit more: by remainder and rank, while cap, bucket and leftover allow."""
    leftover = (pl.col("exact").sum() + SNAP).floor().cast(pl.Int64) - pl.col("floor").sum()
    may_change = pl.col("is_sized") | (pl.col("is_pinned") & ~(pl.col("is_immovable") | pl.col("is_rounded_down")))
    can_take = may_change & (pl.col("floor") < pl.col("cap")) & ~pl.col("is_scaled")
    remainder = (pl.col("exact") - pl.col("floor")).clip(0) * _REMAINDER_STEPS
    takers = (
        units.lazy()
        .with_columns(
            leftover=leftover.over("portfolio_key"),
            bucket_room=pl.col("bucket_cap") - pl.col("floor").sum().over("bucket_key"),
            steps_short=_REMAINDER_STEPS - remainder.round().cast(pl.Int64),
        )
        .filter((pl.col("leftover") > 0) & (pl.col("bucket_room") > 0) & can_take)
        .select(
            *("row", "portfolio_key", "bucket_key", "leftover"),
            order=packed("portfolio_key", "steps_short", "score_rank"),
            is_scarce=pl.len().over("bucket_key") > pl.col("bucket_room"),
            bucket_room="bucket_room",
        )
        .sort("order")
        .pipe(run_plan)
    )
    admitted = takers.join(_too_late(takers.filter("is_scarce")), on="row", how="anti", maintain_order="left")
    return admitted.filter(position_in_run("portfolio_key") <= pl.col("leftover"))["row"]


def _too_late(takers: pl.DataFrame) -> pl.DataFrame:
    """Find the rows whose bucket has no room left when their turn comes."""
    return takers.filter(pl.int_range(pl.len()).over("bucket_key") >= pl.col("bucket_room"))
