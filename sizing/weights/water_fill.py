"""The one solver: find x with sum of clip(x a_i, l_i, u_i) = total, for every group at once, in closed form.

The left side F(x) is piecewise linear and rises with x. Between two breakpoints F(x) = k + s x: s sums the a_i of the
rows between their bounds, k the l_i of those that have not risen yet and the u_i of those that have stopped. Each
breakpoint changes both:

    at l_i / a_i, where row i leaves its lower bound:   s + a_i, k - l_i
    at u_i / a_i, where it reaches its upper bound:     s - a_i, k + u_i

So sort the breakpoints, sum the changes over them, and read x = (total - k) / s off the segment that holds the total.
That is n log n, without iteration and without a tolerance of convergence. Source: docs/sizing.md 9; Krichene, Krichene,
Bayen, CDC 2015. The nested problem, buckets inside a portfolio, stays closed: the level of each bucket bounds its rows
in the equation of the portfolio (Vidal, Jaillet, Maculan, SIAM J. Optim. 2016).
"""

import polars as pl

from sizing.frames.plans import run_plan
from sizing.frames.sorted_groups import ends, running_count, running_sum, starts
from sizing.limits.fields import WEIGHT_TOLERANCE


def solve_level(  # noqa: PLR0913 - the equation has this many terms
    rows: pl.DataFrame,
    group: str,
    *,
    slope: str,
    total: str,
    lower: str | None = None,
    upper: str | None = None,
    level: str = "level",
) -> pl.DataFrame:
    """Solve sum of clip(x slope, lower, upper) = total for x, once per group.

    *Requires* in `rows`: `group`, an integer, in rising order; `slope` >= 0 (0: the row stays at 0); `lower` or
    `upper` or both (missing: 0 and no limit); `total`, the same in the whole group. Rows of one group in a fixed
    order: it decides the last bit.
    *Returns* one row per group: `group`, and x as `level`. It is 0 where the lower bounds alone exceed the total, and
    infinite where the upper bounds add up to less than it.
    """
    if rows.is_empty():
        return rows.select(group, pl.lit(None, pl.Float64).alias(level))
    a, rising = pl.col(slope), rows.lazy().filter(pl.col(slope) > 0)
    origin = (
        rows.lazy()
        .group_by(group, maintain_order=True)
        .agg(
            pl.col(total).first().alias("total"),
            at=pl.lit(0.0),
            slope_change=pl.lit(0.0),
            sum_change=pl.lit(0.0) if lower is None else pl.col(lower).filter(a > 0).sum(),
        )
    )
    turns = [(lower, a, -1.0), (upper, -a, 1.0)]
    breakpoints = [
        rising.select(
            group,
            pl.col(total).alias("total"),
            at=pl.col(bound) / a,
            slope_change=slope_change,
            sum_change=sign * pl.col(bound),
        )
        for bound, slope_change, sign in turns
        if bound is not None
    ]
    events = run_plan(pl.concat([origin, *breakpoints]).sort(group, "at", maintain_order=True))
    segments = _segments(events, group, is_bounded=upper is not None)
    return _read_off(segments, group, level, is_bounded=upper is not None)


def at_level(level: str, slope: str, *, upper: str) -> pl.Expr:
    """Return min(x slope, upper) with x in the column `level`; where nothing was solved (null), the upper bound."""
    risen = pl.when(pl.col(slope) > 0).then(pl.col(level) * pl.col(slope)).otherwise(0.0)
    return pl.when(pl.col(level).is_null()).then(upper).otherwise(pl.min_horizontal(risen, upper))


def _segments(events: pl.DataFrame, group: str, *, is_bounded: bool) -> pl.DataFrame:
    """Add to each breakpoint the sum there (`value`), the slope behind it (`steepness`), and where the next one is."""
    summed = events.with_columns(
        base=running_sum(events["sum_change"], events[group]),
        steepness=_slope_to_come(events, group) if is_bounded else running_sum(events["slope_change"], events[group]),
    )
    return summed.select(
        *(group, "at", "total", "steepness"),
        value=pl.col("base") + pl.col("steepness") * pl.col("at"),
        next_at=pl.when(~ends(group)).then(pl.col("at").shift(-1)),
    )


def _slope_to_come(events: pl.DataFrame, group: str) -> pl.Series:
    """Sum what still comes, where all stop, not all less what has gone: faint slopes would drown in the difference."""
    back = events.select(group, slope=-pl.col("slope_change")).reverse()
    slope = pl.lit(running_sum(back["slope"], back[group]))
    return back.select(pl.when(~starts(group)).then(slope.shift()).otherwise(0.0).reverse()).to_series()


def _read_off(segments: pl.DataFrame, group: str, level: str, *, is_bounded: bool) -> pl.DataFrame:
    """Take the last breakpoint before the sum exceeds the total, and climb from there along its segment."""
    at, steepness, value, total = pl.col("at"), pl.col("steepness"), pl.col("value"), pl.col("total")
    is_end = pl.col("next_at").is_null() & pl.lit(is_bounded)
    return (
        segments.lazy()
        .with_columns(is_over=value > total)
        .filter((running_count(pl.col("is_over"), starts(group)) == 0) | (at == 0))
        .filter(ends(group))
        .select(
            group,
            pl.when(is_end & (total > value + WEIGHT_TOLERANCE))
            .then(float("inf"))
            .when(~is_end & (steepness > 0))
            .then(pl.min_horizontal(at + ((total - value) / steepness).clip(lower_bound=0), "next_at"))
            .otherwise(at)
            .alias(level),
        )
        .pipe(run_plan)
    )
