"""The sources of a day as its run records them, and read back from that: a replay reads exactly these."""

import json
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

import polars as pl

from sizing.frames.day_inputs import DayFrames
from sizing.frames.holding_states import DUST_WEIGHT
from sql.snapshot_reader import Reader
from tasks.inputs.day_prices import first_price_day
from tasks.inputs.day_sources import FOR_ALL, FORMER, HELD, PRICES, SOURCES, Limits, find_sources, scores_since
from tasks.inputs.holding_states import LIFECYCLE, sources_of_states
from tasks.inputs.marked_books import books_to_mark, missing_returns
from tasks.inputs.session_counts import SESSIONS_SINCE, count_sessions

HAS_ENTRY_SCORES = "has_entry_scores"
"""Name in the record of a run whose decisions have none: false. Without it they have."""


class SourceRecord(NamedTuple):
    """The sources of a day as its run keeps them: `inputs` of all portfolios together, `portfolios` of each alone.

    `portfolios` has a row of each, in order, with the columns of run_portfolios but for its limits.
    """

    inputs: dict[str, Any]
    portfolios: pl.DataFrame


def find_missing_returns(inputs: DayFrames, sources: pl.DataFrame, exchange: str) -> pl.DataFrame:
    """Return the returns for lack of which books were not marked. *Requires* the sources of the day alone."""
    return missing_returns(inputs, books_to_mark(sources, inputs.limits), exchange)


def as_record(
    inputs: DayFrames,
    sources: pl.DataFrame,
    exchange: str,
    unmarked: Collection[str],
    dust_weight: float = DUST_WEIGHT,
) -> SourceRecord:
    """Return the sources of the day as its run keeps them: ingests, where holdings came from, whose days counted.

    `positions` are the newest up to the day, whoever reads them, and `positions_of_others` whom they name beside ours.
    `returns_since`, where limits read returns, is the first day whose prices these begin with. `sessions_since` counts
    the trading days from each date that was read to the day. `unmarked`: whose book was to be marked and could not be.
    """
    day, limits = inputs.as_of_date, inputs.limits
    named = sources.filter(pl.col("kind") == "named").sort("portfolio_id")
    books = books_to_mark(sources, limits)
    lists = {kind: _ids(sources, kind) for kind in (*FOR_ALL, FORMER)}
    if first := first_price_day(exchange, day, limits, books["since"]):
        lists[PRICES] = _ids(sources.filter(pl.col("as_of_date") >= first), PRICES)
    since = first_price_day(exchange, day, limits, [])
    record = {
        **({} if inputs.has_entry_scores else {HAS_ENTRY_SCORES: False}),
        "dust_weight": dust_weight,
        "positions": _origin(named.row(0, named=True)) if named.height else None,
        "positions_of_others": named.filter(~pl.col("portfolio_id").is_in(list(limits)))["portfolio_id"].to_list(),
        "exchange": exchange,
        "scores_since": scores_since(exchange, day, limits).isoformat(),
        SESSIONS_SINCE: count_sessions(inputs),
    }
    returns = {"returns_since": since.isoformat()} if since else {}
    return SourceRecord(lists | returns | record, _portfolios(sources, limits, {*books["portfolio_id"]} - {*unmarked}))


def _portfolios(sources: pl.DataFrame, limits: Limits, marked: Collection[str]) -> pl.DataFrame:
    """Return what a run reads of each portfolio alone. `marked`: whose book is marked."""
    names = sorted(limits)
    own = pl.DataFrame(
        {
            "portfolio_id": names,
            "reads_states": [limits[name].reads_lifecycle for name in names],
            "reads_returns": [limits[name].reads_returns for name in names],
        }
    )
    held = sources.filter(pl.col("kind").is_in(HELD)).select(
        "portfolio_id", held_on="as_of_date", held_ingest_id="ingest_id", held_run_id="run_id"
    )
    states = sources.filter(pl.col("kind") == LIFECYCLE).select("portfolio_id", state_run_id="run_id")
    unnamed = sources.filter(pl.col("kind") == "unnamed")["portfolio_id"]
    book = (
        pl.when(pl.col("held_on").is_null())
        .then(None)
        .when(pl.col("held_run_id").is_null())
        .then(pl.lit("positions"))
        .when(pl.col("portfolio_id").is_in(list(marked)))
        .then(pl.lit("post_trade_marked"))
        .otherwise(pl.lit("post_trade"))
    )
    return (
        own.join(held, on="portfolio_id", how="left", maintain_order="left")
        .join(states, on="portfolio_id", how="left", maintain_order="left")
        .with_columns(book=book, is_unnamed=pl.col("portfolio_id").is_in(unnamed.implode()))
    )


