"""The score a candidate needs: from which one on nothing but a slot is missing, and below which it is in grace."""

from collections.abc import Mapping

import polars as pl


def open_units() -> Mapping[str, pl.Expr]:
    """Return the least score that leaves only the slot to be found, below which grace runs, and the class of both."""
    has_grace = pl.col("has_clocks") & (pl.col("grace_period_days") > 0)
    is_keepable = has_grace & (pl.col("n_failing") < pl.col("grace_period_days"))
    is_running = has_grace & pl.col("grace_before").is_not_null()
    exits = pl.when(is_keepable).then(0).otherwise("exit_units")
    passes = pl.when(~pl.col("closes_at_term")).then(pl.max_horizontal(exits, "entry_units"))
    held = pl.when("is_reviewed").then(passes).otherwise(exits)
    least = pl.when("is_held").then(held).when(~pl.col("lacks_volatility")).then("entry_units")
    returns = pl.when(pl.col("reentry_units").is_not_null()).then(pl.max_horizontal(least, "reentry_units"))
    flags = (pl.col("lacks_volatility"), is_keepable, is_running, pl.col("is_reviewed"), pl.col("is_shut_out"))
    return {
        "open_units": pl.when("is_shut_out").then(returns).otherwise(least),
        "grace_units": pl.when(is_running).then("recovery_units").when(has_grace).then("exit_units").otherwise(0),
        "scenario_class": pl.sum_horizontal(flag.cast(pl.Int64) * 2**bit for bit, flag in enumerate(flags)),
    }
