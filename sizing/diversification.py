"""Who gets a place: positions per bucket, positions in all, new names a day, and places kept for missing buckets.

Holdings come first, pinned ones before all: they cannot be closed today. Then new names, by score.
"""

import polars as pl

from sizing.inputs import DayInputs
from sizing.limit_columns import LimitSchema, limit_frame
from sizing.limits import WEIGHT_TOLERANCE

BUCKET_FULL = "max_positions_per_bucket"
TOTAL_FULL = "max_total_positions"
NEW_FULL = "max_new_positions"
REPLACED = "replaced"

_SCHEMA: LimitSchema = {
    "portfolio_id": pl.String,
    "max_positions_per_bucket": pl.Int32,
    "allow_bucket_overflow": pl.Boolean,
    "max_total_positions": pl.Int32,
    "max_new_positions": pl.Int32,
    "min_buckets_represented": pl.Int32,
    "replacement_margin": pl.Float64,
}
_BUCKET = ["portfolio_id", "bucket"]
_BY_SCORE = [-pl.col("score"), pl.col("asset")]


def diversify(qualified: pl.DataFrame, inputs: DayInputs) -> pl.DataFrame:
    """Fill the places of every portfolio.

    *Requires* what `selection.qualify` gives. *Adds* `is_reserved` (a place kept for a missing bucket), `gate` (the
    first rule that stopped a candidate, here or in selection; null: none) and `is_selected`.
    """
    limits = limit_frame(inputs.limits, _SCHEMA)
    limited = qualified.join(limits, on="portfolio_id", how="left", maintain_order="left")
    placed = limited.pipe(_keep_holdings).pipe(_fill_buckets).pipe(_fill_places).pipe(_replace)
    gate = pl.coalesce("selection_gate", "place_gate")
    return placed.with_columns(gate=gate, is_selected=gate.is_null()).select(
        *qualified.columns, "is_reserved", "gate", "is_selected"
    )


def _keep_holdings(rows: pl.DataFrame) -> pl.DataFrame:
    """Close the lowest holdings above the bucket's places, then above the portfolio's."""
    bucket_place = _place_among_holdings(_BUCKET)
    is_spared = pl.col("is_pinned") | pl.col("allow_bucket_overflow")
    with_bucket = rows.with_columns(place_gate=pl.lit(None, pl.String)).with_columns(
        place_gate=pl.when(~is_spared & (bucket_place > pl.col(BUCKET_FULL))).then(pl.lit(BUCKET_FULL))
    )
    total_place = _place_among_holdings(["portfolio_id"])
    return with_bucket.with_columns(
        place_gate=pl.when(
            pl.col("place_gate").is_null() & ~pl.col("is_pinned") & (total_place > pl.col("max_total_positions"))
        )
        .then(pl.lit(TOTAL_FULL))
        .otherwise("place_gate")
    )


def _place_among_holdings(group: list[str]) -> pl.Expr:
    competes = pl.col("is_held") & pl.col("selection_gate").is_null() & pl.col("place_gate").is_null()
    order = [~competes, ~pl.col("is_pinned"), *_BY_SCORE]
    return pl.when(competes).then(pl.int_range(1, pl.len() + 1).over(group, order_by=order))


def _fill_buckets(rows: pl.DataFrame) -> pl.DataFrame:
    """Give the places that holdings leave in a bucket to its best new names."""
    is_kept = pl.col("is_held") & pl.col("selection_gate").is_null() & pl.col("place_gate").is_null()
    is_new = ~pl.col("is_held") & pl.col("selection_gate").is_null()
    free = pl.col("max_positions_per_bucket") - is_kept.sum().over(_BUCKET)
    place = pl.int_range(1, pl.len() + 1).over(_BUCKET, order_by=[~is_new, *_BY_SCORE])
    return rows.with_columns(
        place_gate=pl.when(is_new & (place > free)).then(pl.lit(BUCKET_FULL)).otherwise("place_gate"),
        is_kept=is_kept,
        is_best_of_missing_bucket=is_new & (place == 1) & (free >= 1) & (is_kept.sum().over(_BUCKET) == 0),
    )


