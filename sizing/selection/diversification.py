"""Who gets a place, and what every candidate would need for one.

What does not belong here: the rules of the places (slots.py, replacement.py), and how the counterfactual is found.
"""

from collections.abc import Sequence
from typing import NamedTuple

import polars as pl

from sizing.frames.day_inputs import DayInputs
from sizing.selection.counterfactual import add_counterfactual
from sizing.selection.slots import give_places, own_bucket_limits, place_limits

_CANDIDATE = ("row", "portfolio_key", "place_key", "asset_key", "score_units", "is_held", "is_pinned")


class Placed(NamedTuple):
    """Who has a place: `decided` by candidate, and what the counterfactual asks again."""

    decided: pl.DataFrame
    places: pl.DataFrame
    buckets: pl.DataFrame
    limits: pl.DataFrame


def place(qualified: pl.DataFrame, inputs: DayInputs) -> Placed:
    """Fill the places of every portfolio.

    *Requires* what `selection.qualify` gives. *Adds* `is_reserved` (its bucket's place among the buckets that must be
    represented), `gate` (the first rule that stopped a candidate, here or in selection; null: none), `is_selected`.
    """
    rows, limits = qualified.with_row_index("row"), place_limits(inputs)
    buckets = _buckets(rows, inputs)
    places = give_places(_lay_places(rows, buckets, limits, _CANDIDATE))
    decided = (
        rows.join(
            places.select("row", "is_reserved", "has_won", "place_gate"), on="row", how="left", maintain_order="left"
        )
        .with_columns(
            pl.col("is_reserved", "has_won").fill_null(value=False), gate=pl.coalesce("selection_gate", "place_gate")
        )
        .with_columns(is_selected=pl.col("gate").is_null())
    )
    return Placed(decided, places, buckets, limits)


def diversify(qualified: pl.DataFrame, inputs: DayInputs) -> pl.DataFrame:
    """Fill the places of every portfolio, and find what would have let each candidate in.

    *Requires* what `selection.qualify` gives. *Adds* what `place` adds, `entry_score` and `rival`.
    """
    decided, places, buckets, limits = place(qualified, inputs)
    return (
        decided.pipe(add_counterfactual, places, buckets, limits)
        .join(buckets.select("place_key", "bucket_limit"), on="place_key", how="left", maintain_order="left")
        .drop("row", "has_won", "place_gate")
    )


def lay_places(qualified: pl.DataFrame, inputs: DayInputs, columns: Sequence[str]) -> pl.DataFrame:
    """Give what `places.give_places` requires of the candidates that qualify, and the named columns."""
    return _lay_places(qualified, _buckets(qualified, inputs), place_limits(inputs), columns)


def _lay_places(
    rows: pl.DataFrame, buckets: pl.DataFrame, limits: pl.DataFrame, columns: Sequence[str]
) -> pl.DataFrame:
    """Lay limits beside the candidates that qualify; each portfolio is a group."""
    return (
        rows.filter(pl.col("selection_gate").is_null())
        .select(columns)
        .join(buckets.select("place_key", "bucket_limit"), on="place_key", how="left", maintain_order="left")
        .join(limits, on="portfolio_key", how="left", maintain_order="left")
        .with_columns(group=pl.col("portfolio_key").set_sorted(), place="place_key")
    )


def _buckets(rows: pl.DataFrame, inputs: DayInputs) -> pl.DataFrame:
    """Give `place_key, portfolio_key, bucket, bucket_limit`, one row for each bucket of a portfolio."""
    general = place_limits(inputs).select("portfolio_key", "max_positions_per_bucket")
    return (
        rows.group_by("place_key")
        .agg(pl.col("portfolio_key", "bucket").first())
        .sort("place_key")
        .join(general, on="portfolio_key", how="left", maintain_order="left")
        .join(own_bucket_limits(inputs), on=["portfolio_key", "bucket"], how="left", maintain_order="left")
        .select(
            "place_key",
            "portfolio_key",
            "bucket",
            bucket_limit=pl.coalesce("own_positions", "max_positions_per_bucket"),
        )
    )
