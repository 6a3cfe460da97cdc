"""How far a cap must rise until sizing leaves nothing over: the position's (c), its risk's (x) or the bucket's (B).

A first value comes from the reachable total, by the one solver, with n free positions, k candidates and the pinned
weight p of each bucket:

    c:  sum of min(c n, B - p) = T - sum of p
    x:  sum of min(x / volatility, c) = T - sum of p
    B:  sum of min(B, k c + p) over buckets under the common limit = T - what the other buckets hold

Sizing again under it proves that it does. These equations know no growth limits and no drops, so the value may be too
low; and a cap that rises releases pinned weights that it had cut, so it may be too high. In both cases the least
value is searched by bisection over steps of 1e-4, 14 of them for 10,000 steps, in all portfolios at once. Every upper
bound is proven by sizing again: what is returned places it all, even where a wider cap, for once, places less.
"""

import polars as pl

from sizing.frames.limit_columns import LimitColumns
from sizing.limits.fields import SHOWN_DECIMALS, SHOWN_STEPS, WEIGHT_TOLERANCE
from sizing.weights.raw_weights import ABOVE_RISK, add_raw_weights
from sizing.weights.two_stage import add_stages
from sizing.weights.water_fill import solve_level
from sizing.weights.working_frame import join_limits

CAPS = ("max_single_position", "max_position_risk", "max_allocation_per_bucket")

_SEARCH_STEPS = SHOWN_STEPS.bit_length()


def relax_caps(rows: pl.DataFrame, buckets: pl.DataFrame, columns: LimitColumns) -> pl.DataFrame:
    """Return per portfolio the least value of each cap that alone would place it all, proved by sizing again.

    *Requires* sized `rows` and their `buckets`. *Columns*: `portfolio_key, old, new, limit`.
    """
    return pl.concat([_least(rows, _candidates(rows, buckets, name), columns, name) for name in CAPS])


def proposals(level: pl.DataFrame, limit: str) -> pl.DataFrame:
    """Round solved levels up to values above `old` that can be typed. *Requires* `portfolio_key, old, level`."""
    enough = (pl.col("level") * SHOWN_STEPS - WEIGHT_TOLERANCE * SHOWN_STEPS).ceil()
    steps = pl.max_horizontal(enough, _whole_steps("old") + 1)
    highest = float("inf") if limit == "max_residual_multiple" else 1.0
    return level.select("portfolio_key", "old", new=as_typed(steps), limit=pl.lit(limit)).filter(
        pl.col("new").is_finite() & (pl.col("new") <= highest) & (pl.col("new") > pl.col("old"))
    )


def _whole_steps(name: str) -> pl.Expr:
    steps: pl.Expr = (pl.col(name) * SHOWN_STEPS + WEIGHT_TOLERANCE * SHOWN_STEPS).floor()
    return steps


def as_typed(steps: pl.Expr) -> pl.Expr:
    """Return the number of whole steps of 1e-4 as it is typed."""
    # Rounded at the end: a product of steps and 1e-4 need not be the number that is typed.
    typed: pl.Expr = (steps * (1 / SHOWN_STEPS)).round(SHOWN_DECIMALS)
    return typed


def _candidates(rows: pl.DataFrame, buckets: pl.DataFrame, limit: str) -> pl.DataFrame:
    """Return the least value with which the reachable total is T, never less than the limit is now."""
    levels = {"max_single_position": _capacity_cap, "max_allocation_per_bucket": _capacity_bucket}
    level = levels[limit](buckets) if limit in levels else _capacity_risk(rows)
    old = rows.group_by("portfolio_key", maintain_order=True).agg(old=pl.col(limit).first())
    return (
        old.filter(pl.col("old") < 1)
        .join(level, on="portfolio_key", how="left", maintain_order="left")
        .with_columns(pl.col("level").clip(upper_bound=1.0))
        .pipe(proposals, limit)
    )


def _capacity_cap(buckets: pl.DataFrame) -> pl.DataFrame:
    ceilings = buckets.with_columns(ceiling=pl.min_horizontal("free_bucket_limit", "positions"))
    return solve_level(ceilings, "portfolio_key", slope="positions", upper="ceiling", total="free_total")


def _capacity_risk(rows: pl.DataFrame) -> pl.DataFrame:
    bound = rows.filter(pl.col("is_sized") & pl.col("max_position_risk").is_not_null())
    by_risk = bound.with_columns(by_risk=1 / pl.col("volatility"))
    return solve_level(by_risk, "portfolio_key", slope="by_risk", upper="max_single_position", total="free_total")


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

    It may be too high where weights are pinned, or were dropped for their risk, alone: a cap that rises lets those rise
    that it had cut.
    """
    proven = _keep_sufficient(rows, candidates, columns)
    rest = candidates.join(proven, on="portfolio_key", how="anti", maintain_order="left")
    open_wide = _keep_sufficient(rows, rest.with_columns(low="new", new=pl.lit(1.0)), columns)
    moving = rows.filter(pl.col("is_pinned") | (pl.col("drop_reason") == ABOVE_RISK))
    may_be_high = proven.join(moving, on="portfolio_key", how="semi", maintain_order="left")
    step_less = may_be_high.with_columns(low="old", new=as_typed(_whole_steps("new") - 1))
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
        placing = _keep_sufficient(rows, tried.with_columns(new=as_typed(pl.col("middle"))), columns)
        is_above = pl.col("middle") > pl.col("low")
        is_placing = is_above & pl.col("portfolio_key").is_in(placing["portfolio_key"].implode())
        span = tried.with_columns(
            low=pl.when(is_placing).then("low").otherwise("middle"),
            high=pl.when(is_placing).then("middle").otherwise("high"),
        )
    return span.select("portfolio_key", "old", new=as_typed(pl.col("high")), limit=pl.lit(limit))


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
