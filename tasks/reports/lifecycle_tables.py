"""The tables of what comes next: who is in grace, locked, due for review, shut out. Each only where it has rows.

What does not belong here: finding the days (outlook.py).
"""

import polars as pl

from tasks.reports.outlook import REVIEWED_SOON, Outlook
from tasks.reports.tables import ASSET, Column, Table, make_table

_WEIGHT = Column("weight", "current_weight", "weight", "Weight held when the trades are done, of the portfolio's value")
_SCORE = Column("score", "score", "score")
_WHY = Column("why", "why", "code")
_IN_GRACE = (
    *ASSET,
    _SCORE,
    Column("failing scores", "progress", meaning="After the first, of grace_period_days"),
    Column("since", "grace_started_on", meaning="Day of the first failing score"),
    Column("weight then", "grace_entry_weight", "weight"),
    _WEIGHT,
    Column("next weight", "next_weight", "weight", "After one more failing score"),
    Column("may close on", "closes_on", meaning="If every score until then fails"),
    Column("sized again from", "grace_recovery_score", "score"),
)
_LOCKED = (
    *ASSET,
    _WEIGHT,
    _WHY,
    Column("opened", "opened_on"),
    Column("day", "progress", meaning="Sessions since the opening, of min_holding_days"),
    Column("keeps its place until", "free_on", meaning="The first day on which it may lose it"),
    Column("note", "core_reason", "words"),
)
_REVIEWS = (
    *ASSET,
    _SCORE,
    _WEIGHT,
    Column("term began", "term_started_on"),
    Column("session", "progress", meaning="Of max_holding_days"),
    Column("review on", "review_on", meaning="The first day on which it is judged anew"),
    Column("then", "max_holding_action", "code"),
)
_SHUT_OUT = (
    *ASSET,
    _SCORE,
    Column("closed", "last_closed_on"),
    _WHY,
    Column("limit", "progress"),
    Column("may be opened on", "opens_on", meaning="The first day on which it may be opened"),
    Column("or from score", "reentry_score", "score"),
)


def lifecycle_tables(outlook: Outlook, *portfolio: Column) -> tuple[Table, ...]:
    """Return the tables that have rows, the next days first."""
    shown = (
        ("In grace", _IN_GRACE),
        ("Locked", _LOCKED),
        (f"Due for review within {REVIEWED_SOON} sessions", _REVIEWS),
        ("Shut out", _SHUT_OUT),
    )
    return tuple(
        make_table(title, (*portfolio, *columns), rows, "")
        for rows, (title, columns) in zip(with_progress(outlook), shown, strict=True)
        if rows.height
    )


def with_progress(outlook: Outlook) -> Outlook:
    """Add `progress` in words: how far each is of its limit."""
    is_core = pl.col("why") == "core_assets"
    term = pl.col("max_holding_days")
    window = pl.format("{} in {} sessions", "max_round_trips", "round_trip_window_days")
    cooldown = pl.format("{} sessions", "reentry_cooldown_days")
    words = (
        pl.format("{} of {}", pl.min_horizontal("grace_count", "grace_period_days"), "grace_period_days"),
        pl.when(~is_core).then(pl.format("{} of {}", "days_held", "min_holding_days")),
        pl.format("{} of {}", pl.max_horizontal(term - pl.col("days_left"), 0), term),
        pl.when(pl.col("why") == "max_round_trips").then(window).otherwise(cooldown),
    )
    return Outlook(*(rows.with_columns(progress=one) for rows, one in zip(outlook, words, strict=True)))
