"""Keep the place of a locked holding: where sizing drops it, it is pinned at its current weight and sized again.

Where its risk cap is below the minimum, it is cut to the cap.

What does not belong here: who is locked.
"""

import polars as pl

from sizing.frames.plans import run_plan
from sizing.frames.weight_units import UNITS
from sizing.weights.raw_weights import ABOVE_RISK

_KEY = ["portfolio_id", "asset"]


def find_dropped_locked(positions: pl.DataFrame, decisions: pl.DataFrame) -> pl.DataFrame:
    """Return the locked holdings that sizing dropped, or left nothing: `portfolio_id, asset, locked_at`."""
    is_free = pl.col("is_locked") & pl.col("pinned_weight").is_null()
    risk_cap = pl.when(pl.col("drop_reason") == ABOVE_RISK).then(pl.col("position_cap").cast(pl.Float64))
    dropped = run_plan(
        positions.lazy()
        .filter(is_free & (pl.col("target_weight") == 0))
        .select(*_KEY, locked_at=risk_cap.clip(1 / UNITS))
    )
    if dropped.is_empty():
        return dropped
    current = pl.col("current_weight").cast(pl.Float64).clip(upper_bound=1.0)
    return dropped.join(decisions.select(*_KEY, current=current), on=_KEY, how="left", maintain_order="left").select(
        *_KEY, pl.min_horizontal("current", "locked_at").alias("locked_at")
    )


def pin_locked(selected: pl.DataFrame, pins: pl.DataFrame) -> pl.DataFrame:
    """Return `selected` with the pins of `find_dropped_locked`; these take no unit that rounding leaves over."""
    is_pinned_late = pl.col("locked_at").is_not_null()
    return (
        selected.join(pins, on=_KEY, how="left", maintain_order="left")
        .with_columns(
            pinned_weight=pl.coalesce("locked_at", "pinned_weight"),
            is_rounded_down=pl.col("is_rounded_down") | is_pinned_late,
        )
        .drop("locked_at")
    )
