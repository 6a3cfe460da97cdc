"""The limits of the selection held against the result: how many positions, in all, new, in a bucket, of buckets.

They may be broken only by what cannot be sold: pinned holdings, and holdings that allow_bucket_overflow spares. A
minimum of buckets may be missed only where no choice within the limits could meet it. Each excuse says so.
"""

import polars as pl

from sizing.checked import ABOVE, BELOW, checked
from sizing.gates import PLACE_GATES
from sizing.inputs import DayInputs
from sizing.limit_columns import LimitSchema, limit_frame
from sizing.places import own_bucket_limits

_LIMITS: LimitSchema = {
    "portfolio_id": pl.String,
    "max_total_positions": pl.Int64,
    "max_new_positions": pl.Int64,
    "max_positions_per_bucket": pl.Int64,
    "allow_bucket_overflow": pl.Boolean,
    "min_buckets_represented": pl.Int64,
}
_PINNED = "{} pinned holdings may not be sold"


def count_checks(positions: pl.DataFrame, decisions: pl.DataFrame, inputs: DayInputs) -> list[pl.DataFrame]:
    """Give the checks of counts.

    *Requires* in `positions`, those with a weight: `bucket, is_new, is_frozen` (its decision pinned it).
    """
    limits = limit_frame(inputs.limits, _LIMITS)
    per_portfolio = positions.group_by("portfolio_id").agg(
        n=pl.len(),
        n_new=pl.col("is_new").sum(),
        n_frozen=pl.col("is_frozen").sum(),
        n_buckets=pl.col("bucket").n_unique(),
    )
    rows = (
        limits.join(per_portfolio, on="portfolio_id", how="left")
        .join(_attainable(decisions, limits), on="portfolio_id", how="left")
        .with_columns(pl.exclude("portfolio_id", "allow_bucket_overflow").cast(pl.Int64).fill_null(0))
    )
    return [
        checked(
            rows.with_columns(limit_value="max_total_positions", value="n"),
            "max_total_positions",
            slack=BELOW,
            excused=pl.col("value") <= pl.col("n_frozen"),
            reason=pl.format(_PINNED, "n_frozen"),
        ),
        checked(rows.with_columns(limit_value="max_new_positions", value="n_new"), "max_new_positions", slack=BELOW),
        _fullest_bucket(positions, limits, inputs),
        _represented(rows),
    ]


def _fullest_bucket(positions: pl.DataFrame, limits: pl.DataFrame, inputs: DayInputs) -> pl.DataFrame:
    """Give the bucket with the least slack of each portfolio, one that nothing excuses before all others."""
    ids = limits.select("portfolio_id").with_row_index("portfolio_key")
    own = own_bucket_limits(inputs).join(ids, on="portfolio_key").drop("portfolio_key")
    counts = (
        positions.group_by("portfolio_id", "bucket")
        .agg(value=pl.len().cast(pl.Int64), n_new=pl.col("is_new").sum(), n_frozen=pl.col("is_frozen").sum())
        .join(limits, on="portfolio_id", how="left")
        .join(own, on=["portfolio_id", "bucket"], how="left")
        .with_columns(limit_value=pl.coalesce("own_positions", "max_positions_per_bucket"))
    )
    is_frozen = pl.col("n_frozen") >= pl.col("value")
    is_spared = (pl.col("n_new") == 0) & (pl.col("allow_bucket_overflow") | is_frozen)
    fullest = (
        counts.with_columns(is_broken=(pl.col("value") > pl.col("limit_value")) & ~is_spared, slack=BELOW)
        .sort("portfolio_id", "is_broken", "slack", "bucket", descending=[False, True, False, False])
        .unique("portfolio_id", keep="first", maintain_order=True)
    )
    why = (
        pl.when(is_frozen)
        .then(pl.format(_PINNED, "n_frozen"))
        .otherwise(pl.lit("allow_bucket_overflow spares holdings"))
    )
    return checked(
        fullest,
        "max_positions_per_bucket",
        slack=BELOW,
        excused=is_spared,
        reason=pl.format("bucket {}: {}", "bucket", why),
    )


def _attainable(decisions: pl.DataFrame, limits: pl.DataFrame) -> pl.DataFrame:
    """Count how many buckets a choice within the limits could represent, and what they could be made of.

    *Gives* per portfolio `n_selected_buckets, n_qualified_buckets, n_pinned_buckets, n_led_buckets` (a holding that may
    stay), `n_new_buckets` (new names only), `n_pinned_holdings, n_attainable`.
    """
    qualifies = pl.col("is_selected") | pl.col("gate").is_in(PLACE_GATES)
    buckets = (
        decisions.filter(qualifies)
        .group_by("portfolio_id", "bucket")
        .agg(
            is_selected=pl.col("is_selected").any(),
            is_held=pl.col("is_held").any(),
            n_pinned=pl.col("is_pinned").sum(),
        )
        .group_by("portfolio_id")
        .agg(
            n_selected_buckets=pl.col("is_selected").sum(),
            n_qualified_buckets=pl.len(),
            n_pinned_buckets=(pl.col("n_pinned") > 0).sum(),
            n_led_buckets=((pl.col("n_pinned") == 0) & pl.col("is_held")).sum(),
            n_new_buckets=(~pl.col("is_held")).sum(),
            n_pinned_holdings=pl.col("n_pinned").sum(),
        )
        .with_columns(pl.exclude("portfolio_id").cast(pl.Int64))
    )
    entering = pl.min_horizontal("n_new_buckets", "max_new_positions")
    room = (pl.col("max_total_positions") - pl.col("n_pinned_holdings")).clip(0)
    return (
        buckets.join(limits, on="portfolio_id")
        .with_columns(
            n_attainable=pl.col("n_pinned_buckets") + pl.min_horizontal(pl.col("n_led_buckets") + entering, room)
        )
        .drop(limits.columns[1:])
    )


def _represented(rows: pl.DataFrame) -> pl.DataFrame:
    """Hold the minimum of buckets against who was selected: what the sizer then cannot hold is no bucket missed."""
    reached = pl.col("n_selected_buckets") >= pl.min_horizontal("min_buckets_represented", "n_attainable")
    entering = pl.min_horizontal("n_new_buckets", "max_new_positions")
    by_new = pl.col("n_pinned_buckets") + pl.col("n_led_buckets") + entering < pl.col("min_buckets_represented")
    why = (
        pl.when(pl.col("n_selected_buckets") >= pl.col("min_buckets_represented"))
        .then(pl.format("{} buckets were selected, the others had no room for the minimum size", "n_selected_buckets"))
        .when(pl.col("n_qualified_buckets") < pl.col("min_buckets_represented"))
        .then(pl.format("qualified names in {} buckets only", "n_qualified_buckets"))
        .when(by_new)
        .then(pl.format("max_new_positions {} lets no more buckets in", "max_new_positions"))
        .when(pl.col("n_pinned_holdings") > 0)
        .then(
            pl.format(
                "{} pinned holdings leave {} of max_total_positions {}",
                "n_pinned_holdings",
                (pl.col("max_total_positions") - pl.col("n_pinned_holdings")).clip(0),
                "max_total_positions",
            )
        )
        .otherwise(pl.format("max_total_positions {} has no more places", "max_total_positions"))
    )
    return checked(
        rows.with_columns(limit_value="min_buckets_represented", value="n_buckets"),
        "min_buckets_represented",
        slack=ABOVE,
        excused=reached,
        reason=pl.format("not attainable: {}", why),
    )
