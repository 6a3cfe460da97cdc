"""What comes next of each holding, with its day: grace, locks, reviews, and when a closed name may be opened again.

The days are sessions of the calendar that the run counted; a day after its end is null. What does not belong here: the
rules (sizing/lifecycle/), which decided the day itself, and how any of it is shown.
"""

from collections.abc import Collection, Mapping
from typing import NamedTuple

import polars as pl

from sizing.lifecycle.grace import decayed_weight
from sql.snapshot_reader import Reader
from tasks.trading_calendar import find_calendar

REVIEWED_SOON = 5
"""Sessions: a review within as many is shown."""

_PLACES = {
    "as_of_place": "as_of_date",
    "opened_place": "opened_on",
    "term_place": "term_started_on",
    "core_place": "core_until",
    "last_close_place": "last_closed_on",
    "nth_close_place": "nth_closed_on",
}
"""The numbers of sessions, and the days that they are those of, or of the last session before."""

DAYS = {"closes_on": "closes_place", "free_on": "free_place", "review_on": "review_place", "opens_on": "opens_place"}
"""What comes next of each frame of `Outlook`: its day, and the number of the session."""

_LOCK, _CORE = "min_holding_days", "core_assets"
_COOLDOWN, _ROUND_TRIPS = "reentry_cooldown_days", "max_round_trips"


class Outlook(NamedTuple):
    """What comes next, by portfolio, the next first: what the query `lifecycle_outlook` has of each name, and more.

    `in_grace`: `next_weight` after one more failing score, and `closes_on`, the first day on which it may close.
    `locked`: `why`, `days_held`, and `free_on`, the first day on which the place may be lost. `reviews`: `review_on`,
    and `days_left` until then. `shut_out`: `why`, and `opens_on`, the first day on which the name may be opened.
    """

    in_grace: pl.DataFrame
    locked: pl.DataFrame
    reviews: pl.DataFrame
    shut_out: pl.DataFrame


def read_outlook(reader: Reader, run_ids: Collection[str], portfolio_ids: Collection[str]) -> Outlook:
    """Return what comes next after the runs, of these portfolios; of reviews those within REVIEWED_SOON sessions."""
    rows = reader.query("lifecycle_outlook", run_ids=[*run_ids], portfolio_ids=[*portfolio_ids])
    outlook = outlook_of(rows)
    return outlook._replace(reviews=outlook.reviews.filter(pl.col("days_left") <= REVIEWED_SOON))


def outlook_of(rows: pl.DataFrame) -> Outlook:
    """Return what comes next, every review too. *Requires* the rows of the query `lifecycle_outlook`."""
    calendars = rows["exchange"].drop_nulls().unique(maintain_order=True).to_list()
    parts = [_find_days(rows.filter(exchange=calendar), find_calendar(calendar).days) for calendar in calendars]
    dated = pl.concat(parts or [_find_days(rows.clear(), ())])
    is_held, today = pl.col("is_held"), pl.col("as_of_place")
    found = Outlook(
        in_grace=dated.filter(is_held & pl.col("grace_count").is_not_null() & (pl.col("grace_period_days") > 0)),
        locked=dated.filter(is_held & (pl.col("free_place") > today)),
        reviews=dated.filter(is_held & pl.col("days_left").is_not_null()),
        shut_out=dated.filter(~is_held & (pl.col("opens_place") > today)),
    )
    return Outlook(
        *(
            rows.sort("portfolio_id", place, "asset", nulls_last=True)
            for rows, place in zip(found, DAYS.values(), strict=True)
        )
    )


def of_portfolio(outlook: Outlook, portfolio_id: str) -> Outlook:
    """Return the rows of one portfolio."""
    return Outlook(*(rows.filter(portfolio_id=portfolio_id) for rows in outlook))


def _find_days(rows: pl.DataFrame, days: Collection[object]) -> pl.DataFrame:
    """Add the days, and the numbers that they are found by. *Requires* rows of one calendar."""
    sessions = pl.Series("day", list(days), pl.Date)
    closed = pl.col("closed_on")
    known = rows.with_columns(
        last_closed_on=closed.list.first(),
        nth_closed_on=closed.list.get(pl.col("max_round_trips") - 1, null_on_oob=True),
    )
    counted = known.with_columns(_place(known[day], sessions).alias(place) for place, day in _PLACES.items())
    placed = (
        counted.with_columns(**_ends())
        .with_columns(**_next())
        .with_columns(closes_place=_closes(), next_weight=_next_weight())
    )
    numbered = sessions.to_frame().with_row_index("place")
    found = {
        name: placed.select(place=pl.col(place).cast(pl.UInt32)).join(
            numbered, on="place", how="left", maintain_order="left"
        )["day"]
        for name, place in DAYS.items()
    }
    return placed.with_columns(**found)


def _place(day: pl.Series, sessions: pl.Series) -> pl.Series:
    """Return the number of the last session that is not after the day."""
    found = sessions.search_sorted(day, side="right").cast(pl.Int64) - 1
    return found.set(day.is_null(), None)


def _ends() -> Mapping[str, pl.Expr]:
    """Return where locks, terms and what shuts out end."""
    lock = pl.when(pl.col(_LOCK) > 0).then(pl.col("opened_place") + pl.col(_LOCK))
    review = pl.col("term_place") + pl.col("max_holding_days")
    cooldown = pl.when(pl.col(_COOLDOWN) > 0).then(pl.col("last_close_place") + pl.col(_COOLDOWN) + 1)
    return {
        "lock_place": lock,
        "core_end_place": pl.col("core_place") + 1,
        "cooldown_place": cooldown,
        "round_trips_place": pl.col("nth_close_place") + pl.col("round_trip_window_days") + 1,
        "review_place": pl.when(review.is_not_null()).then(pl.max_horizontal(review, pl.col("as_of_place") + 1)),
        "days_held": pl.col("as_of_place") - pl.col("opened_place"),
    }


def _next() -> Mapping[str, pl.Expr]:
    """Return what the ends come to together, and the limit that is behind the last of them."""
    lock, core = pl.col("lock_place"), pl.col("core_end_place")
    cooldown, round_trips = pl.col("cooldown_place"), pl.col("round_trips_place")
    is_core = (core > lock).fill_null(core.is_not_null())
    is_frequent = (round_trips > cooldown).fill_null(round_trips.is_not_null())
    return {
        "free_place": pl.max_horizontal(lock, core),
        "opens_place": pl.max_horizontal(cooldown, round_trips),
        "days_left": pl.col("review_place") - pl.col("as_of_place"),
        "why": pl.when("is_held")
        .then(pl.when(is_core).then(pl.lit(_CORE)).otherwise(pl.lit(_LOCK)))
        .otherwise(pl.when(is_frequent).then(pl.lit(_ROUND_TRIPS)).otherwise(pl.lit(_COOLDOWN))),
    }


def _closes() -> pl.Expr:
    """Return the first session on which failing scores may close a holding."""
    left = (pl.col("grace_period_days") - pl.col("grace_count")).clip(1)
    return pl.max_horizontal(pl.col("as_of_place") + left, "free_place")


def _next_weight() -> pl.Expr:
    """Return the weight after one more failing score, on the next session."""
    count, is_locked = pl.col("grace_count") + 1, pl.col("free_place") > pl.col("as_of_place") + 1
    return (
        pl.when(pl.col("grace_count").is_null())
        .then(None)
        .when(is_locked.fill_null(value=False))
        .then("current_weight")
        .when(count >= pl.col("grace_period_days"))
        .then(0)
        .otherwise(decayed_weight(pl.col("grace_entry_weight").cast(pl.Float64), count))
    )
