"""Sums over runs: equal keys that stand together in a sorted frame, counted along the column without grouping.

With a million small groups, grouping costs more than all the rules; these are a few passes over whole columns.
"""

import polars as pl


def starts(key: str) -> pl.Expr:
    """Mark the first row of each run."""
    return pl.col(key).ne_missing(pl.col(key).shift(1))


def ends(key: str) -> pl.Expr:
    """Mark the last row of each run."""
    return pl.col(key).ne_missing(pl.col(key).shift(-1))


def place(key: str) -> pl.Expr:
    """Count the rows of the run, up to this one and with it."""
    row = pl.int_range(pl.len(), dtype=pl.Int32)
    return row - pl.when(starts(key)).then(row).forward_fill() + 1


def so_far(flag: pl.Expr, is_start: str | pl.Expr) -> pl.Expr:
    """Count the rows of the run that are flagged, up to this one and with it. *Requires* what `starts` gives."""
    one = flag.cast(pl.Int64)
    counted = one.cum_sum()
    return counted - pl.when(is_start).then(counted - one).forward_fill()


def in_all(flag: pl.Expr, is_start: str | pl.Expr, is_end: str | pl.Expr) -> pl.Expr:
    """Count the rows of the run that are flagged. *Requires* what `starts` and `ends` give."""
    return pl.when(is_end).then(so_far(flag, is_start)).backward_fill()


def running_sum(values: pl.Series, group: pl.Series) -> pl.Series:
    """Sum the values of each group down to each row. *Requires* the rows of a group one behind the other.

    By doubling: each step adds what the row `reach` above has summed. The order of additions depends on the place in
    the group alone, so other groups cannot change the last bit. Source: Hillis and Steele, CACM 1986.
    """
    rows = pl.DataFrame({"sum": values, "group": group}).with_columns(place=place("group"))
    # Two at least: the first step makes 0.0 of -0.0, which must not depend on whether a larger group asks for a step.
    longest = rows.select(pl.col("place").max().fill_null(0).clip(lower_bound=2)).item()
    reach = 1
    while reach < longest:
        above = pl.when(pl.col("place") > reach).then(pl.col("sum").shift(reach)).otherwise(0.0)
        rows = rows.with_columns(sum=pl.col("sum") + above)
        reach *= 2
    return rows["sum"]
