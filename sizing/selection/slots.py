"""Which qualified candidates get a slot: bucket, missing buckets, total, new names, replacement (docs/selection.md 3).

The rules work on groups of rows. A group is a portfolio as it is, or a portfolio with one score changed: the
counterfactual calls the same function. What does not belong here: who qualifies, and any text.
"""

import polars as pl

from sizing.frames.day_inputs import DayInputs
from sizing.frames.limit_columns import limit_frame
from sizing.frames.plans import run_plan
from sizing.frames.score_units import score_units
from sizing.frames.sorted_groups import ends, run_count, running_count, starts
from sizing.selection.gates import Gate, gate
from sizing.selection.replacement import run_replacement

_LIMITS = (
    *("max_positions_per_bucket", "allow_bucket_overflow", "max_total_positions", "max_new_positions"),
    *("min_buckets_represented", "replacement_margin"),
)

SLOT_COLUMNS = (
    *("score_units", "is_held", "is_locked", "is_in_grace", "bucket_limit", "allow_bucket_overflow"),
    *("max_total_positions", "max_new_positions", "min_buckets_represented", "margin_units"),
)
"""What `fill_slots` reads, besides the two groups."""


_OF_BUCKETS = ("group_bucket", "is_held", "is_locked", "is_in_grace", "bucket_limit", "allow_bucket_overflow")


def slot_limits(inputs: DayInputs) -> pl.DataFrame:
    """Return the limits on slots, one row a `portfolio_key`.

    `margin_units` is how much more a challenger must score, at least one unit; null: no holding is replaced.
    """
    return (
        limit_frame(inputs.limits, _LIMITS)
        .lazy()
        .with_row_index("portfolio_key")
        .with_columns(
            pl.col("portfolio_key").set_sorted(),
            margin_units=score_units("replacement_margin").clip(1),
        )
        .drop("portfolio_id", "replacement_margin")
        .pipe(run_plan)
    )


def own_bucket_limits(inputs: DayInputs) -> pl.DataFrame:
    """Return `portfolio_key, bucket, own_positions`: the buckets with a number of positions of their own."""
    rows = [
        (key, bucket, count)
        for key, (_, one) in enumerate(sorted(inputs.limits.items()))
        for bucket, count in one.max_positions_by_bucket.items()
    ]
    schema = {"portfolio_key": pl.UInt32, "bucket": pl.String, "own_positions": pl.Int64}
    return pl.DataFrame(rows, schema=schema, orient="row")


def fill_slots(rows: pl.DataFrame) -> pl.DataFrame:
    """Fill the slots of every group.

    *Requires* qualified candidates, by `group` and best first, those without a score last; `group_bucket`, one number
    for each bucket of a group, rising with the group; SLOT_COLUMNS.
    *Adds* `is_reserved`, `has_won` (a replacement) and `slot_gate` (null: selected). Order and number of rows stay.
    """
    by_bucket = rows.select(pl.arg_sort_by("group_bucket", maintain_order=True)).to_series()
    by_score = by_bucket.arg_sort()
    marked = rows.hstack(_rank_in_buckets(rows, by_bucket)[by_score]).with_columns(
        group_starts=starts("group"), group_ends=ends("group")
    )
    kept = run_plan(_close_above_total(_reserve(marked)))
    taken = kept.hstack(_count_retained(kept, by_bucket)[by_score]).lazy()
    admitted = run_plan(_admit_new_names(taken).select(*rows.columns, "is_reserved", "slot_gate"))
    return run_replacement(admitted)


def _rank_in_buckets(rows: pl.DataFrame, by_bucket: pl.Series) -> pl.DataFrame:
    """Mark who is above the positions of its bucket, and who may lead it, in the order `by_bucket`.

    Locked holdings come first, then the best, up to the limit. A bucket without a locked holding is led by its best
    holding; where all that it holds is in grace, by its best new name, or else by the best in grace.
    """
    is_held, is_locked = pl.col("is_held"), pl.col("is_locked")
    is_free, is_firm = is_held & ~is_locked, pl.col("is_firm")
    in_bucket = (
        rows.lazy()
        .select(pl.col(_OF_BUCKETS).gather(by_bucket))
        .with_columns(starts=starts("group_bucket"), ends=ends("group_bucket"))
        .with_columns(
            free_rank=running_count(is_free, "starts"),
            new_rank_in_bucket=running_count(~is_held, "starts"),
            locked_rank=running_count(is_locked, "starts"),
            n_locked_here=run_count(is_locked, "starts", "ends"),
        )
        .with_columns(
            is_above=is_free
            & ~pl.col("allow_bucket_overflow")
            & (pl.col("free_rank") + pl.col("n_locked_here") > pl.col("bucket_limit"))
        )
        .with_columns(is_firm=is_free & ~pl.col("is_above") & ~pl.col("is_in_grace"))
        .with_columns(n_firm=run_count(is_firm | is_locked, "starts", "ends"))
    )
    in_grace = is_free & ~pl.col("is_above") & ~is_firm
    n_in_grace = run_count(in_grace, "starts", "ends")
    marked = in_bucket.select(
        "is_above",
        leads_held=is_firm & (running_count(is_firm, "starts") == 1) & (pl.col("n_locked_here") == 0),
        leads_new=~is_held
        & (pl.col("new_rank_in_bucket") == 1)
        & (pl.col("n_firm") == 0)
        & (n_in_grace < pl.col("bucket_limit")),
        has_grace_here=n_in_grace > 0,
        leads_in_grace=in_grace & (running_count(in_grace, "starts") == 1) & (pl.col("n_firm") == 0),
        is_first_locked=is_locked & (pl.col("locked_rank") == 1),
        new_rank_in_bucket="new_rank_in_bucket",
    )
    return run_plan(marked)