def _fill_places(rows: pl.DataFrame) -> pl.DataFrame:
    """Keep places for missing buckets, then fill by score, up to the new names a day and the total."""
    n_buckets = pl.col("bucket").filter("is_kept").n_unique().over("portfolio_id")
    missing = pl.col("min_buckets_represented") - n_buckets
    best = pl.col("is_best_of_missing_bucket")
    best_place = pl.int_range(1, pl.len() + 1).over("portfolio_id", order_by=[~best, *_BY_SCORE])
    waits = ~pl.col("is_held") & pl.col("selection_gate").is_null() & pl.col("place_gate").is_null()
    free = pl.max_horizontal(pl.col("max_total_positions") - pl.col("is_kept").sum().over("portfolio_id"), 0)
    return (
        rows.with_columns(is_reserved=best & (best_place <= missing), waits=waits, free=free)
        .with_columns(
            place=pl.int_range(1, pl.len() + 1).over(
                "portfolio_id", order_by=[~pl.col("waits"), ~pl.col("is_reserved"), *_BY_SCORE]
            )
        )
        .with_columns(
            place_gate=pl.when(pl.col("waits") & (pl.col("place") > pl.col("free")))
            .then(pl.lit(TOTAL_FULL))
            .when(pl.col("waits") & (pl.col("place") > pl.col("max_new_positions")))
            .then(pl.lit(NEW_FULL))
            .otherwise("place_gate")
        )
        .with_columns(is_reserved=pl.col("is_reserved") & pl.col("place_gate").is_null())
    )


def _replace(rows: pl.DataFrame) -> pl.DataFrame:
    """Let the best challengers take the places of the weakest holdings that they beat by replacement_margin.

    The k-th best challenger meets the k-th weakest holding. Challengers fall and holdings rise, so the pairs that
    trade are the first ones.
    """
    challenges = pl.col("waits") & (pl.col("place_gate") == TOTAL_FULL) & pl.col("replacement_margin").is_not_null()
    n_new = (pl.col("waits") & pl.col("place_gate").is_null()).sum().over("portfolio_id")
    defends = pl.col("is_kept") & ~pl.col("is_pinned") & ~_stands_for_its_bucket()
    rows = rows.with_columns(
        challenger=pl.when(challenges).then(
            pl.int_range(1, pl.len() + 1).over("portfolio_id", order_by=[~challenges, *_BY_SCORE])
        ),
        defender=pl.when(defends).then(
            pl.int_range(1, pl.len() + 1).over(
                "portfolio_id", order_by=[~defends, pl.col("score"), pl.col("asset").rank(descending=True)]
            )
        ),
        new_left=pl.col("max_new_positions") - n_new,
    )
    pairs = (
        rows.filter(pl.col("challenger").is_not_null() & (pl.col("challenger") <= pl.col("new_left")))
        .select("portfolio_id", "replacement_margin", pair="challenger", challenger_score="score")
        .join(
            rows.filter(pl.col("defender").is_not_null()).select("portfolio_id", "score", pair="defender"),
            on=["portfolio_id", "pair"],
        )
        .filter(
            (pl.col("challenger_score") > pl.col("score"))
            & (pl.col("challenger_score") >= pl.col("score") + pl.col("replacement_margin") - WEIGHT_TOLERANCE)
        )
        .select("portfolio_id", "pair", trades=pl.lit(value=True))
    )
    wins = rows.join(
        pairs.rename({"pair": "challenger", "trades": "wins"}), on=["portfolio_id", "challenger"], how="left"
    )
    settled = wins.join(
        pairs.rename({"pair": "defender", "trades": "loses"}), on=["portfolio_id", "defender"], how="left"
    )
    return settled.with_columns(
        place_gate=pl.when("wins").then(None).when("loses").then(pl.lit(REPLACED)).otherwise("place_gate")
    ).sort("portfolio_id", "asset")


def _stands_for_its_bucket() -> pl.Expr:
    """Whether a kept holding is the best of its bucket, in one of the buckets that the minimum needs."""
    kept = pl.col("is_kept")
    is_best = kept & (pl.int_range(1, pl.len() + 1).over(_BUCKET, order_by=[~kept, *_BY_SCORE]) == 1)
    place = pl.int_range(1, pl.len() + 1).over("portfolio_id", order_by=[~is_best, *_BY_SCORE])
    return is_best & (place <= pl.col("min_buckets_represented"))
