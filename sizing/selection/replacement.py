"""Replacement rounds: in each round of a portfolio, the best new name that can win replaces a holding.

It meets the weakest holding that it may replace: any, where its own bucket has a free position, else one of its own
bucket, unless that is over its limit (docs/selection.md 3.5).

With s in score units and a margin of at least one unit, challenger c beats holder h where s_c >= s_h + margin.

Only the first of each queue can take part in a round. In a bucket all challengers meet the same holding, so the best
of them wins if any does; and the weakest holder of a bucket is met before the others of it. So a bucket is two
pointers, one into its challengers from the best down and one into its holders from the weakest up, and a round costs
one row a bucket, in all portfolios at once. Every round advances a pointer and uses one of the new names that may
still enter (`openings`): there are at most max_new_positions rounds.
"""

import polars as pl

from sizing.frames.plans import run_plan
from sizing.frames.sorted_groups import running_count, starts
from sizing.selection.gates import NOT_STOPPED, Gate, gate

_NOBODY = pl.Series([], dtype=pl.UInt32)


def run_replacement(rows: pl.DataFrame) -> pl.DataFrame:
    """Replace holdings by challengers until none can win, in all groups at once, round by round.

    *Requires* the columns of `slots.fill_slots`, with `slot_gate, is_reserved` of the rules before.
    *Adds* `has_won`, and rewrites `slot_gate` of those who win and of those who lose.
    """
    buckets, challengers, holders = _contest(rows)
    entered, replaced = [_NOBODY], [_NOBODY]
    while not buckets.is_empty():
        buckets, won, lost = _round(buckets, challengers, holders)
        entered.append(won)
        replaced.append(lost)
    settled = rows.lazy().with_columns(has_won=_is_one_of(entered), has_lost=_is_one_of(replaced))
    unless_won = pl.when("has_lost").then(gate(Gate.REPLACED)).otherwise("slot_gate")
    return run_plan(
        settled.with_columns(slot_gate=pl.when("has_won").then(NOT_STOPPED).otherwise(unless_won)).drop("has_lost")
    )


def _is_one_of(numbers: list[pl.Series]) -> pl.Expr:
    listed = pl.concat(numbers)
    if listed.is_empty():
        return pl.lit(value=False)
    number: pl.Expr = pl.int_range(pl.len(), dtype=pl.UInt32)
    return number.is_in(listed.implode())