def _count_retained(rows: pl.DataFrame, by_bucket: pl.Series) -> pl.DataFrame:
    """Count the holdings that each bucket of a group retains, in the order `by_bucket`."""
    return (
        rows.lazy()
        .select(pl.col("group_bucket", "is_retained").gather(by_bucket))
        .with_columns(starts=starts("group_bucket"), ends=ends("group_bucket"))
        .select(taken=run_count(pl.col("is_retained"), "starts", "ends"))
        .pipe(run_plan)
    )


def _running_count(flag: pl.Expr) -> pl.Expr:
    return running_count(flag, "group_starts")


def _group_count(flag: pl.Expr) -> pl.Expr:
    return run_count(flag, "group_starts", "group_ends")


def _reserve(rows: pl.DataFrame) -> pl.LazyFrame:
    """Reserve slots for bucket representatives, as far as the total less the locked reaches.

    Leading holdings come first, then leading new names, as many as may be opened, then what leads in grace. Where not
    all new names may be opened, those count first whose bucket nothing in grace could represent.
    """
    is_only, has_other = pl.col("leads_new") & ~pl.col("has_grace_here"), pl.col("leads_new") & pl.col("has_grace_here")
    place = pl.when(is_only).then(_running_count(is_only)).otherwise(_group_count(is_only) + _running_count(has_other))
    ranked = rows.with_columns(
        held_rank=_running_count(pl.col("leads_held")),
        opens=pl.col("leads_new") & (place <= pl.col("max_new_positions")),
        n_led=_group_count(pl.col("leads_held")),
        n_locked=_group_count(pl.col("is_locked")),
        wanted=pl.col("min_buckets_represented") - _group_count(pl.col("is_first_locked")),
    )
    return (
        ranked.lazy()
        .with_columns(last_lead=_lead_in_grace(ranked))
        .with_columns(
            may_lead=pl.col("leads_held") | pl.col("opens") | pl.col("last_lead"),
            rank=pl.when("leads_held")
            .then("held_rank")
            .when("opens")
            .then(pl.col("n_led") + _running_count(pl.col("opens")))
            .otherwise(pl.col("n_led") + _group_count(pl.col("opens")) + _running_count(pl.col("last_lead"))),
            reach=pl.min_horizontal("wanted", pl.col("max_total_positions") - pl.col("n_locked")),
        )
        .with_columns(is_reserved=pl.col("may_lead") & (pl.col("rank") <= pl.col("reach")))
    )


def _lead_in_grace(rows: pl.DataFrame) -> pl.Series:
    """Mark who leads a bucket in grace: where no new name may be opened for it."""
    if not rows["leads_in_grace"].any():
        return rows["leads_in_grace"]
    opened = rows.filter("opens").select("group_bucket")
    leads = rows.select("group_bucket", "leads_in_grace").join(
        opened.with_columns(is_opened=pl.lit(value=True)), on="group_bucket", how="left", maintain_order="left"
    )
    return leads.select(pl.col("leads_in_grace") & pl.col("is_opened").is_null()).to_series()


def _close_above_total(rows: pl.LazyFrame) -> pl.LazyFrame:
    """Retain the other holdings, the best first; of those that close, the best give way to new representatives."""
    is_other = pl.col("is_held") & ~pl.col("is_locked") & ~pl.col("is_reserved") & ~pl.col("is_above")
    room = pl.col("max_total_positions") - pl.col("n_locked") - pl.col("n_representatives")
    return (
        rows.with_columns(
            n_representatives=_group_count(pl.col("is_reserved")),
            n_new_representatives=_group_count(pl.col("is_reserved") & ~pl.col("is_held")),
            other_rank=_running_count(is_other),
        )
        .with_columns(surplus=pl.when(is_other).then(pl.col("other_rank") - room.clip(0)))
        .with_columns(
            slot_gate=pl.when("is_above")
            .then(gate(Gate.BUCKET_FULL))
            .when(pl.col("surplus") > pl.col("n_new_representatives"))
            .then(gate(Gate.TOTAL_FULL))
            .when(pl.col("surplus") > 0)
            .then(gate(Gate.MIN_BUCKETS))
        )
        .with_columns(is_retained=pl.col("is_held") & pl.col("slot_gate").is_null())
    )


def _admit_new_names(rows: pl.LazyFrame) -> pl.LazyFrame:
    """Queue the best new names of each bucket for its free positions; representatives enter first, then the best."""
    is_new = ~pl.col("is_held")
    waits = pl.col("queues") & ~pl.col("is_reserved")
    return (
        rows.with_columns(queues=is_new & (pl.col("new_rank_in_bucket") <= pl.col("bucket_limit") - pl.col("taken")))
        .with_columns(
            before=pl.when(waits).then(_running_count(waits) + pl.col("n_new_representatives")),
            room=(pl.col("max_total_positions") - _group_count(pl.col("is_retained"))).clip(0),
        )
        .with_columns(
            slot_gate=pl.when(is_new & ~pl.col("queues"))
            .then(gate(Gate.BUCKET_FULL))
            .when(pl.col("before") > pl.col("room"))
            .then(gate(Gate.TOTAL_FULL))
            .when(pl.col("before") > pl.col("max_new_positions"))
            .then(gate(Gate.NEW_FULL))
            .otherwise("slot_gate")
        )
    )
