"""Who of the qualified gets a place: bucket, missing buckets, total, new names, auction (docs/selection.md 3).

The rules work on groups of rows. A group is a portfolio as it is, or a portfolio with one score changed: the
counterfactual asks the same function. What does not belong here: who qualifies, and any word.
"""

import polars as pl

from sizing.frames.day_inputs import DayInputs
from sizing.frames.limit_columns import LimitSchema, limit_frame
from sizing.frames.sorted_groups import ends, in_all, so_far, starts
from sizing.selection.gates import BUCKET_FULL, MIN_BUCKETS, NEW_FULL, TOTAL_FULL, gate
from sizing.selection.replacement import hold_auction
from sizing.selection.score_views import score_units

_LIMITS: LimitSchema = {
    "portfolio_id": pl.String,
    "max_positions_per_bucket": pl.Int64,
    "allow_bucket_overflow": pl.Boolean,
    "max_total_positions": pl.Int64,
    "max_new_positions": pl.Int64,
    "min_buckets_represented": pl.Int64,
    "replacement_margin": pl.Float64,
    "min_score_threshold": pl.Float64,
    "min_score_new_position": pl.Float64,
}

PLACE_COLUMNS = (
    "score_units",
    "is_held",
    "is_pinned",
    "bucket_limit",
    "allow_bucket_overflow",
    "max_total_positions",
    "max_new_positions",
    "min_buckets_represented",
    "margin_units",
)
"""What `give_places` looks at, besides the two groups."""


def place_limits(inputs: DayInputs) -> pl.DataFrame:
    """Lay the limits of the places beside each `portfolio_key`.

    `margin_units` is what a challenger must score more, at least one unit; null: nobody is replaced.
    """
    return (
        limit_frame(inputs.limits, _LIMITS)
        .with_row_index("portfolio_key")
        .with_columns(
            pl.col("portfolio_key").set_sorted(),
            margin_units=score_units("replacement_margin").clip(1),
            exit_units=score_units("min_score_threshold"),
            entry_units=score_units("min_score_new_position"),
        )
        .drop("portfolio_id", "replacement_margin", "min_score_threshold", "min_score_new_position")
    )


def own_bucket_limits(inputs: DayInputs) -> pl.DataFrame:
    """Give `portfolio_key, bucket, own_positions`: the buckets with a number of positions of their own."""
    rows = [
        (key, bucket, count)
        for key, (_, one) in enumerate(sorted(inputs.limits.items()))
        for bucket, count in one.max_positions_by_bucket.items()
    ]
    schema = {"portfolio_key": pl.UInt32, "bucket": pl.String, "own_positions": pl.Int64}
    return pl.DataFrame(rows, schema=schema, orient="row")


def give_places(rows: pl.DataFrame) -> pl.DataFrame:
    """Fill the places of every group.

    *Requires* qualified candidates, by `group` and best first, those without a score last; `place`, one number for
    each bucket of a group, rising with the group; PLACE_COLUMNS.
    *Adds* `is_reserved`, `has_won` (the auction) and `place_gate` (null: selected). Order and number of rows stay.
    """
    by_place = rows.select(pl.arg_sort_by("place", maintain_order=True)).to_series()
    by_score = by_place.arg_sort()
    marked = rows.hstack(_at_places(rows, by_place)[by_score]).with_columns(
        group_starts=starts("group"), group_ends=ends("group")
    )
    kept = _close_above_the_total(_reserve(marked))
    taken = kept.hstack(_positions_taken(kept, by_place)[by_score])
    return hold_auction(_let_in(taken).select(*rows.columns, "is_reserved", "place_gate"))


def _at_places(rows: pl.DataFrame, by_place: pl.Series) -> pl.DataFrame:
    """Look at each bucket of a group: who is above its positions, and who leads it, row by row of `by_place`.

    Pinned holdings come first, then the best, up to the limit. A bucket without a pinned holding is led by its best
    holding, or by its best new name where it holds nothing.
    """
    is_held, is_pinned = pl.col("is_held"), pl.col("is_pinned")
    is_free = is_held & ~is_pinned
    return (
        rows.select(pl.col("place", "is_held", "is_pinned", "bucket_limit", "allow_bucket_overflow").gather(by_place))
        .with_columns(starts=starts("place"), ends=ends("place"))
        .with_columns(
            free_place=so_far(is_free, "starts"),
            new_place=so_far(~is_held, "starts"),
            pinned_place=so_far(is_pinned, "starts"),
            n_pinned_here=in_all(is_pinned, "starts", "ends"),
            n_held=in_all(is_held, "starts", "ends"),
        )
        .select(
            is_above=is_free
            & ~pl.col("allow_bucket_overflow")
            & (pl.col("free_place") + pl.col("n_pinned_here") > pl.col("bucket_limit")),
            leads_held=is_free & (pl.col("free_place") == 1) & (pl.col("n_pinned_here") == 0),
            leads_new=~is_held & (pl.col("new_place") == 1) & (pl.col("n_held") == 0),
            is_first_pinned=is_pinned & (pl.col("pinned_place") == 1),
            new_place="new_place",
        )
    )


