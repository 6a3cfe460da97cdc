"""The limits compared with the result: with the targets, and with the book that the trades leave.

One row per portfolio, constraint and basis, with the slack that is left. Recomputed from the targets and decisions, not
from what the sizer reports. What immovable holdings alone hold above a limit does not break it: nothing may be
traded there. Nor does the unit that a locked holding keeps beside them.
"""

import polars as pl

from sizing.checks.check_row import ABOVE, BELOW, CHECK_COLUMNS, POST_TRADE, checked
from sizing.checks.position_counts import count_checks
from sizing.checks.risk_limits import Sized, risk_checks
from sizing.frames.day_inputs import DayInputs
from sizing.frames.limit_columns import LimitColumns, limit_columns
from sizing.frames.weight_units import SNAP, UNITS, as_fraction
from sizing.limits.fields import WEIGHT_TOLERANCE
from sizing.selection.gates import is_immovable

_BROKEN_BY_NO_TRADE = pl.lit("broken by no_trade")
_LOCKED_UNIT = pl.min_horizontal("weight", 1 / UNITS) * pl.col("is_locked")
_IMMOVABLE = pl.when("is_immovable").then("weight").otherwise(_LOCKED_UNIT)
_MOVABLE = pl.col("weight") * ~pl.col("is_immovable")


def check_constraints(
    targets: pl.DataFrame, trade_summary: pl.DataFrame, decisions: pl.DataFrame, sized: Sized, inputs: DayInputs
) -> pl.DataFrame:
    """Return every constraint of every portfolio: its limit, the value reached, the slack, binding or not, kept or not.

    `basis` is what was checked: `target`, or `post_trade` for the book after the day's trades. `reason` reports what
    excuses a limit that is broken, or why a minimum was not attainable.
    """
    columns = limit_columns(inputs.limits, pl.Series(list(inputs.limits), dtype=pl.String))
    scale = sized.portfolios.select("portfolio_id", "risk_scale")
    least = as_fraction((pl.col("min_position_size") * pl.col("risk_scale").fill_null(1.0) * UNITS + SNAP).floor())
    weights = columns.portfolios.join(scale, on="portfolio_id", how="left", maintain_order="left").with_columns(
        min_position_size=pl.when(pl.col("risk_scale") < 1).then(least).otherwise("min_position_size")
    )
    rows = _with_decisions(targets, decisions)
    positions, book = _positions(rows, "target_weight"), _positions(rows, "post_trade_weight")
    free = positions.filter(~pl.col("is_pinned"))  # only these have a floor
    has_free = weights.join(free, on="portfolio_id", how="semi")
    # Not 0.0 less the distance: of several rows Polars makes that -0.0, of one 0.0, and a replay would differ.
    distance = pl.min_horizontal(BELOW, ABOVE)
    largest, smallest = pl.col("weight").max(), pl.col("weight").min()
    of_targets = [
        _compare(weights, "target_total_allocation", _totals(targets), distance),
        _compare(weights, "max_single_position", _values(positions, largest), BELOW, _fits_movable()),
        _compare(has_free, "min_position_size", _values(free, smallest), ABOVE),
        _buckets(positions, columns),
        *count_checks(positions, decisions, inputs),
        *risk_checks(positions, sized, inputs),
    ]
    invested = _values(book, pl.col("post_trade_weight").sum())
    of_book = [
        _compare(weights, "target_total_allocation", invested, BELOW, _is_of_immovable()),
        _compare(weights, "max_single_position", _values(book, largest), BELOW, _fits_movable()),
        _buckets(book, columns),
        _turnover(trade_summary, weights),
    ]
    return (
        pl.concat([*of_targets, *(checks.with_columns(basis=pl.lit(POST_TRADE)) for checks in of_book)])
        .select(CHECK_COLUMNS)
        .sort("portfolio_id", "constraint_name", "basis", descending=[False, False, True])
    )


