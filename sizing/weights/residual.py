"""The residual R = T - sum(w2): where it goes, and what keeps it from going there (docs/sizing.md 3, stage 3).

Each position has room u = min(c - w2, max_residual_per_asset, max_residual_multiple x w2), each bucket B less its
sum. What is not placed is cash. With rows in the order of the ranking and `before` as the sum over earlier rows:

    safe_top_slice  v_i = min(u_i, bucket room - u before i in the bucket), x_i = min(v_i, R - v before i)
    proportional    v_i = min(mu_b w2, u_i), mu_b fills the room of the bucket; x_i = min(mu w2, v_i), sum of x_i = R

Sums of u and v stand for sums of x, which need a loop: a row that gets less than v_i has spent R, or the room of its
bucket, and rows behind it get nothing either way.
"""

from collections.abc import Callable

import polars as pl

from sizing.frames.plans import run_plan
from sizing.frames.sorted_groups import running_sum
from sizing.limits.fields import WEIGHT_TOLERANCE
from sizing.weights.water_fill import at_level, solve_level

_POSITION_ROOM, _ASSET_ROOM, _MULTIPLE_ROOM = "position_room", "asset_room", "multiple_room"

_NEEDED = (
    *("input_row", "portfolio_key", "bucket_key", "score_rank", "is_sized", "stage2_weight", "residual"),
    *("residual_strategy", "cap", "max_single_position", "max_residual_per_asset", "max_residual_multiple"),
    "free_bucket_limit",
)
"""What placing needs: to filter few columns is quicker than all."""

_NOTHING = pl.DataFrame(schema={"input_row": pl.UInt32, "residual_weight": pl.Float64, "residual_limit": pl.String})


def add_residual(working: pl.DataFrame) -> pl.DataFrame:
    """Place the residual of every portfolio by its own strategy.

    *Requires* `stage2_weight, is_sized`, keys and limits. *Adds* `residual, residual_weight, residual_limit`.
    """
    with_residual = working.with_columns(
        residual=zero_when_noise(
            pl.col("target_total_allocation") - pl.col("stage2_weight").sum().over("portfolio_key")
        )
    )
    is_open = (pl.col("residual") > 0) & pl.col("is_sized")
    rows = run_plan(with_residual.lazy().select(_NEEDED).filter(is_open).pipe(_with_rooms))
    parts = rows.partition_by("residual_strategy", as_dict=True, maintain_order=True)
    placed = pl.concat([_NOTHING, *(STRATEGIES[name](part) for (name,), part in parts.items())])
    return run_plan(
        with_residual.lazy()
        .join(placed.lazy(), on="input_row", how="left", maintain_order="left")
        .with_columns(pl.col("residual_weight").fill_null(0.0))
    )


def zero_when_noise(weight: pl.Expr) -> pl.Expr:
    """Take a weight below the tolerance for the zero that it is."""
    return pl.when(weight > WEIGHT_TOLERANCE).then(weight).otherwise(0.0)


def _with_rooms(rows: pl.LazyFrame) -> pl.LazyFrame:
    w2 = pl.col("stage2_weight")
    return rows.with_columns(
        position_room=pl.col("cap") - w2,
        asset_room=pl.col("max_residual_per_asset"),
        multiple_room=pl.col("max_residual_multiple") * w2,
        bucket_room=pl.col("free_bucket_limit") - w2.sum().over("bucket_key"),
    ).with_columns(room=pl.min_horizontal(_POSITION_ROOM, _ASSET_ROOM, _MULTIPLE_ROOM))


def _safe_top_slice(rows: pl.DataFrame) -> pl.DataFrame:
    """Down the ranking each takes all the room that it and its bucket have, until R is spent."""
    room = pl.col("room")
    before_in_bucket = running_sum(rows["room"], rows["bucket_key"]) - rows["room"]
    reachable = pl.col("reachable")
    return (
        rows.lazy()
        .with_columns(reachable=pl.min_horizontal(room, (pl.col("bucket_room") - before_in_bucket).clip(0)))
        .with_columns(
            left=zero_when_noise(
                pl.col("residual") - (reachable.cum_sum().over("portfolio_key", order_by="score_rank") - reachable)
            )
        )
        .with_columns(residual_weight=pl.min_horizontal("reachable", "left"))
        .pipe(_with_limit, is_spent=(pl.col("left") == 0) | (pl.col("left") < reachable - WEIGHT_TOLERANCE))
        .pipe(run_plan)
    )


def _proportional(rows: pl.DataFrame) -> pl.DataFrame:
    """Place x = min(mu w2, u), per bucket no more than its room, with the one mu that places R, or all that can be."""
    is_over = pl.col("room").sum().over("bucket_key") > pl.col("bucket_room") + WEIGHT_TOLERANCE
    bucket_level = solve_level(
        rows.filter(is_over), "bucket_key", slope="stage2_weight", upper="room", total="bucket_room", level="bucket_mu"
    )
    within = run_plan(
        rows.lazy()
        .join(bucket_level.lazy(), on="bucket_key", how="left", maintain_order="left")
        .with_columns(reachable=at_level("bucket_mu", "stage2_weight", upper="room"))
    )
    is_enough = pl.col("reachable").sum().over("portfolio_key") > pl.col("residual") + WEIGHT_TOLERANCE
    level = solve_level(
        within.filter(is_enough),
        "portfolio_key",
        slope="stage2_weight",
        upper="reachable",
        total="residual",
        level="mu",
    )
    return (
        within.lazy()
        .join(level.lazy(), on="portfolio_key", how="left", maintain_order="left")
        .with_columns(residual_weight=at_level("mu", "stage2_weight", upper="reachable"))
        .pipe(_with_limit, is_spent=pl.col("residual_weight") < pl.col("reachable") - WEIGHT_TOLERANCE)
        .pipe(run_plan)
    )


def _cash_bucket(rows: pl.DataFrame) -> pl.DataFrame:
    """Place nothing."""
    return rows.select("input_row", residual_weight=pl.lit(0.0), residual_limit=pl.lit(None, pl.String))


def _with_limit(rows: pl.LazyFrame, is_spent: pl.Expr) -> pl.LazyFrame:
    """Name what limited each position: nothing where the residual was spent, else the tightest of its rooms."""
    room = pl.col("room")
    return rows.select(
        "input_row",
        "residual_weight",
        residual_limit=pl.when(is_spent)
        .then(None)
        .when(pl.col("reachable") < room - WEIGHT_TOLERANCE)
        .then(pl.lit("bucket_cap"))
        .when(pl.col(_POSITION_ROOM) <= room)
        .then(
            pl.when(pl.col("cap") < pl.col("max_single_position"))
            .then(pl.lit("risk"))
            .otherwise(pl.lit("position_cap"))
        )
        .when(pl.col(_ASSET_ROOM) <= room)
        .then(pl.lit("max_residual_per_asset"))
        .otherwise(pl.lit("max_residual_multiple")),
    )


STRATEGIES: dict[str, Callable[[pl.DataFrame], pl.DataFrame]] = {
    "safe_top_slice": _safe_top_slice,
    "proportional": _proportional,
    "cash_bucket": _cash_bucket,
}
"""The residual strategies by their name in `RebalancingLimits.residual_strategy`."""
