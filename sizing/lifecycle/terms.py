"""When the term of a holding is over, and how it is reviewed then: `max_holding_days`, `max_holding_action`."""

import polars as pl


def is_reviewed() -> pl.Expr:
    """Whether a term is over and can be judged: postponed without a score of today, or while the place is locked."""
    is_due = (pl.col("days_in_term") >= pl.col("max_holding_days")).fill_null(value=False)
    is_locked = pl.col("is_no_trade") | pl.col("is_core") | pl.col("is_young")
    return pl.col("is_held") & is_due & pl.col("has_score_today") & ~is_locked


def is_term_over() -> pl.Expr:
    """Whether a reviewed holding closes: always, or because its score would not open it today."""
    return pl.col("is_reviewed") & (pl.col("closes_at_term") | (pl.col("score_units") < pl.col("entry_units")))
