"""Prices and returns of assets, as they reach the rules.

What does not belong here: how a return comes from prices (risk/returns.py).
"""

import dataframely as dy
import polars as pl


class Prices(dy.Schema):
    """The price of an asset on a day: its close, its return as given, or both. No factor: 1."""

    as_of_date = dy.Date(primary_key=True)
    asset = dy.String(primary_key=True)
    close = dy.Float64(nullable=True, min_exclusive=0)
    adjustment_factor = dy.Float64(nullable=True, min_exclusive=0)
    daily_return = dy.Float64(nullable=True, min_exclusive=-1)


PRICES = pl.DataFrame(
    schema={"as_of_date": pl.Date, "asset": pl.String}
    | dict.fromkeys(("close", "adjustment_factor", "daily_return"), pl.Float64)
)
"""No prices."""


class SessionReturns(dy.Schema):
    """The return of an asset in a session. `is_given`: it came as `daily_return`, so it is never suspect."""

    asset = dy.String(primary_key=True)
    session = dy.Date(primary_key=True)
    session_return = dy.Float64(min_exclusive=-1)
    is_given = dy.Bool()


RETURNS = pl.DataFrame(
    schema={"asset": pl.String, "session": pl.Date, "session_return": pl.Float64, "is_given": pl.Boolean}
)
"""No returns."""
