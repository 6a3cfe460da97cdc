"""Who gets a slot, and what every candidate would need for one.

What does not belong here: the rules of the slots (slots.py, replacement.py), and how the counterfactual is found.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import polars as pl

from sizing.frames.day_inputs import DayInputs
from sizing.frames.plans import run_plan
from sizing.selection.counterfactual import NONE, add_counterfactual
from sizing.selection.gates import Gate, gate
from sizing.selection.slots import fill_slots, own_bucket_limits, slot_limits

_CANDIDATE = (
    *("row", "portfolio_key", "bucket_key", "asset_key", "score_units"),
    *("is_held", "is_locked", "is_in_grace"),
)


class FilledSlots(NamedTuple):
    """Who has a slot: `decided` by candidate, and what the counterfactual evaluates again."""

    decided: pl.DataFrame
    slots: pl.DataFrame
    buckets: pl.DataFrame
    limits: pl.DataFrame


def fill_day_slots(qualified: pl.DataFrame, inputs: DayInputs) -> FilledSlots:
    """Fill the slots of every portfolio.

    *Requires* what `selection.qualify` returns. *Adds* `is_reserved` (it represents its
    bucket), `gate` (the first rule that stopped a candidate, here or in selection; null: none), `is_selected`.
    """
    rows, limits = qualified.with_row_index("row"), slot_limits(inputs)
    buckets = _buckets(rows, limits, inputs)
    slots = fill_slots(_join_slot_limits(rows, buckets, limits, _CANDIDATE))
    decided = (
        rows.lazy()
        .join(
            slots.lazy().select("row", "is_reserved", "has_won", "slot_gate"),
            on="row",
            how="left",
            maintain_order="left",
        )
        .with_columns(
            pl.col("is_reserved", "has_won").fill_null(value=False), gate=pl.coalesce("selection_gate", "slot_gate")
        )
        .with_columns(is_selected=pl.col("gate").is_null())
        .with_columns(**_with_a_slot())
        .pipe(run_plan)
    )
    return FilledSlots(decided, slots, buckets, limits)


def _with_a_slot() -> Mapping[str, pl.Expr]:
    """Return what is true only of who is selected: why it is kept, and how long. Who is shut out waits for its gate."""
    is_selected = pl.col("is_selected")
    is_shut_out = pl.any_horizontal(
        pl.col("gate").eq_missing(gate(one)) for one in (Gate.IN_COOLDOWN, Gate.ROUND_TRIPS)
    )
    return {
        "is_pinned": pl.col("is_pinned") & is_selected,
        "starts_term": pl.col("starts_term") & is_selected,
        "kept_by": pl.when(is_selected).then("kept_by"),
        "kept_from": pl.when(is_selected).then("kept_from"),
        "gate_days_left": pl.when(is_selected | is_shut_out).then("gate_days_left"),
    }


def diversify(qualified: pl.DataFrame, inputs: DayInputs) -> pl.DataFrame:
    """Fill the slots of every portfolio, and find what would have let each candidate in.

    *Requires* what `selection.qualify` returns. *Adds* what `fill_day_slots` and `add_counterfactual` add; that is null
    without `has_entry_scores`.
    """
    decided, slots, buckets, limits = fill_day_slots(qualified, inputs)
    found = (
        add_counterfactual(decided, slots, buckets, limits) if inputs.has_entry_scores else decided.with_columns(NONE)
    )
    return found.join(
        buckets.select("bucket_key", "bucket_limit"), on="bucket_key", how="left", maintain_order="left"
    ).drop("row", "has_won", "slot_gate")


def join_slot_limits(qualified: pl.DataFrame, inputs: DayInputs, columns: Sequence[str]) -> pl.DataFrame:
    """Return what `slots.fill_slots` requires of the candidates that qualify, and the named columns."""
    limits = slot_limits(inputs)
    return _join_slot_limits(qualified, _buckets(qualified, limits, inputs), limits, columns)


def _join_slot_limits(
    rows: pl.DataFrame, buckets: pl.DataFrame, limits: pl.DataFrame, columns: Sequence[str]
) -> pl.DataFrame:
    """Join limits to the candidates that qualify; each portfolio is a group."""
    return (
        rows.lazy()
        .filter(pl.col("selection_gate").is_null())
        .select(columns)
        .join(buckets.lazy().select("bucket_key", "bucket_limit"), on="bucket_key", how="left", maintain_order="left")
        .join(limits.lazy(), on="portfolio_key", how="left", maintain_order="left")
        .with_columns(group=pl.col("portfolio_key").set_sorted(), group_bucket="bucket_key")
        .pipe(run_plan)
    )


def _buckets(rows: pl.DataFrame, limits: pl.DataFrame, inputs: DayInputs) -> pl.DataFrame:
    """Return `bucket_key, portfolio_key, bucket, bucket_limit`, one row for each bucket of a portfolio."""
    general = limits.lazy().select("portfolio_key", "max_positions_per_bucket")
    return (
        rows.lazy()
        .group_by("bucket_key")
        .agg(pl.col("portfolio_key", "bucket").first())
        .sort("bucket_key")
        .join(general, on="portfolio_key", how="left", maintain_order="left")
        .join(own_bucket_limits(inputs).lazy(), on=["portfolio_key", "bucket"], how="left", maintain_order="left")
        .select(
            *("bucket_key", "portfolio_key", "bucket"),
            bucket_limit=pl.coalesce("own_positions", "max_positions_per_bucket"),
        )
        .pipe(run_plan)
    )
