"""From where a day has what decides it: which ingests and runs it reads, as the warehouse knew them then.

What does not belong here: what is in them (day_inputs.py), and how a run records them (source_record.py).
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime

import polars as pl

from sizing.limits.model import RebalancingLimits
from sql.snapshot_reader import Reader
from tasks.inputs.day_prices import find_prices
from tasks.inputs.holding_states import LIFECYCLE, sources_of_states
from tasks.trading_calendar import find_calendar

NOW = "infinity"
"""Everything that the warehouse knows."""

Limits = Mapping[str, RebalancingLimits]

SOURCES = {
    "day": pl.Date,
    "kind": pl.String,
    "portfolio_id": pl.String,
    "as_of_date": pl.Date,
    "ingest_id": pl.Int64,
    "run_id": pl.String,
    "n_rows": pl.Int32,
}
"""A source: an ingest or a run that a day reads. No portfolio_id: it is for all."""

FOR_ALL = ("scores", "assets", "restrictions", "renames")
FORMER, PRICES = "former_assets", "prices"
HELD = ("positions", "targets")


def find_sources(
    warehouse: Reader, exchange: str, days: Sequence[date], limits: Limits, known_at: datetime | str = NOW
) -> pl.DataFrame:
    """Return what a run of each day reads, as it was known at `known_at`: one row a day and source.

    Portfolios without limits are named too, since someone may have mistyped a name.
    """
    since = [scores_since(exchange, day, limits) for day in days]
    found = warehouse.query("sources_of_days", days=list(days), since=since, known_at=known_at)
    newest = newest_holdings(found)
    prices = find_prices(warehouse, exchange, days, newest, limits, known_at=known_at).with_columns(kind=pl.lit(PRICES))
    return pl.concat([newest, sources_of_states(found), prices], how="diagonal")


def scores_since(exchange: str, day: date, limits: Limits) -> date:
    """Return the first day whose scores a run of the day reads."""
    window = max((one.max_score_age_days for one in limits.values()), default=0)
    # The last scored day before today is looked at too, to see whose score went missing.
    return find_calendar(exchange).before(day, max(window, 1))


def newest_holdings(sources: pl.DataFrame) -> pl.DataFrame:
    """Take each portfolio's holdings from its positions, or else from its last published targets.

    Positions of a day are what is held when it starts, so targets published for that day or later are newer.
    """
    is_held = pl.col("kind").is_in(HELD)
    newest = (
        sources.filter(is_held)
        .sort("day", "portfolio_id", "as_of_date", "kind")
        .unique(["day", "portfolio_id"], keep="last", maintain_order=True)
    )
    return pl.concat([sources.filter(~is_held), newest])


def continue_from(day: date, sources: pl.DataFrame, before: tuple[date, str], limits: Limits) -> pl.DataFrame:
    """Return the sources of a day that starts from a run of the day before it, which is not published yet.

    `before`: that day and run. Holdings come from it except where there are newer positions, states for every
    portfolio. *Requires* the sources of the day alone.
    """
    day_before, run_id = before
    newer = newer_positions(limits, sources, day_before)
    is_held = pl.col("kind").is_in(HELD) & pl.col("portfolio_id").is_in(list(limits))
    is_newer = pl.col("portfolio_id").is_in(list(newer))
    kept = sources.filter((pl.col("kind") != LIFECYCLE) & (~is_held | (is_newer & (pl.col("kind") == "positions"))))
    run = {"day": day, "as_of_date": day_before, "run_id": run_id}
    starts = [
        {"kind": kind, "portfolio_id": portfolio_id} | run
        for kind, own in (("targets", [one for one in limits if one not in newer]), (LIFECYCLE, limits))
        for portfolio_id in own
    ]
    return pl.concat([kept, pl.DataFrame(starts, SOURCES).select(kept.columns)])


def newer_positions(limits: Limits, sources: pl.DataFrame, day_before: date) -> frozenset[str]:
    """Return whose positions are newer than what a run of the day before leaves. *Requires* the sources of one day."""
    newer = (pl.col("kind") == "positions") & (pl.col("as_of_date") > day_before)
    return frozenset(sources.filter(newer)["portfolio_id"]) & frozenset(limits)


def ids_of(sources: pl.DataFrame, kind: str) -> list[int]:
    """Return the ingests of a kind, each once."""
    return sources.filter(pl.col("kind") == kind)["ingest_id"].unique(maintain_order=True).to_list()
