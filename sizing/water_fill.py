"""The one solver: find x with sum of clip(x a_i, l_i, u_i) = total, for every group at once, in closed form.

The left side is piecewise linear and rises with x. Its slope changes where x a_i leaves l_i (at l_i / a_i) and
where it reaches u_i (at u_i / a_i). Sort these breakpoints, sum slopes and constants up to each, and read x off
the segment that holds the total. Source: sizing.md 9; Krichene, Krichene, Bayen, CDC 2015.
"""

import polars as pl


def solve_level(  # noqa: PLR0913 - the equation has this many terms
    rows: pl.DataFrame,
    group: str,
    *,
    slope: str,
    total: str,
    lower: str | None = None,
    upper: str | None = None,
) -> pl.DataFrame:
    """Solve sum of clip(x slope, lower, upper) = total for x, once per group.

    *Requires* in `rows`: `group`; `slope` >= 0; `lower` and `upper` (missing: 0 and no limit); `total`, the same
    in the whole group. Rows of one group in a fixed order: it decides the last bit.
    *Gives* one row per group: `group`, `level`. It is the least x where the total is out of reach below, and
    infinite where the upper bounds add up to less than the total.
    """
    moving = rows.filter(pl.col(slope) > 0)
    events = pl.concat(
        [
            _start(moving, group, slope, lower),
            *([] if lower is None else [_event(moving, group, lower, slope, sign=1)]),
            *([] if upper is None else [_event(moving, group, upper, slope, sign=-1)]),
        ]
    ).sort(group, "at", maintain_order=True)
    segments = events.with_columns(
        segment_slope=pl.col("slope_change").cum_sum().over(group),
        segment_base=pl.col("base_change").cum_sum().over(group),
        next_at=pl.col("at").shift(-1, fill_value=None).over(group),
    ).join(rows.group_by(group, maintain_order=True).agg(total=pl.col(total).first()), on=group, how="left")
    at, slope_here = pl.col("at"), pl.col("segment_slope")
    value = pl.col("segment_base") + slope_here * at
    climb = ((pl.col("total") - value) / slope_here).clip(lower_bound=0)
    is_full = pl.col("next_at").is_null() & pl.lit(upper is not None)
    return (
        segments.filter((value <= pl.col("total")) | (at == 0))
        .group_by(group, maintain_order=True)
        .last()
        .select(
            group,
            level=pl.when(is_full)
            .then(float("inf"))
            .when(slope_here > 0)
            .then(pl.min_horizontal(at + climb, "next_at"))
            .otherwise(at),
        )
    )


def _start(rows: pl.DataFrame, group: str, slope: str, lower: str | None) -> pl.DataFrame:
    """At x = 0 every row is at its lower bound; without one it rises from the start."""
    rising = pl.col(slope).sum() if lower is None else pl.lit(0.0)
    resting = pl.lit(0.0) if lower is None else pl.col(lower).sum()
    return rows.group_by(group, maintain_order=True).agg(at=pl.lit(0.0), slope_change=rising, base_change=resting)


def _event(rows: pl.DataFrame, group: str, bound: str, slope: str, *, sign: int) -> pl.DataFrame:
    return rows.select(
        group,
        at=pl.col(bound) / pl.col(slope),
        slope_change=sign * pl.col(slope),
        base_change=-sign * pl.col(bound),
    )
