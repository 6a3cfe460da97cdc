"""When a name that was closed may come back: after its cooldown, and not after too many round trips."""

from collections.abc import Mapping

import polars as pl


def is_gone() -> pl.Expr:
    """Whether a name counts as closed: what is held of it is dust, which has no clocks and no place to keep."""
    return (~pl.col("counts_as_held")).fill_null(value=False)


def shut_out() -> Mapping[str, pl.Expr]:
    """Whether a name was closed too lately or too often to come back; of holdings only what a file shows as gone."""
    cooldown, closes = pl.col("reentry_cooldown_days"), pl.col("days_since_closes")
    nth = closes.list.get(pl.col("max_round_trips") - 1, null_on_oob=True)
    is_out = ~pl.col("is_held") | is_gone()
    returns = (pl.col("score_units") >= pl.col("reentry_units")).fill_null(value=False)
    is_recent = is_out & ((cooldown > 0) & (closes.list.first() <= cooldown)).fill_null(value=False)
    is_frequent = is_out & (nth <= pl.col("round_trip_window_days")).fill_null(value=False)
    return {
        "is_shut_out": is_recent | is_frequent,
        "is_in_cooldown": is_recent & ~returns,
        "has_round_trips": is_frequent & ~returns,
        "nth_close": nth,
    }
