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


def so_far(flag: pl.Expr, starts: str) -> pl.Expr:
    """Count the rows of the run that are flagged, up to this one and with it. *Requires* the column of `starts`."""
    one = flag.cast(pl.Int64)
    counted = one.cum_sum()
    return counted - pl.when(starts).then(counted - one).forward_fill()


def in_all(flag: pl.Expr, starts: str, ends: str) -> pl.Expr:
    """Count the rows of the run that are flagged. *Requires* the columns of `starts` and `ends`."""
    return pl.when(ends).then(so_far(flag, starts)).backward_fill()
