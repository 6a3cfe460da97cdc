"""Raw weights: how much each selected asset would get if nothing capped it (docs/sizing.md 2).

r = max(lambda q, m), with q the score multiplier times the risk multiplier, m = min_position_size, and the one lambda
that makes the sum T.
"""

from dataclasses import dataclass

import polars as pl

from sizing.frames.limit_columns import LimitColumns, LimitsByPortfolio
from sizing.frames.plans import run_plan
from sizing.frames.sorted_groups import running_count, starts
from sizing.limits.fields import COUNT_TOLERANCE, WEIGHT_TOLERANCE
from sizing.weights.water_fill import solve_level
from sizing.weights.working_frame import append_columns, build_working_frame, check_selected

NO_SIZE = "no_size"
ABOVE_RISK = "max_position_risk"
BELOW_MINIMUM = "below_min_position_size"
"""Why a selected asset gets no weight: the score has no size, the risk cap is below the minimum, there is no room."""


@dataclass(frozen=True)
class DynamicPositionSizer:
    """Turn scores into raw weights, under the limits of each portfolio.

    *Requires* `portfolio_id, asset, bucket, score, is_held`, optional `pinned_weight`.
    *Adds* `score_rank, size_category, score_multiplier, drop_reason, raw_weight` (a fraction of the portfolio's value,
    before any cap). As many rows, by portfolio and rank.
    *Raises* `ContractError` for a frame that breaks the contract.

    >>> from sizing import RebalancingLimits
    >>> selected = pl.DataFrame({
    ...     "portfolio_id": "growth", "asset": ["KO", "LLY", "V"], "bucket": ["Staples", "Health Care", "Financials"],
    ...     "score": [0.66, 0.95, 0.83], "is_held": [True, False, False],
    ... })
    >>> raw = DynamicPositionSizer(RebalancingLimits(max_single_position=0.4)).size(selected)
    >>> raw.select("asset", "score_rank", "score_multiplier", pl.col("raw_weight").round(4)).rows()
    [('LLY', 1, 1.5, 0.4053), ('V', 2, 1.2, 0.3242), ('KO', 3, 0.8160000000000001, 0.2205)]
    """

    limits: LimitsByPortfolio

    def size(self, selected: pl.DataFrame) -> pl.DataFrame:
        """Return `selected` with its raw weights."""
        given = check_selected(selected)
        working, columns = build_working_frame(given, self.limits)
        return append_columns(add_raw_weights(working, columns), given, RAW_COLUMNS)


RAW_COLUMNS = ("score_rank", "size_category", "score_multiplier", "drop_reason", "raw_weight")


def add_raw_weights(working: pl.DataFrame, columns: LimitColumns) -> pl.DataFrame:
    """Add `size_category, score_multiplier, drop_reason, raw_weight` to a working frame."""
    return working.pipe(_add_multiplier, columns.tiers).pipe(_add_drop_reason).pipe(_add_raw_weight)


def _add_multiplier(working: pl.DataFrame, tiers: pl.DataFrame) -> pl.DataFrame:
    """Adaptive: tier multiplier x (1 + incumbent_bias if held); score weighted: the score; else 1."""
    mode, is_pinned = pl.col("sizing_mode"), pl.col("is_pinned")
    bias = pl.when(pl.col("is_held") & ~pl.col("starts_term")).then("incumbent_bias").otherwise(0.0)
    adaptive = pl.col("tier_multiplier") * (1 + bias)
    free_score = pl.when(is_pinned).then(0.0).otherwise("score")
    all_zero = free_score.max().over("portfolio_key") == 0
    score_weighted = pl.when(all_zero).then(1.0).otherwise("score")
    return (
        _with_tier(working, tiers)
        .lazy()
        .with_columns(
            score_multiplier=pl.when(is_pinned)
            .then(0.0)
            .when(mode == "adaptive")
            .then(adaptive)
            .when(mode == "score_weighted")
            .then(score_weighted)
            .otherwise(1.0),
            size_category=pl.when(is_pinned)
            .then(pl.lit("pinned"))
            .when(~pl.col("enable_dynamic_sizing"))
            .then(pl.lit("disabled"))
            .when(mode == "adaptive")
            .then("size_category")
            .otherwise(mode),
        )
        .drop("tier_multiplier")
        .pipe(run_plan)
    )


