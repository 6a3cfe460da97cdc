"""Scores in whole units: as floats, 0.6 x 0.65 + 0.4 x 0.65 would not reach a threshold of 0.65."""

import polars as pl

SCORE_DECIMALS = 12
SCORE_UNITS: int = 10**SCORE_DECIMALS
"""Units in a score of 1."""


def score_units(score: str) -> pl.Expr:
    """Return a score in whole units."""
    return (pl.col(score) * SCORE_UNITS).round().cast(pl.Int64)


def as_score(units: str) -> pl.Expr:
    """Return the score of whole units: rounded, as a division alone may be off by the last bit."""
    return (pl.col(units) / SCORE_UNITS).round(SCORE_DECIMALS)
