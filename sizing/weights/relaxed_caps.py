"""How far a cap must rise until sizing leaves nothing over: the position's (c) or the bucket's (B).

The reachable total gives the least value that could do, by the one solver; sizing again under it proves that it does.
Where it does not, since growth limits or drops are in the way, the least proven value is searched by bisection.
"""

import polars as pl

from sizing.frames.limit_columns import LimitColumns
from sizing.limits.fields import WEIGHT_TOLERANCE
from sizing.weights.raw_weights import add_raw_weights
from sizing.weights.two_stage import add_stages
from sizing.weights.water_fill import solve_level
from sizing.weights.working_frame import join_limits

CAPS = ("max_single_position", "max_allocation_per_bucket")

_SHOWN_DECIMALS = 4
_SHOWN_STEPS = 10**_SHOWN_DECIMALS
"""A proposed limit is rounded up to four decimals, so that it can be typed and still works."""

_SEARCH_STEPS = _SHOWN_STEPS.bit_length()


def relax_caps(rows: pl.DataFrame, buckets: pl.DataFrame, columns: LimitColumns) -> pl.DataFrame:
    """Return per portfolio the least c and the least B that alone would place it all, proved by sizing again.

    *Requires* sized `rows` and their `buckets`. *Columns*: `portfolio_key, old, new, limit`.
    """
    return pl.concat([_least(rows, _candidates(buckets, name), columns, name) for name in CAPS])


def proposals(level: pl.DataFrame, limit: str) -> pl.DataFrame:
    """Turn solved levels into values above `old` that a person can type. *Requires* `portfolio_key, old, level`."""
    enough = (pl.col("level") * _SHOWN_STEPS - WEIGHT_TOLERANCE * _SHOWN_STEPS).ceil()
    steps = pl.max_horizontal(enough, _whole_steps("old") + 1)
    highest = float("inf") if limit == "max_residual_multiple" else 1.0
    return level.select("portfolio_key", "old", new=_as_typed(steps), limit=pl.lit(limit)).filter(
        pl.col("new").is_finite() & (pl.col("new") <= highest) & (pl.col("new") > pl.col("old"))
    )


def _whole_steps(name: str) -> pl.Expr:
    steps: pl.Expr = (pl.col(name) * _SHOWN_STEPS + WEIGHT_TOLERANCE * _SHOWN_STEPS).floor()
    return steps


def _as_typed(steps: pl.Expr) -> pl.Expr:
    # Rounded at the end: a product of steps and 1e-4 need not be the number that a person would type.
    typed: pl.Expr = (steps * (1 / _SHOWN_STEPS)).round(_SHOWN_DECIMALS)
    return typed


def _candidates(buckets: pl.DataFrame, limit: str) -> pl.DataFrame:
    """Return the least value with which the reachable total is T, never less than the limit is now."""
    level = _capacity_cap(buckets) if limit == "max_single_position" else _capacity_bucket(buckets)
    old = buckets.group_by("portfolio_key", maintain_order=True).agg(old=pl.col(limit).first())
    return (
        old.filter(pl.col("old") < 1)
        .join(level, on="portfolio_key", how="left", maintain_order="left")
        .with_columns(pl.col("level").clip(upper_bound=1.0))
        .pipe(proposals, limit)
    )


def _capacity_cap(buckets: pl.DataFrame) -> pl.DataFrame:
    ceilings = buckets.with_columns(ceiling=pl.min_horizontal("free_bucket_limit", "positions"))
    return solve_level(ceilings, "portfolio_key", slope="positions", upper="ceiling", total="free_total")


