"""Portfolios that positions named before and the day's own do not: what is taken as held then would be silent."""

from collections.abc import Mapping
from datetime import date
from typing import Any

import polars as pl

from sizing.text import listed
from sql.snapshot_reader import Reader

TARGETS, POSITIONS, NOTHING = "targets", "positions", "nothing"
"""What is taken as held of a portfolio that the day's positions do not name."""

_ONE = {
    TARGETS: "what its last published trades left is taken as held",
    POSITIONS: "its last positions before the day are taken as held",
    NOTHING: "nothing of it was published before, so it holds nothing",
}
_MANY = {
    TARGETS: "what their last published trades left is taken as held",
    POSITIONS: "their last positions before the day are taken as held",
    NOTHING: "nothing of them was published before, so they hold nothing",
}
_WAY_OUT = "a row CASH of weight 1 says that a portfolio holds nothing"


def source_of_positions(record: Mapping[str, Any], day: date) -> str:
    """Name the positions that the portfolios of a run are compared with. *Requires* the inputs of `SourceRecord`."""
    newest = record["positions"]
    is_of_the_day = newest and newest["as_of_date"] == day.isoformat()
    return "positions taken in" if is_of_the_day else "positions taken in earlier"


def taken_as_held(portfolios: pl.DataFrame) -> dict[str, str]:
    """Return what is taken as held of each portfolio that is not named. *Requires* those of `SourceRecord`."""
    taken = (
        pl.when(pl.col("held_run_id").is_not_null())
        .then(pl.lit(TARGETS))
        .when(pl.col("held_on").is_not_null())
        .then(pl.lit(POSITIONS))
        .otherwise(pl.lit(NOTHING))
    )
    return dict(portfolios.filter("is_unnamed").select("portfolio_id", taken).iter_rows())


def describe_unnamed(taken: Mapping[str, str]) -> tuple[str, ...]:
    """Return which portfolios are not named, and what is taken as held: one sentence for all that go alike."""
    alike = {what: sorted(name for name, one in taken.items() if one == what) for what in _ONE}
    return tuple(_describe(names, what) for what, names in alike.items() if names)


def named_before(snapshot: Reader, day: date) -> dict[str, str]:
    """Return what a run would take as held of each portfolio that positions named before, without those of the day."""
    before = snapshot.query("portfolios_named_before", day=day)
    return dict(before.select("portfolio_id", "taken").iter_rows())


def _describe(names: list[str], what: str) -> str:
    if len(names) == 1:
        return f"positions: {names[0]} was named before and is not in this file; {_ONE[what]} ({_WAY_OUT})"
    return (
        f"positions: {len(names)} portfolios were named before and are not in this file ({listed(names)}); "
        f"{_MANY[what]} ({_WAY_OUT})"
    )