def _positions_taken(rows: pl.DataFrame, by_place: pl.Series) -> pl.DataFrame:
    """Count the holdings that each bucket of a group keeps, row by row of `by_place`."""
    return (
        rows.select(pl.col("place", "is_kept").gather(by_place))
        .with_columns(starts=starts("place"), ends=ends("place"))
        .select(taken=in_all(pl.col("is_kept"), "starts", "ends"))
    )


def _so_far(flag: pl.Expr) -> pl.Expr:
    return so_far(flag, "group_starts")


def _in_all(flag: pl.Expr) -> pl.Expr:
    return in_all(flag, "group_starts", "group_ends")


def _reserve(rows: pl.DataFrame) -> pl.DataFrame:
    """Find the bearers of the buckets that must be represented, as far as the total less the pinned reaches.

    Leading holdings come first, then leading new names, as many as may be opened.
    """
    return (
        rows.with_columns(
            held_rank=_so_far(pl.col("leads_held")),
            new_rank=_so_far(pl.col("leads_new")),
            n_led=_in_all(pl.col("leads_held")),
            n_pinned=_in_all(pl.col("is_pinned")),
            wanted=pl.col("min_buckets_represented") - _in_all(pl.col("is_first_pinned")),
        )
        .with_columns(
            may_lead=pl.col("leads_held") | (pl.col("leads_new") & (pl.col("new_rank") <= pl.col("max_new_positions"))),
            rank=pl.when("leads_held").then("held_rank").otherwise(pl.col("n_led") + pl.col("new_rank")),
            reach=pl.min_horizontal("wanted", pl.col("max_total_positions") - pl.col("n_pinned")),
        )
        .with_columns(is_reserved=pl.col("may_lead") & (pl.col("rank") <= pl.col("reach")))
    )


def _close_above_the_total(rows: pl.DataFrame) -> pl.DataFrame:
    """Let the other holdings follow, the best first; say of the first that close if a new bearer has their place."""
    is_other = pl.col("is_held") & ~pl.col("is_pinned") & ~pl.col("is_reserved") & ~pl.col("is_above")
    room = pl.col("max_total_positions") - pl.col("n_pinned") - pl.col("n_bearers")
    return (
        rows.with_columns(
            n_bearers=_in_all(pl.col("is_reserved")),
            n_new_bearers=_in_all(pl.col("is_reserved") & ~pl.col("is_held")),
            other_place=_so_far(is_other),
        )
        .with_columns(surplus=pl.when(is_other).then(pl.col("other_place") - room.clip(0)))
        .with_columns(
            place_gate=pl.when("is_above")
            .then(gate(BUCKET_FULL))
            .when(pl.col("surplus") > pl.col("n_new_bearers"))
            .then(gate(TOTAL_FULL))
            .when(pl.col("surplus") > 0)
            .then(gate(MIN_BUCKETS))
        )
        .with_columns(is_kept=pl.col("is_held") & pl.col("place_gate").is_null())
    )


def _let_in(rows: pl.DataFrame) -> pl.DataFrame:
    """Queue the best new names of each bucket for its free positions, then let in bearers first, then the best."""
    is_new = ~pl.col("is_held")
    waits = pl.col("queues") & ~pl.col("is_reserved")
    return (
        rows.with_columns(queues=is_new & (pl.col("new_place") <= pl.col("bucket_limit") - pl.col("taken")))
        .with_columns(
            before=pl.when(waits).then(_so_far(waits) + pl.col("n_new_bearers")),
            room=(pl.col("max_total_positions") - _in_all(pl.col("is_kept"))).clip(0),
        )
        .with_columns(
            place_gate=pl.when(is_new & ~pl.col("queues"))
            .then(gate(BUCKET_FULL))
            .when(pl.col("before") > pl.col("room"))
            .then(gate(TOTAL_FULL))
            .when(pl.col("before") > pl.col("max_new_positions"))
            .then(gate(NEW_FULL))
            .otherwise("place_gate")
        )
    )
