"""Report infeasibility: what limits can reach, which one binds, and the cheapest way out (docs/sizing.md 7).

The reachable total is the sum over buckets of min(max(B, p), n c + p), with n free positions and the pinned weight p;
under max_position_risk n c is the sum of the caps of the positions. All of it is judged before the risk scale.
Where limits force cash, the least value of each limit that alone would place the residual R is solved with the one
solver:

    max_residual_multiple g:   sum of min(g w2, u) = R, u = min(c - w2, max_residual_per_asset)
    max_residual_per_asset a:  sum of min(a, u) = R,    u = min(c - w2, max_residual_multiple x w2)
    c, B, max_position_risk:   relaxed_caps.py, proved by sizing again

in each bucket at most its room. The cheapest is the one with the least new / old. Of a portfolio that is scaled down,
it is the target volatility with which it would not be.
"""

import polars as pl

from sizing.frames.limit_columns import LimitColumns
from sizing.limits.fields import SHOWN_STEPS, WEIGHT_TOLERANCE
from sizing.weights.raw_weights import ABOVE_RISK, BELOW_MINIMUM
from sizing.weights.relaxed_caps import CAPS, as_typed, proposals, relax_caps
from sizing.weights.water_fill import at_level, solve_level

_NO_SINGLE_LIMIT = "several limits, or one that is no cap and no growth limit, would have to change"

_LIMITS = ("max_residual_multiple", "max_residual_per_asset", *CAPS)
"""What may be relaxed; where two cost the same, the earlier one is named."""


def add_relaxation(summary: pl.DataFrame, working: pl.DataFrame, columns: LimitColumns) -> pl.DataFrame:
    """Compute per portfolio what is reachable and what would place the cash that limits force.

    *Requires* `portfolio_key` in both, every stage's columns in `working`. *Adds* `reachable_weight, binding_limit,
    relaxation`.
    """
    buckets = _buckets(working)
    is_forced = (pl.col("residual") - pl.col("residual_placed") > WEIGHT_TOLERANCE) & (
        pl.col("residual_strategy") != "cash_bucket"
    )
    is_cut = pl.col("pins") > pl.col("pinned") + WEIGHT_TOLERANCE
    could_hold = buckets.filter((pl.col("candidates") > 0) | is_cut)
    forced = summary.filter(is_forced).select("portfolio_key").join(could_hold, on="portfolio_key", how="semi")
    reachable = summary.join(_reachable(buckets), on="portfolio_key", how="left", maintain_order="left").with_columns(
        pl.col("reachable_weight").fill_null(0.0)
    )
    if forced.is_empty():
        return reachable.with_columns(relaxation=_wider_target())
    rows = working.join(forced, on="portfolio_key", how="semi", maintain_order="left")
    cheapest = forced.join(_cheapest(rows, buckets, columns), on="portfolio_key", how="left").with_columns(
        pl.col("relaxation").fill_null(_NO_SINGLE_LIMIT)
    )
    both = pl.format("{}; {}", "relaxation", _wider_target())
    return reachable.join(cheapest, on="portfolio_key", how="left", maintain_order="left").with_columns(
        relaxation=pl.coalesce(both, "relaxation", _wider_target())
    )


def _wider_target() -> pl.Expr:
    """Name the target volatility with which the portfolio would not be scaled down; null: it is not, or none does."""
    enough = as_typed((pl.col("unscaled_volatility") * SHOWN_STEPS - WEIGHT_TOLERANCE * SHOWN_STEPS).ceil())
    return pl.when((pl.col("risk_scale") < 1) & (enough <= 1)).then(
        pl.format("target_volatility {} -> {} would invest it all", "target_volatility", enough)
    )


def _buckets(working: pl.DataFrame) -> pl.DataFrame:
    return working.group_by("bucket_key", maintain_order=True).agg(
        pl.col("portfolio_key", "target_total_allocation", "free_total", "max_single_position").first(),
        pl.col("max_allocation_per_bucket").first(),
        pl.col("free_bucket_limit", "bucket_limit").first(),
        has_own_limit=pl.col("own_bucket_limit").is_not_null().first(),
        positions=pl.col("is_sized").sum().cast(pl.Float64),
        caps=pl.when(pl.col("max_position_risk").is_not_null().any()).then((pl.col("cap") * pl.col("is_sized")).sum()),
        risk_caps=pl.when(pl.col("max_position_risk").is_not_null().any()).then(
            (pl.col("risk_cap") * pl.col("is_sized")).sum()
        ),
        has_risky=(pl.col("drop_reason") == ABOVE_RISK).any(),
        candidates=(pl.col("is_sized") | pl.col("drop_reason").is_in([BELOW_MINIMUM, ABOVE_RISK]))
        .sum()
        .cast(pl.Float64),
        pinned=pl.col("pinned").sum(),
        pins=pl.col("pinned_weight").sum(),
        pins_at_cap=(pl.min_horizontal("pinned_weight", "max_single_position") * pl.col("is_pinned")).sum(),
    )


