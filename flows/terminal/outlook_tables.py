"""The tables of what comes next on a terminal: grace, locks, reviews, and who is shut out."""

import polars as pl
from rich.console import Console

from flows.terminal.console import four_decimals, narrowed, show
from tasks.reports.lifecycle_tables import with_progress
from tasks.reports.outlook import DAYS, REVIEWED_SOON, Outlook

MOST_ROWS = 10
"""Rows of each table: those that come next."""

_SHOWN = {
    "In grace": {
        "failing_scores": "progress",
        "weight": "current_weight",
        "next": "next_weight",
        "may_close_on": "closes_on",
        "sized_from": "grace_recovery_score",
    },
    "Locked": {"weight": "current_weight", "why": "why", "day": "progress", "until": "free_on"},
    f"Due for review within {REVIEWED_SOON} sessions": {
        "weight": "current_weight",
        "session": "progress",
        "review_on": "review_on",
        "then": "max_holding_action",
    },
    "Shut out": {"closed_on": "last_closed_on", "why": "why", "limit": "progress", "until": "opens_on"},
}
_SPARED = ("sized_from", "why", "weight")
"""What a narrow terminal has no place for, the first one first."""


def show_outlook(console: Console, outlook: Outlook) -> None:
    """Show the tables that have rows."""
    for rows, day, (title, columns) in zip(with_progress(outlook), DAYS, _SHOWN.items(), strict=True):
        if rows.is_empty():
            continue
        first = rows.sort(day, "portfolio_id", "asset", nulls_last=True).head(MOST_ROWS)
        count = f", {first.height} of {rows.height}" if first.height < rows.height else ""
        shown = first.select("portfolio_id", "asset", **columns)
        weights = [name for name in ("weight", "next") if name in shown.columns]
        rounded = four_decimals(shown, *weights)
        if "next" in weights:
            weight = pl.col("next").cast(pl.String)
            rounded = rounded.with_columns(next=pl.when(shown["next"] == 0).then(pl.lit("closes")).otherwise(weight))
        show(console, narrowed(console, rounded, _SPARED), f"{title}{count}")
