"""Stored weights in whole units of 1e-8."""

from decimal import Decimal

import polars as pl

from sizing.frames.schema import STORED_WEIGHT
from sizing.limits.fields import WEIGHT_DECIMALS

UNITS: int = 10**WEIGHT_DECIMALS
"""Stored units in a weight of 1."""

SNAP = 1e-4
"""Part of a unit added before rounding down, so that 0.02 stays 0.02."""

_ONE_UNIT = pl.lit(Decimal("0.00000001"))


def as_fraction(units: pl.Expr) -> pl.Expr:
    """Turn whole units into a fraction: rounded, as a division of several rows may be off by the last bit."""
    fraction: pl.Expr = (units / UNITS).round(WEIGHT_DECIMALS)
    return fraction


def as_weight(units: pl.Expr) -> pl.Expr:
    """Turn whole units into a stored weight, exactly."""
    weight: pl.Expr = (units.cast(pl.Decimal(20, 8)) * _ONE_UNIT).cast(STORED_WEIGHT)
    return weight