def _with_tier(working: pl.DataFrame, tiers: pl.DataFrame) -> pl.DataFrame:
    """Find the highest tier whose min_score the score reaches: as many steps up as there are such tiers."""
    min_scores = tiers.drop_nulls("min_score").pivot("tier_step", index="limits_key", values="min_score")
    is_reached = (pl.col("score") >= pl.col(step) for step in min_scores.columns[1:])
    reached = (
        working.lazy()
        .select("limits_key", "score")
        .join(min_scores.lazy(), on="limits_key", how="left", maintain_order="left")
        .select("limits_key", tier_step=pl.sum_horizontal(pl.lit(0, pl.UInt32), *is_reached))
        .join(tiers.lazy(), on=["limits_key", "tier_step"], how="left", maintain_order="left")
        .select("size_category", "tier_multiplier")
    )
    return working.hstack(run_plan(reached))


def _add_drop_reason(working: pl.DataFrame) -> pl.DataFrame:
    """Drop what has no size or a cap below the minimum; then what finds no room at it, per bucket and in all."""
    no_size = ~pl.col("is_pinned") & (pl.col("score_multiplier") == 0)
    above_risk = ~pl.col("is_pinned") & ((pl.col("cap") < pl.col("min_position_size")) | (pl.col("cap") == 0))
    candidates = working.lazy().with_columns(is_candidate=~pl.col("is_pinned") & ~no_size & ~above_risk)
    kept_in_bucket = run_plan(
        candidates.with_columns(
            fits_bucket=pl.col("is_candidate")
            & (running_count(pl.col("is_candidate"), starts("bucket_key")) <= _max_positions("free_bucket_limit"))
        )
    )
    kept = kept_in_bucket.lazy().with_columns(is_sized=_fits_portfolio(kept_in_bucket))
    explained = kept.with_columns(
        drop_reason=pl.when(no_size)
        .then(pl.lit(NO_SIZE))
        .when(above_risk)
        .then(pl.lit(ABOVE_RISK))
        .when(pl.col("is_candidate") & ~pl.col("is_sized"))
        .then(pl.lit(BELOW_MINIMUM))
    )
    return run_plan(explained.drop("is_candidate", "fits_bucket"))


def _max_positions(limit: str) -> pl.Expr:
    """Count the positions of the minimum size that fit under a limit; any number where there is no minimum."""
    minimum = pl.col("min_position_size")
    return pl.when(minimum > 0).then((pl.col(limit) / minimum + COUNT_TOLERANCE).floor()).otherwise(float("inf"))


def _fits_portfolio(working: pl.DataFrame) -> pl.Series:
    is_crowded = pl.col("fits_bucket").sum().over("portfolio_key") > _max_positions("free_total")
    if not working.select(is_crowded.any()).item():
        return working["fits_bucket"]
    rank = pl.col("fits_bucket").cum_sum().over("portfolio_key", order_by="score_rank")
    return working.select(pl.col("fits_bucket") & (rank <= _max_positions("free_total"))).to_series()


def _add_raw_weight(working: pl.DataFrame) -> pl.DataFrame:
    """Return r = max(lambda q, m); pinned rows carry their pinned weight, dropped rows 0.

    Only the proportions of q matter: as a share of the portfolio's largest, the faintest score stays a number.
    """
    q = pl.when("is_sized").then(pl.col("score_multiplier") * pl.col("risk_multiplier")).otherwise(0.0)
    shares = working.with_columns(share=q / q.max().over("portfolio_key"))
    return (
        shares.lazy()
        .join(_lambda(shares.filter("is_sized")).lazy(), on="portfolio_key", how="left", maintain_order="left")
        .with_columns(
            raw_weight=pl.when("is_sized")
            .then(pl.max_horizontal(pl.col("level") * pl.col("share"), "min_position_size"))
            .otherwise("pinned")
        )
        .select(*working.columns, "raw_weight")
        .pipe(run_plan)
    )


def _lambda(sized: pl.DataFrame) -> pl.DataFrame:
    """Return per portfolio the `level` with sum of max(level x share, m) = T; searched only where the floor binds."""
    proportional = (
        sized.lazy()
        .group_by("portfolio_key", maintain_order=True)
        .agg(
            level=pl.col("free_total").first() / pl.col("share").sum(),
            least=pl.col("share").min(),
            minimum=pl.col("min_position_size").first(),
        )
        .with_columns(floor_binds=pl.col("level") * pl.col("least") < pl.col("minimum") - WEIGHT_TOLERANCE)
        .pipe(run_plan)
    )
    if not proportional["floor_binds"].any():
        return proportional
    searched = solve_level(
        sized.join(proportional.filter("floor_binds"), on="portfolio_key", how="semi", maintain_order="left"),
        "portfolio_key",
        slope="share",
        lower="min_position_size",
        total="free_total",
        level="searched",
    )
    return proportional.join(searched, on="portfolio_key", how="left", maintain_order="left").select(
        "portfolio_key", level=pl.coalesce("searched", "level")
    )