def _reachable(buckets: pl.DataFrame) -> pl.DataFrame:
    """Return what is reachable, and below T the limit without which most more is: c, B or max_position_risk.

    Where none gives more alone, it is c, or nothing is there to be sized: the weights that are pinned are as they are.
    """
    by_position = pl.col("positions") * pl.col("max_single_position")
    by_caps = pl.coalesce("caps", by_position)
    by_cap = by_caps + pl.col("pinned")
    by_bucket = pl.max_horizontal("bucket_limit", "pinned")  # immovable rows may hold more than the limit
    gain = pl.col("without_cap") - pl.col("reachable_weight")
    is_risk = (pl.col("without_risk") > pl.col("without_cap") + WEIGHT_TOLERANCE) | pl.col("is_risky")
    return (
        buckets.group_by("portfolio_key", maintain_order=True)
        .agg(
            target=pl.col("target_total_allocation").first(),
            positions=pl.col("positions").sum(),
            reachable_weight=pl.min_horizontal(by_cap, by_bucket).sum(),
            without_buckets=(by_caps + pl.col("pins_at_cap")).sum(),
            without_cap=pl.min_horizontal(pl.coalesce("risk_caps", "positions") + pl.col("pins"), by_bucket).sum(),
            without_risk=pl.min_horizontal(by_position + pl.col("pinned"), by_bucket).sum(),
            is_risky=(pl.col("positions").sum() == 0) & pl.col("has_risky").any(),
        )
        .select(
            "portfolio_key",
            "reachable_weight",
            binding_limit=pl.when(pl.col("reachable_weight") < pl.col("target") - WEIGHT_TOLERANCE).then(
                pl.when(pl.col("without_buckets") > pl.max_horizontal("without_cap", "without_risk") + WEIGHT_TOLERANCE)
                .then(pl.lit("max_allocation_per_bucket"))
                .when(is_risk)
                .then(pl.lit("max_position_risk"))
                .when((pl.col("positions") > 0) | (gain > WEIGHT_TOLERANCE))
                .then(pl.lit("max_single_position"))
                .otherwise(pl.lit("no_position"))
            ),
        )
    )


def _cheapest(rows: pl.DataFrame, buckets: pl.DataFrame, columns: LimitColumns) -> pl.DataFrame:
    """Return per portfolio the relaxation with the least relative change among those that place it all."""
    affected = buckets.join(rows, on="bucket_key", how="semi", maintain_order="left")
    caps = relax_caps(rows, affected, columns)
    return (
        pl.concat([_growth_candidates(rows), caps])
        .sort(
            "portfolio_key",
            pl.col("new") / pl.col("old"),
            pl.col("limit").replace_strict(_LIMITS, range(len(_LIMITS))),
        )
        .group_by("portfolio_key", maintain_order=True)
        .first()
        .select("portfolio_key", relaxation=pl.format("{} {} -> {} would place it all", "limit", "old", "new"))
    )


def _growth_candidates(rows: pl.DataFrame) -> pl.DataFrame:
    """Solve how far each growth limit must rise for the rooms to hold the residual, the other limits unchanged."""
    w2 = pl.col("stage2_weight")
    free = rows.filter("is_sized").with_columns(
        bucket_room=(pl.col("free_bucket_limit") - w2.sum().over("bucket_key")).clip(0),
        position_room=pl.col("cap") - w2,
        one=pl.lit(1.0),
    )
    by_multiple = free.with_columns(room=pl.min_horizontal("position_room", "max_residual_per_asset"))
    by_asset = free.with_columns(room=pl.min_horizontal("position_room", pl.col("max_residual_multiple") * w2))
    return pl.concat(
        [
            _growth(by_multiple.drop_nulls("max_residual_multiple"), "max_residual_multiple", "stage2_weight"),
            _growth(by_asset, "max_residual_per_asset", "one"),
        ]
    )


def _growth(rows: pl.DataFrame, limit: str, slope: str) -> pl.DataFrame:
    # Two levels: what a position gets where its bucket is full bounds it in the equation of the portfolio.
    bucket_level = solve_level(rows, "bucket_key", slope=slope, upper="room", total="bucket_room")
    within = rows.join(bucket_level, on="bucket_key", how="left", maintain_order="left").with_columns(
        reachable=at_level("level", slope, upper="room")
    )
    level = solve_level(within, "portfolio_key", slope=slope, upper="reachable", total="residual")
    old = within.group_by("portfolio_key", maintain_order=True).agg(old=pl.col(limit).first())
    return proposals(level.join(old, on="portfolio_key", maintain_order="left"), limit)
