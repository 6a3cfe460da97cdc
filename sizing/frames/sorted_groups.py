"""Sums over runs: equal keys that stand together in a sorted frame, counted along the column without grouping.

With a million small groups, grouping costs more than all the rules; these are a few passes over whole columns.
"""

import polars as pl

from sizing.frames.plans import run_plan

_SHORT = 64
"""Rows of a short run."""


def starts(key: str) -> pl.Expr:
    """Mark the first row of each run."""
    return pl.col(key).ne_missing(pl.col(key).shift(1))


def ends(key: str) -> pl.Expr:
    """Mark the last row of each run."""
    return pl.col(key).ne_missing(pl.col(key).shift(-1))


def position_in_run(key: str) -> pl.Expr:
    """Count the rows of the run, up to this one and with it."""
    row = pl.int_range(pl.len(), dtype=pl.Int32)
    return row - pl.when(starts(key)).then(row).forward_fill() + 1


def running_count(flag: pl.Expr, is_start: str | pl.Expr) -> pl.Expr:
    """Count the rows of the run that are flagged, up to this one and with it. *Requires* what `starts` returns."""
    one = flag.cast(pl.Int64)
    counted = one.cum_sum()
    return counted - pl.when(is_start).then(counted - one).forward_fill()


def run_count(flag: pl.Expr, is_start: str | pl.Expr, is_end: str | pl.Expr) -> pl.Expr:
    """Count the rows of the run that are flagged. *Requires* what `starts` and `ends` give."""
    return pl.when(is_end).then(running_count(flag, is_start)).backward_fill()


def running_sum(values: pl.Series, group: pl.Series) -> pl.Series:
    """Sum the values of each run down to each row, in an order that only the run itself decides.

    Long runs are summed one by one, short ones, of which there may be a million, by doubling. So no other run can
    change the last bit.
    """
    if values.is_empty():
        return values
    rows = pl.DataFrame({"sum": values, "group": group}).with_columns(
        row=pl.int_range(pl.len()),
        position=position_in_run("group"),
        length=pl.when(ends("group")).then(position_in_run("group")).backward_fill(),
    )
    longest = int(rows["length"].max())  # type: ignore[arg-type]
    if longest <= _SHORT:
        return _doubled(rows, longest)["sum"]
    is_short = pl.col("length") <= _SHORT
    parts = [_doubled(rows.filter(is_short), _SHORT), _one_by_one(rows.filter(~is_short))]
    return pl.concat(parts).sort("row")["sum"]


def _one_by_one(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.with_columns(pl.col("sum").cum_sum().over("group"))


def _doubled(rows: pl.DataFrame, longest: int) -> pl.DataFrame:
    """Add to each row what the row `reach` above has summed, for a reach of 1, 2, 4 (Hillis and Steele, CACM 1986)."""
    # Two at least: the first step makes 0.0 of -0.0, which must not depend on whether a longer run asks for a step.
    reach, plan = 1, rows.lazy()
    while reach < max(longest, 2):
        above = pl.when(pl.col("position") > reach).then(pl.col("sum").shift(reach)).otherwise(0.0)
        plan = plan.with_columns(sum=pl.col("sum") + above)
        reach *= 2
    return run_plan(plan)
