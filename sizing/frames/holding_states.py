"""What is remembered of a name that a portfolio holds or held, and how old each part of it is on a day.

A state has dates, the rules see counts of sessions. What does not belong here: how a state moves
(lifecycle/transition.py), and what a rule makes of it (lifecycle/rules.py).
"""

from datetime import date

import dataframely as dy
import polars as pl

from sizing.frames.plans import run_plan
from sizing.frames.schema import STORED_WEIGHT

MOST_DAYS_SINCE_CLOSE = 260
"""Sessions for which a close is remembered: the longest cooldown, and the longest window of round trips."""

DUST_WEIGHT = 0.0001
"""A holding of a positions file that weighs less counts as gone, where no setting says otherwise."""

STATE_COLUMNS = {
    "portfolio_id": pl.String(),
    "asset": pl.String(),
    "is_held": pl.Boolean(),
    "is_confirmed": pl.Boolean(),
    "opened_on": pl.Date(),
    "term_started_on": pl.Date(),
    "grace_started_on": pl.Date(),
    "grace_count": pl.Int32(),
    "grace_entry_weight": STORED_WEIGHT,
    "closed_on": pl.List(pl.Date()),
}
"""A state, one row per portfolio and asset that is held or was closed in the last 260 sessions: table lifecycle."""

DAY_COUNTS = {"days_held": pl.Int32(), "days_in_term": pl.Int32(), "days_since_closes": pl.List(pl.Int32())}
"""What `count_days` adds: sessions since the opening, since the term began, and since each close."""

STATES = pl.DataFrame(schema=STATE_COLUMNS | DAY_COUNTS)
"""No state."""


class States(dy.Schema):
    """The states with which a day starts, corrected by its holdings, and counted on the day."""

    portfolio_id = dy.String(primary_key=True)
    asset = dy.String(primary_key=True)
    is_held = dy.Bool()
    is_confirmed = dy.Bool()
    opened_on = dy.Date(nullable=True)
    term_started_on = dy.Date(nullable=True)
    grace_started_on = dy.Date(nullable=True)
    grace_count = dy.Int32(nullable=True, min=0)
    grace_entry_weight = dy.Decimal(10, 8, nullable=True, min=0)
    closed_on = dy.List(dy.Date())
    days_held = dy.Int32(nullable=True, min=0)
    days_in_term = dy.Int32(nullable=True, min=0)
    days_since_closes = dy.List(dy.Int32())


def count_days(states: pl.DataFrame, day: date, sessions: pl.Series) -> pl.DataFrame:
    """Return the states with `days_held, days_in_term, days_since_closes` on the day.

    *Requires* in `sessions` the days on which the exchange was open, in order, up to the day and from the oldest date
    of a state on. From a date d to the day t it is the number of sessions s with d < s <= t.

    >>> from datetime import date
    >>> sessions = pl.Series([date(2025, 7, 2), date(2025, 7, 3), date(2025, 7, 7), date(2025, 7, 8)])
    >>> closed = pl.DataFrame({"portfolio_id": ["growth"], "asset": ["KO"], "closed_on": [[date(2025, 7, 3)]]})
    >>> states = pl.concat([STATES.drop(DAY_COUNTS), closed], how="diagonal")
    >>> count_days(states, date(2025, 7, 8), sessions)["days_since_closes"].to_list()
    [[2]]
    """
    open_days = sessions.cast(pl.Date)
    today = open_days.search_sorted(day, side="right")

    def days_since(column: str) -> pl.Expr:
        then = pl.lit(open_days).search_sorted(pl.col(column), side="right").cast(pl.Int32)
        return pl.when(pl.col(column).is_not_null()).then(today - then).cast(pl.Int32)

    # Flat, since an expression that is no simple function of the element is run once a list.
    closes = (
        states.lazy()
        .select("closed_on", row=pl.int_range(pl.len()))
        .filter(pl.col("closed_on").list.len() > 0)
        .explode("closed_on")
        .with_columns(days_since("closed_on").alias("days_since_closes"))
        .group_by("row", maintain_order=True)
        .agg("days_since_closes")
    )
    return (
        states.lazy()
        .with_columns(row=pl.int_range(pl.len()))
        .join(closes, on="row", how="left", maintain_order="left")
        .drop("row")
        .with_columns(
            days_since("opened_on").alias("days_held"),
            days_since("term_started_on").alias("days_in_term"),
            pl.col("days_since_closes").fill_null(pl.lit([], pl.List(pl.Int32))),
        )
        .select(*states.columns, *DAY_COUNTS)
        .pipe(run_plan)
    )