def recorded_sources(
    warehouse: Reader, exchange: str, run: Mapping[str, Any], record: SourceRecord, limits: Limits
) -> pl.DataFrame:
    """Return the sources that a run recorded.

    An earlier release recorded only the day of each portfolio's holdings, or no source of its states: these come from
    what was visible when the run was created.
    """
    day = run["as_of_date"]
    lists = [
        {"day": day, "kind": kind, "ingest_id": one}
        for kind in (*FOR_ALL, FORMER, PRICES)
        for one in record.inputs.get(kind, [])
    ]
    known = record.portfolios.filter(pl.col("held_on").is_not_null())
    if known.filter(pl.all_horizontal(pl.col("held_ingest_id", "held_run_id").is_null())).height:
        then = find_sources(warehouse, exchange, [day], limits, known_at=run["created_at"])
        held = then.filter(pl.col("kind").is_in(HELD)).select(list(SOURCES))
    else:
        held = known.select(
            "portfolio_id",
            day=pl.lit(day),
            kind=pl.when(pl.col("held_run_id").is_null()).then(pl.lit("positions")).otherwise(pl.lit("targets")),
            as_of_date="held_on",
            ingest_id="held_ingest_id",
            run_id="held_run_id",
            n_rows=pl.lit(None, pl.Int32),
        ).select(list(SOURCES))
    states = [
        {"day": day, "kind": LIFECYCLE, "portfolio_id": portfolio_id, "run_id": run_id}
        for portfolio_id, run_id in _recorded_states(warehouse, run, record.portfolios, held).items()
    ]
    return pl.concat([pl.DataFrame([*lists, *states], SOURCES), held])


def read_record(warehouse: Reader, run: Mapping[str, Any]) -> SourceRecord:
    """Return what a run recorded. *Requires* the row of `run_by_id`."""
    return SourceRecord(json.loads(run["inputs"]), warehouse.query("portfolios_of_run", run_id=run["run_id"]))


def _ids(sources: pl.DataFrame, kind: str) -> list[int]:
    return sources.filter(pl.col("kind") == kind)["ingest_id"].drop_nulls().unique().sort().to_list()


def _origin(source: Mapping[str, Any]) -> dict[str, Any]:
    return {"as_of_date": source["as_of_date"].isoformat(), "ingest_id": source["ingest_id"]}


def has_same_states(record: SourceRecord, other: SourceRecord) -> bool:
    """Whether two records of a day have the same states before it, and both have entry scores or neither."""
    own, others = (one.portfolios.select("portfolio_id", "state_run_id") for one in (record, other))
    names = ("dust_weight", HAS_ENTRY_SCORES)
    return own.equals(others) and all(record.inputs.get(name) == other.inputs.get(name) for name in names)


def find_other_inputs(record: SourceRecord, other: SourceRecord) -> list[str]:
    """Name the kinds of inputs of which two records of a day have other sources."""
    of_each = {"holdings": ("held_on", "held_ingest_id", "held_run_id"), "lifecycle": ("state_run_id",)}
    kinds = ("scores", "assets", "restrictions", "renames", PRICES)
    others = [kind for kind in kinds if record.inputs.get(kind, []) != other.inputs.get(kind, [])]
    moved = [
        kind
        for kind, columns in of_each.items()
        if not record.portfolios.select("portfolio_id", *columns).equals(
            other.portfolios.select("portfolio_id", *columns)
        )
    ]
    return [*others, *moved]


def recorded_dust_weight(record: Mapping[str, Any]) -> float:
    """Return the weight below which a holding counted as gone; an earlier release counted none."""
    dust_weight: float = record.get("dust_weight", DUST_WEIGHT)
    return dust_weight


def _recorded_states(
    warehouse: Reader, run: Mapping[str, Any], portfolios: pl.DataFrame, held: pl.DataFrame
) -> dict[str, str]:
    """Return after which run the states of each portfolio were the state before, as the migration filled them in."""
    if portfolios["reads_states"].has_nulls():
        seen = warehouse.query("runs_before_run", run_id=run["run_id"])
        return dict(seen.iter_rows()) | dict(sources_of_states(held).select("portfolio_id", "run_id").iter_rows())
    return dict(portfolios.drop_nulls("state_run_id").select("portfolio_id", "state_run_id").iter_rows())
