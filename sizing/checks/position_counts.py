"""The limits of the selection compared with the result: how many positions, in all, new, in a bucket, of buckets.

They may be broken only by what cannot be sold: locked holdings, and holdings that allow_bucket_overflow spares. A
minimum of buckets may be missed only where no choice within the limits could meet it. Each excuse is a sentence.
"""

import polars as pl

from sizing.checks.check_row import ABOVE, BELOW, checked
from sizing.frames.day_inputs import DayInputs
from sizing.frames.limit_columns import limit_frame
from sizing.selection.gates import SLOT_GATES
from sizing.selection.slots import own_bucket_limits

_LIMITS = (
    *("max_total_positions", "max_new_positions", "max_positions_per_bucket", "allow_bucket_overflow"),
    *("min_buckets_represented",),
)
_LOCKED = "{} pinned holdings may not be sold"


def count_checks(positions: pl.DataFrame, decisions: pl.DataFrame, inputs: DayInputs) -> list[pl.DataFrame]:
    """Return the checks of counts.

    *Requires* in `positions`, those with a weight: `bucket, is_new, is_locked` (it cannot lose its place).
    """
    limits = limit_frame(inputs.limits, _LIMITS)
    per_portfolio = positions.group_by("portfolio_id").agg(
        n=pl.len(),
        n_new=pl.col("is_new").sum(),
        n_locked=pl.col("is_locked").sum(),
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
            excused=pl.col("value") <= pl.col("n_locked"),
            reason=pl.format(_LOCKED, "n_locked"),
        ),
        checked(rows.with_columns(limit_value="max_new_positions", value="n_new"), "max_new_positions", slack=BELOW),
        _fullest_bucket(positions, limits, inputs),
        _represented(rows),
    ]


def _fullest_bucket(positions: pl.DataFrame, limits: pl.DataFrame, inputs: DayInputs) -> pl.DataFrame:
    """Return the bucket with the least slack of each portfolio, one that nothing excuses before all others."""
    ids = limits.select("portfolio_id").with_row_index("portfolio_key")
    own = own_bucket_limits(inputs).join(ids, on="portfolio_key").drop("portfolio_key")
    counts = (
        positions.group_by("portfolio_id", "bucket")
        .agg(value=pl.len().cast(pl.Int64), n_new=pl.col("is_new").sum(), n_locked=pl.col("is_locked").sum())
        .join(limits, on="portfolio_id", how="left")
        .join(own, on=["portfolio_id", "bucket"], how="left")
        .with_columns(limit_value=pl.coalesce("own_positions", "max_positions_per_bucket"))
    )
    is_locked = pl.col("n_locked") >= pl.col("value")
    is_spared = (pl.col("n_new") == 0) & (pl.col("allow_bucket_overflow") | is_locked)
    fullest = (
        counts.with_columns(is_broken=(pl.col("value") > pl.col("limit_value")) & ~is_spared, slack=BELOW)
        .sort("portfolio_id", "is_broken", "slack", "bucket", descending=[False, True, False, False])
        .unique("portfolio_id", keep="first", maintain_order=True)
    )
    why = (
        pl.when(is_locked)
        .then(pl.format(_LOCKED, "n_locked"))
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
    """Count how many buckets a choice within the limits could represent (docs/selection.md 3.2).

    *Returns* per portfolio `n_selected_buckets, n_qualified_buckets, n_locked_holdings, n_slots` (what is left of the
    total), and how far each limit alone lets them in: `reach_of_total, reach_of_new`.
    """
    qualifies = pl.col("is_selected") | pl.col("gate").is_in(SLOT_GATES)
    buckets = (
        decisions.filter(qualifies)
        .group_by("portfolio_id", "bucket")
        .agg(
            is_selected=pl.col("is_selected").any(),
            is_held=pl.col("is_held").any(),
            n_locked=pl.col("is_locked").sum(),
        )
        .group_by("portfolio_id")
        .agg(
            n_selected_buckets=pl.col("is_selected").sum(),
            n_qualified_buckets=pl.len(),
            n_locked_buckets=(pl.col("n_locked") > 0).sum(),
            n_led_buckets=((pl.col("n_locked") == 0) & pl.col("is_held")).sum(),
            n_new_buckets=(~pl.col("is_held")).sum(),
            n_locked_holdings=pl.col("n_locked").sum(),
        )
        .with_columns(pl.exclude("portfolio_id").cast(pl.Int64))
    )
    return (
        buckets.join(limits, on="portfolio_id")
        .with_columns(n_slots=(pl.col("max_total_positions") - pl.col("n_locked_holdings")).clip(0))
        .select(
            *("portfolio_id", "n_selected_buckets", "n_qualified_buckets", "n_locked_holdings", "n_slots"),
            reach_of_total=pl.col("n_locked_buckets") + pl.col("n_slots"),
            reach_of_new=pl.col("n_locked_buckets")
            + pl.col("n_led_buckets")
            + pl.min_horizontal("n_new_buckets", "max_new_positions"),
        )
    )


def _represented(rows: pl.DataFrame) -> pl.DataFrame:
    """Compare the minimum of buckets with who was selected: what the sizer then cannot hold is no bucket missed."""
    attainable = pl.min_horizontal("min_buckets_represented", "reach_of_total", "reach_of_new")
    why = pl.concat_str(
        _qualified(), _stopped_by_total(), _stopped_by_new(), _not_sized(), separator=", and ", ignore_nulls=True
    )
    return checked(
        rows.with_columns(limit_value="min_buckets_represented", value="n_buckets"),
        "min_buckets_represented",
        slack=ABOVE,
        excused=pl.col("n_selected_buckets") >= attainable,
        reason=pl.format("not attainable: {}", why),
    )


def _qualified() -> pl.Expr:
    """Count the buckets that qualify, where not enough were selected."""
    wanted, count = pl.col("min_buckets_represented"), "n_qualified_buckets"
    return (
        pl.when(pl.col(count) < wanted)
        .then(pl.format("qualified names in {} buckets only", count))
        .when(pl.col("n_selected_buckets") < wanted)
        .then(pl.format("qualified names in {} buckets", count))
    )


def _falls_short(reach: str) -> pl.Expr:
    return pl.col(reach) < pl.min_horizontal("min_buckets_represented", "n_qualified_buckets")


def _stopped_by_total() -> pl.Expr:
    """Name the total, and the locked holdings where it would let in another number of buckets without them."""
    alone = pl.format("max_total_positions {} lets no more than {} in", "max_total_positions", "reach_of_total")
    with_pinned = pl.format(
        "{} pinned holdings leave {} of max_total_positions {}, which lets no more than {} in",
        *("n_locked_holdings", "n_slots", "max_total_positions", "reach_of_total"),
    )
    text = pl.when(pl.col("reach_of_total") == pl.col("max_total_positions")).then(alone).otherwise(with_pinned)
    return pl.when(_falls_short("reach_of_total")).then(text)


def _stopped_by_new() -> pl.Expr:
    text = pl.format("max_new_positions {} lets no more than {} in", "max_new_positions", "reach_of_new")
    return pl.when(_falls_short("reach_of_new")).then(text)


def _not_sized() -> pl.Expr:
    lost = pl.col("n_selected_buckets") - pl.col("n_buckets")
    text = pl.format("{} of {} selected buckets got no position (see sizing_audit)", lost, "n_selected_buckets")
    return pl.when(lost > 0).then(text)