def _contest(rows: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Return the buckets of the groups where a challenger might win, their challengers and their holders, queued.

    `challenger` and `holder` point to the first of a bucket's queue, `last_challenger` and `last_holder` behind it.
    """
    contested = _open_groups(rows)
    challengers = _queue(contested.lazy().filter("challenges"), "challenger")
    holders = _queue(contested.lazy().filter("defends").reverse(), "holder")
    buckets = (
        contested.lazy()
        .group_by("group_bucket")
        .agg(
            pl.col("group", "bucket_limit", "margin_units", "openings").first(),
            there=pl.col("selected").sum().cast(pl.Int64),
        )
        .join(_ends(challengers, "challenger"), on="group_bucket", how="left")
        .join(_ends(holders, "holder"), on="group_bucket", how="left")
        .filter(pl.col("challenger").is_not_null() | pl.col("holder").is_not_null())
        .sort("group_bucket")
        .with_columns(pl.col("group").set_sorted())
        .pipe(run_plan)
    )
    return buckets, challengers, holders


def _open_groups(rows: pl.DataFrame) -> pl.DataFrame:
    """Keep the groups with a margin and a new name left to enter, whose best challenger beats the weakest holding."""
    selected, is_new, score = pl.col("slot_gate").is_null(), ~pl.col("is_held"), pl.col("score_units")
    can_leave = pl.col("is_held") & ~pl.col("is_locked") & ~pl.col("is_reserved")
    weakest, best = pl.col("defender_units").min().over("group"), pl.col("challenger_units").max().over("group")
    return (
        rows.lazy()
        .with_row_index("number")
        .filter(pl.col("margin_units").is_not_null())
        .select(
            *("number", "group", "group_bucket", "score_units", "bucket_limit", "margin_units"),
            selected=selected,
            challenges=is_new & ~selected,
            defends=can_leave & selected,
            challenger_units=pl.when(is_new & ~selected).then(score),
            defender_units=pl.when(can_leave & selected).then(score),
            openings=pl.col("max_new_positions") - (selected & is_new).sum().over("group"),
        )
        .filter((pl.col("openings") > 0) & (best >= weakest + pl.col("margin_units")))
        .pipe(run_plan)
    )


def _queue(rows: pl.LazyFrame, name: str) -> pl.DataFrame:
    """Queue the rows of each bucket as they came: no more of them can win, or lose, than new names may enter."""
    return (
        rows.sort("group_bucket", maintain_order=True)
        .with_columns(starts=starts("group_bucket"))
        .filter(running_count(pl.col("group_bucket").is_not_null(), "starts") <= pl.col("openings"))
        .select("number", "group_bucket", "score_units")
        .with_row_index(name)
        .pipe(run_plan)
    )


def _ends(queue: pl.DataFrame, name: str) -> pl.LazyFrame:
    return (
        queue.lazy()
        .group_by("group_bucket")
        .agg(pl.col(name).first().cast(pl.Int64), (pl.col(name).last().cast(pl.Int64) + 1).alias(f"last_{name}"))
    )


def _round(
    buckets: pl.DataFrame, challengers: pl.DataFrame, holders: pl.DataFrame
) -> tuple[pl.DataFrame, pl.Series, pl.Series]:
    """Run one round. Return the groups that go on, the rows that entered and the rows that were replaced.

    Rows are numbered the best first, so the best has the least number and the weakest the highest.
    """
    met = (
        buckets.pipe(_add_first, challengers, "challenger")
        .pipe(_add_first, holders, "holder")
        .lazy()
        .with_columns(
            meets=pl.when(pl.col("there") < pl.col("bucket_limit"))
            .then(pl.col("holder_row").max().over("group"))
            .when(pl.col("there") == pl.col("bucket_limit"))
            .then("holder_row"),
            weakest_units=pl.when(pl.col("there") < pl.col("bucket_limit"))
            .then(pl.col("holder_units").min().over("group"))
            .otherwise("holder_units"),
        )
        .with_columns(
            can_win=pl.col("meets").is_not_null()
            & (pl.col("challenger_units") >= pl.col("weakest_units") + pl.col("margin_units"))
        )
        .with_columns(winner=pl.col("challenger_row").filter("can_win").min().over("group"))
        .filter(pl.col("winner").is_not_null())
        .with_columns(wins=pl.col("challenger_row").eq_missing(pl.col("winner")))
        .with_columns(loser=pl.col("meets").filter("wins").first().over("group"))
        .with_columns(loses=pl.col("holder_row").eq_missing(pl.col("loser")))
        .pipe(run_plan)
    )
    won = met.filter("wins")
    after = met.select(
        *("group", "group_bucket", "bucket_limit", "margin_units"),
        pl.col("challenger") + pl.col("wins"),
        "last_challenger",
        pl.col("holder") + pl.col("loses"),
        "last_holder",
        pl.col("there") + pl.col("wins") - pl.col("loses"),
        pl.col("openings") - 1,
    ).filter(pl.col("openings") > 0)
    return after, won["winner"], won["loser"]


def _add_first(buckets: pl.DataFrame, queue: pl.DataFrame, name: str) -> pl.DataFrame:
    """Add row and score of the first of each queue; null where the queue is empty."""
    at = buckets.select(pl.when(pl.col(name) < pl.col(f"last_{name}")).then(pl.col(name))).to_series()
    first = queue.select(
        pl.col("number").gather(at).alias(f"{name}_row"), pl.col("score_units").gather(at).alias(f"{name}_units")
    )
    return buckets.hstack(first)