def _capacity_bucket(buckets: pl.DataFrame) -> pl.DataFrame:
    """Solve for the common bucket limit; buckets with a limit of their own keep it.

    A wider bucket takes back positions that the narrow one had no room for at the minimum size: all candidates count.
    """
    own = pl.col("has_own_limit")
    by_cap = pl.col("candidates") * pl.col("max_single_position") + pl.col("pinned")
    kept = pl.min_horizontal(by_cap, "bucket_limit") * own
    rising = buckets.with_columns(
        left=pl.col("target_total_allocation") - kept.sum().over("portfolio_key"),
        ceiling=pl.when(own).then(0.0).otherwise(by_cap),
        one=pl.when(own).then(0.0).otherwise(1.0),
    )
    return solve_level(rising, "portfolio_key", slope="one", upper="ceiling", total="left")


def _least(rows: pl.DataFrame, candidates: pl.DataFrame, columns: LimitColumns, limit: str) -> pl.DataFrame:
    """Prove each candidate, and search where it does not do, or where it does and a step less does too.

    It may be too high where weights are pinned alone: a cap that rises lets those rise that it had cut.
    """
    proven = _keep_sufficient(rows, candidates, columns)
    rest = candidates.join(proven, on="portfolio_key", how="anti", maintain_order="left")
    open_wide = _keep_sufficient(rows, rest.with_columns(low="new", new=pl.lit(1.0)), columns)
    may_be_high = proven.join(rows.filter("is_pinned"), on="portfolio_key", how="semi", maintain_order="left")
    step_less = may_be_high.with_columns(low="old", new=_as_typed(_whole_steps("new") - 1))
    too_high = _keep_sufficient(rows, step_less.filter(pl.col("new") > pl.col("old")), columns)
    searched = pl.concat([open_wide, too_high])
    if searched.is_empty():
        return proven
    found = proven.join(too_high, on="portfolio_key", how="anti", maintain_order="left")
    return pl.concat([found, _bisect(rows, searched, columns, limit)])


def _bisect(rows: pl.DataFrame, bounds: pl.DataFrame, columns: LimitColumns, limit: str) -> pl.DataFrame:
    """Narrow (low, high] to one step, high always proven."""
    span = bounds.with_columns(low=_whole_steps("low").cast(pl.Int64), high=_whole_steps("new").cast(pl.Int64))
    for _ in range(_SEARCH_STEPS):
        tried = span.with_columns(middle=(pl.col("low") + pl.col("high")) // 2)
        placing = _keep_sufficient(rows, tried.with_columns(new=_as_typed(pl.col("middle"))), columns)
        is_above = pl.col("middle") > pl.col("low")
        is_placing = is_above & pl.col("portfolio_key").is_in(placing["portfolio_key"].implode())
        span = tried.with_columns(
            low=pl.when(is_placing).then("low").otherwise("middle"),
            high=pl.when(is_placing).then("middle").otherwise("high"),
        )
    return span.select("portfolio_key", "old", new=_as_typed(pl.col("high")), limit=pl.lit(limit))


def _keep_sufficient(rows: pl.DataFrame, candidates: pl.DataFrame, columns: LimitColumns) -> pl.DataFrame:
    """Keep the candidates under which sizing again leaves nothing unplaced."""
    if candidates.is_empty():
        return candidates
    affected = rows.join(candidates, on="portfolio_key", how="semi", maintain_order="left")
    sized = join_limits(affected, _relaxed(columns, candidates)).pipe(add_raw_weights, columns).pipe(add_stages)
    unplaced = pl.col("residual").first() - pl.col("residual_weight").sum()
    placing = sized.group_by("portfolio_key").agg(unplaced=unplaced).filter(pl.col("unplaced") <= WEIGHT_TOLERANCE)
    return candidates.join(placing, on="portfolio_key", how="semi", maintain_order="left")


def _relaxed(columns: LimitColumns, candidates: pl.DataFrame) -> LimitColumns:
    """Return the limits of the candidates' portfolios, one of them replaced by its proposed value."""
    limit = candidates["limit"][0]
    portfolios = columns.portfolios.drop(limit).join(
        candidates.select("portfolio_key", pl.col("new").alias(limit)), on="portfolio_key", maintain_order="left"
    )
    return columns._replace(portfolios=portfolios)