def _with_decisions(targets: pl.DataFrame, decisions: pl.DataFrame) -> pl.DataFrame:
    decided = decisions.filter(pl.col("is_selected") | pl.col("is_held")).select(
        "portfolio_id", "asset", "is_held", "is_locked", is_immovable=is_immovable()
    )
    return (
        targets.filter(~pl.col("is_cash"))
        .join(decided, on=["portfolio_id", "asset"], how="left")
        .with_columns(
            pl.col("is_locked", "is_immovable").fill_null(value=False),
            is_new=~pl.col("is_held").fill_null(value=False),
        )
    )


def _positions(rows: pl.DataFrame, weight: str) -> pl.DataFrame:
    return rows.filter(pl.col(weight) > 0).with_columns(weight=pl.col(weight).cast(pl.Float64))


def _totals(targets: pl.DataFrame) -> pl.DataFrame:
    return targets.group_by("portfolio_id").agg(value=pl.col("target_weight").sum().cast(pl.Float64))


def _values(rows: pl.DataFrame, value: pl.Expr) -> pl.DataFrame:
    """Return `value` of each portfolio, the largest weight that may be traded, and what may not be traded in all."""
    return rows.group_by("portfolio_id").agg(
        value=value.cast(pl.Float64), movable=_MOVABLE.max(), immovable=_IMMOVABLE.sum()
    )


def _compare(
    weights: pl.DataFrame, limit: str, values: pl.DataFrame, slack: pl.Expr, excused: pl.Expr | None = None
) -> pl.DataFrame:
    """Compare a limit with the value of each portfolio; 0 of a portfolio without any."""
    rows = weights.select("portfolio_id", limit_value=limit).join(values, on="portfolio_id", how="left")
    return checked(rows, limit, slack=slack, excused=excused, reason=_BROKEN_BY_NO_TRADE)


def _buckets(positions: pl.DataFrame, columns: LimitColumns) -> pl.DataFrame:
    """Return the bucket with the least slack of each portfolio whose buckets are limited, a broken one first."""
    sums = (
        positions.group_by("portfolio_id", "bucket")
        .agg(value=pl.col("weight").sum(), immovable=_IMMOVABLE.sum())
        .join(columns.portfolios, on="portfolio_id", how="left")
        .join(columns.buckets, on=["limits_key", "bucket"], how="left")
        .with_columns(limit_value=pl.coalesce("own_bucket_limit", "max_allocation_per_bucket"))
        .filter(pl.col("limit_value").is_finite())
        .with_columns(is_broken=(BELOW < -WEIGHT_TOLERANCE) & ~_is_of_immovable())
        .sort("portfolio_id", ~pl.col("is_broken"), BELOW, "bucket")
        .unique("portfolio_id", keep="first", maintain_order=True)
    )
    excused = ~pl.col("is_broken")
    return checked(sums, "max_allocation_per_bucket", slack=BELOW, excused=excused, reason=_BROKEN_BY_NO_TRADE)


def _turnover(trade_summary: pl.DataFrame, weights: pl.DataFrame) -> pl.DataFrame:
    """Check the turnover where it is limited: above it only where the mandatory trades alone are."""
    mandatory = pl.col("mandatory_turnover").cast(pl.Float64)
    rows = (
        weights.select("portfolio_id", limit_value="max_turnover")
        .filter(pl.col("limit_value").is_not_null())
        .join(trade_summary, on="portfolio_id", how="left", maintain_order="left")
        .with_columns(value=pl.col("turnover").cast(pl.Float64))
    )
    return checked(
        rows,
        "max_turnover",
        slack=BELOW,
        excused=(pl.col("turnover") <= pl.col("mandatory_turnover")).fill_null(value=False),
        reason=pl.format("the mandatory trades alone are {}", mandatory),
    )


def _fits_movable() -> pl.Expr:
    """Whether each position that may be traded is within the limit."""
    return (pl.col("movable").fill_null(0.0) <= pl.col("limit_value") + WEIGHT_TOLERANCE).fill_null(value=False)


def _is_of_immovable() -> pl.Expr:
    """Whether immovable holdings alone hold all that is above the limit."""
    return (pl.col("value") <= pl.col("immovable") + WEIGHT_TOLERANCE).fill_null(value=False)
