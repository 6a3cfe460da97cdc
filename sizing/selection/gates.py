"""What can stop a candidate, by the codes of `decisions.gate`, and the limit that each of them names."""

from enum import StrEnum
from functools import cache

import polars as pl


class Gate(StrEnum):
    """Every gate, in the order of docs/selection.md 2."""

    MUST_SELL = "must_sell"
    NO_TRADE = "no_trade"
    NO_BUY = "no_buy"
    EXCLUDED = "excluded"
    NO_BUCKET = "no_bucket"
    NO_VOLATILITY = "no_volatility"
    IN_COOLDOWN = "reentry_cooldown_days"
    ROUND_TRIPS = "max_round_trips"
    TERM_OVER = "max_holding_days"
    GRACE_OVER = "grace_period_days"
    BELOW_EXIT = "below_min_score_threshold"
    BELOW_ENTRY = "below_min_score_new_position"
    BUCKET_FULL = "max_positions_per_bucket"
    TOTAL_FULL = "max_total_positions"
    NEW_FULL = "max_new_positions"
    MIN_BUCKETS = "min_buckets_represented"
    REPLACED = "replaced"


GATES = tuple(gate.value for gate in Gate)

GATE = pl.Enum(GATES)
"""The type of a gate while rules work on it: a byte, where a word would be compared millions of times."""

SCORE_GATES = (
    *(Gate.IN_COOLDOWN, Gate.ROUND_TRIPS, Gate.TERM_OVER, Gate.GRACE_OVER),
    *(Gate.BELOW_EXIT, Gate.BELOW_ENTRY),
)
"""Gates before the slots that a higher score opens, or may open."""

SLOT_GATES = (Gate.BUCKET_FULL, Gate.TOTAL_FULL, Gate.NEW_FULL, Gate.MIN_BUCKETS, Gate.REPLACED)
"""Gates of candidates that qualify and find no slot."""


@cache
def gate(code: Gate) -> pl.Expr:
    """Return a gate as a value to compare with, or to set."""
    return pl.lit(code.value, GATE)


NOT_STOPPED = pl.lit(None, GATE)


def is_immovable() -> pl.Expr:
    """Whether nothing may be traded in a holding: under no_trade, and not under must_sell, which is more severe."""
    return pl.col("is_held") & pl.col("restriction").eq_missing(pl.lit(Gate.NO_TRADE.value))
