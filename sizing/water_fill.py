"""The one solver: find x with sum of clip(x a_i, l_i, u_i) = total, for every group at once, in closed form.

The left side is piecewise linear and rises with x. Its slope changes where x a_i leaves l_i (at l_i / a_i) and where
it reaches u_i (at u_i / a_i). Sort these breakpoints, sum slopes and constants over them, and read x off the segment
that holds the total. Source: sizing.md 9; Krichene, Krichene, Bayen, CDC 2015.
"""

import polars as pl

from sizing.limits import WEIGHT_TOLERANCE


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

    *Requires* in `rows`: `group`; `slope` >= 0 (0: the row stays at 0); `lower` and `upper` (missing: 0 and no
    limit); `total`, the same in the whole group. Rows of one group in a fixed order: it decides the last bit.
    *Gives* one row per group: `group`, `level`. It is 0 where the lower bounds alone exceed the total, and infinite
    where the upper bounds add up to less than it.
    """
    if rows.is_empty():
        return rows.select(group, level=pl.lit(None, pl.Float64))
    events = pl.concat(
        [
            rows.group_by(group, maintain_order=True).agg(at=pl.lit(0.0), **_no_change()),
            *([] if lower is None else [_events(rows, group, slope, turn="rise", side="lower", bound=lower)]),
            *([] if upper is None else [_events(rows, group, slope, turn="stop", side="upper", bound=upper)]),
        ]
    ).sort(group, "at", maintain_order=True)
    segments = events.join(
        rows.group_by(group, maintain_order=True).agg(
            pl.col(total).first().alias("total"), all_slopes=pl.col(slope).sum()
        ),
        on=group,
        how="left",
        maintain_order="left",
    ).with_columns(
        base=pl.col("upper").cum_sum().over(group) + _later("lower", group),
        # Sums of what still comes, not of all less what has gone: faint slopes would drown in the difference.
        steepness=_steepness(group, has_lower=lower is not None, has_upper=upper is not None),
        next_at=pl.col("at").shift(-1).over(group),
    )
    return _read_off(segments, group, is_bounded=upper is not None)


def at_level(level: str, slope: str, *, upper: str) -> pl.Expr:
    """Give min(x slope, upper) with x in the column `level`; where nothing was solved (null), the upper bound."""
    risen = pl.when(pl.col(slope) > 0).then(pl.col(level) * pl.col(slope)).otherwise(0.0)
    return pl.when(pl.col(level).is_null()).then(upper).otherwise(pl.min_horizontal(risen, upper))


def _read_off(segments: pl.DataFrame, group: str, *, is_bounded: bool) -> pl.DataFrame:
    """Take the last breakpoint before the sum exceeds the total, and climb from there along its segment."""
    at, steepness, value, total = pl.col("at"), pl.col("steepness"), pl.col("value"), pl.col("total")
    is_last = pl.col("next_at").is_null() & pl.lit(is_bounded)
    return (
        segments.with_columns(value=pl.col("base") + steepness * at)
        .filter(((value > total).cum_sum().over(group) == 0) | (at == 0))
        .group_by(group, maintain_order=True)
        .last()
        .select(
            group,
            level=pl.when(is_last & (total > value + WEIGHT_TOLERANCE))
            .then(float("inf"))
            .when(~is_last & (steepness > 0))
            .then(pl.min_horizontal(at + ((total - value) / steepness).clip(lower_bound=0), "next_at"))
            .otherwise(at),
        )
    )


def _steepness(group: str, *, has_lower: bool, has_upper: bool) -> pl.Expr:
    """Give the slope behind each breakpoint: of the rows that have left their lower bound and not met the upper."""
    if not has_upper:
        return pl.col("rise").cum_sum().over(group) if has_lower else pl.col("all_slopes")
    return _later("stop", group) - _later("rise", group)


def _later(column: str, group: str) -> pl.Expr:
    return pl.col(column).cum_sum(reverse=True).shift(-1, fill_value=0.0).over(group)


def _events(  # noqa: PLR0913 - two bounds share it
    rows: pl.DataFrame, group: str, slope: str, *, turn: str, side: str, bound: str
) -> pl.DataFrame:
    """Give the breakpoints where x slope meets its bound; what does not rise has none."""
    changes = _no_change() | {turn: pl.col(slope), side: pl.col(bound)}
    return rows.filter(pl.col(slope) > 0).select(group, at=pl.col(bound) / pl.col(slope), **changes)


def _no_change() -> dict[str, pl.Expr]:
    return {name: pl.lit(0.0) for name in ("rise", "stop", "lower", "upper")}
