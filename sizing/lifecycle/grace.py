"""How long a holding below the exit score is kept, and at which weight: the days of grace.

With e = min_score_threshold, N = grace_period_days, k counts failing scores, and a failing holding is kept at

    p = min(current, max(w0 max(r^k, f), m)),  w0 its weight on the first failing day.
"""

import polars as pl

from sizing.frames.weight_units import SNAP, UNITS, as_weight

RECOVERY_SCORE = pl.coalesce("grace_recovery_score", pl.max_horizontal("min_score_new_position", "min_score_threshold"))
"""The score that ends grace, from the limits of a portfolio."""


def grace_count() -> pl.Expr:
    """Count the failing scores after the first. Only a score of today is an observation."""
    before, recovers = pl.col("grace_before"), pl.col("score_units") >= pl.col("recovery_units")
    counted = (
        pl.when(~pl.col("has_score_today")).then(before).when("fails").then("n_failing").when(~recovers).then(before)
    )
    return pl.when(pl.col("has_clocks") & (pl.col("grace_period_days") > 0)).then(counted).cast(pl.Int32)


def is_unobserved() -> pl.Expr:
    """Whether grace is on and the score is an older one: then it counts as missing."""
    return (
        pl.col("is_held")
        & (pl.col("grace_period_days") > 0)
        & (pl.col("score_age_days") > 0).fill_null(value=False)
        & (pl.col("fails") | pl.col("grace_before").is_not_null())
    )


def is_grace_over() -> pl.Expr:
    """Whether a failing score of today is the last that grace allows."""
    return (
        pl.col("fails")
        & pl.col("has_score_today")
        & (pl.col("grace_period_days") > 0)
        & (pl.col("grace_count") >= pl.col("grace_period_days")).fill_null(value=False)
    )


def grace_weight() -> pl.Expr:
    """Return p, rounded down to a unit; the current weight where no grace runs."""
    current, is_first = pl.col("current_weight").cast(pl.Float64), pl.col("grace_before").is_null()
    entry = pl.when(is_first).then(current).otherwise(pl.col("grace_entry_weight").cast(pl.Float64))
    kept = decayed_weight(entry, pl.col("grace_count"))
    return pl.when(pl.col("grace_count").is_null()).then("current_weight").otherwise(kept)


def decayed_weight(entry: pl.Expr, count: pl.Expr) -> pl.Expr:
    """Return p after `count` failing scores, rounded down to a unit.

    *Requires* `current_weight, grace_decay_rate, min_decay_factor, least_weight`.
    """
    left = pl.max_horizontal(pl.col("grace_decay_rate").pow(count), "min_decay_factor")
    units = (pl.max_horizontal(entry * left, "least_weight") * UNITS + SNAP).floor().cast(pl.Int64)
    return pl.min_horizontal("current_weight", as_weight(units))
