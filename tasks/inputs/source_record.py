"""The sources of a day as its run records them, and read back from that: a replay reads exactly these."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date
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


class _Row(NamedTuple):
    """A source of the day: it has an ingest, or a run."""

    kind: str
    portfolio_id: str
    as_of_date: date
    ingest_id: int | None
    run_id: str | None

    def source(self) -> dict[str, Any]:
        """Return where it is from, and of which day."""
        source = {"run_id": self.run_id} if self.run_id else {"ingest_id": self.ingest_id}
        return {"as_of_date": self.as_of_date.isoformat()} | source


def find_missing_returns(inputs: DayFrames, sources: pl.DataFrame, exchange: str) -> pl.DataFrame:
    """Return the returns for lack of which books were not marked. *Requires* the sources of the day alone."""
    return missing_returns(inputs, books_to_mark(sources, inputs.limits), exchange)


def as_record(
    inputs: DayFrames,
    sources: pl.DataFrame,
    exchange: str,
    unmarked: Collection[str],
    dust_weight: float = DUST_WEIGHT,
) -> dict[str, Any]:
    """Return the sources of the day as its run keeps them: ingests, where holdings came from, whose days counted.

    `positions` are the newest up to the day, whoever reads them, `positions_of_others` whom they name beside ours, and
    `not_in_positions` are those of ours that positions named before and the day's own do not. `unmarked`: whose book
    was to be marked and could not be. `books` says what each starts from: positions, the book that a run left, or that
    book marked. `lifecycle` names the run after which the states of each are the state before, wherever its holdings
    come from, and `lifecycle_read_by` has those whose limits read them. `returns_read_by`, where there are any, has
    those whose limits read returns, and `returns_since` is the first day whose prices these begin with.
    `sessions_since` counts the trading days from each date that was read to the day.
    """
    day, limits = inputs.as_of_date, inputs.limits
    rows = [_Row(*row) for row in sources.select(_Row._fields).sort("portfolio_id", nulls_last=True).iter_rows()]
    held = [row for row in rows if row.kind in HELD and row.portfolio_id in limits]
    named = [row for row in rows if row.kind == "named"]
    books = books_to_mark(sources, limits)
    marked = {*books["portfolio_id"]} - {*unmarked}
    lists = {kind: _ids(rows, kind) for kind in (*FOR_ALL, FORMER)}
    if first := first_price_day(exchange, day, limits, books["since"]):
        lists[PRICES] = _ids([row for row in rows if row.as_of_date and row.as_of_date >= first], PRICES)
    record = {
        **({} if inputs.has_entry_scores else {HAS_ENTRY_SCORES: False}),
        "holdings": {row.portfolio_id: row.source() for row in held},
        "books": {row.portfolio_id: _book(row, marked) for row in held},
        "lifecycle": {
            row.portfolio_id: row.run_id for row in rows if row.kind == LIFECYCLE and row.portfolio_id in limits
        },
        "lifecycle_read_by": sorted(name for name, one in limits.items() if one.reads_lifecycle),
        "dust_weight": dust_weight,
        "positions": named[0].source() if named else None,
        "positions_of_others": [row.portfolio_id for row in named if row.portfolio_id not in limits],
        "not_in_positions": [row.portfolio_id for row in rows if row.kind == "unnamed" and row.portfolio_id in limits],
        "exchange": exchange,
        "scores_since": scores_since(exchange, day, limits).isoformat(),
        SESSIONS_SINCE: count_sessions(inputs),
    }
    return lists | _returns_read(exchange, day, limits) | record


def recorded_sources(
    warehouse: Reader, exchange: str, run: Mapping[str, Any], record: Mapping[str, Any], limits: Limits
) -> pl.DataFrame:
    """Return the sources that a run recorded.

    An earlier release recorded only the day of each portfolio's holdings, or no source of its states: these come from
    what was visible when the run was created.
    """
    day = run["as_of_date"]
    lists = [
        {"day": day, "kind": kind, "ingest_id": one}
        for kind in (*FOR_ALL, FORMER, PRICES)
        for one in record.get(kind, [])
    ]
    if any(isinstance(source, str) for source in record["holdings"].values()):
        then = find_sources(warehouse, exchange, [day], limits, known_at=run["created_at"])
        held = then.filter(pl.col("kind").is_in(HELD)).select(list(SOURCES))
    else:
        held = pl.DataFrame(_recorded_holdings(day, record), SOURCES)
    states = [
        {"day": day, "kind": LIFECYCLE, "portfolio_id": portfolio_id, "run_id": run_id}
        for portfolio_id, run_id in _recorded_states(warehouse, run, record, held).items()
    ]
    return pl.concat([pl.DataFrame([*lists, *states], SOURCES), held])


def _ids(rows: Sequence[_Row], kind: str) -> list[int]:
    return sorted({row.ingest_id for row in rows if row.kind == kind and row.ingest_id is not None})


def _book(row: _Row, marked: Collection[str]) -> str:
    if not row.run_id:
        return "positions"
    return "post_trade_marked" if row.portfolio_id in marked else "post_trade"


def has_same_states(record: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two records of a day have the same states before it, and both have entry scores or neither."""
    return all(record.get(name) == other.get(name) for name in (LIFECYCLE, "dust_weight", HAS_ENTRY_SCORES))


def recorded_dust_weight(record: Mapping[str, Any]) -> float:
    """Return the weight below which a holding counted as gone; an earlier release counted none."""
    dust_weight: float = record.get("dust_weight", DUST_WEIGHT)
    return dust_weight


def _returns_read(exchange: str, day: date, limits: Limits) -> dict[str, Any]:
    reading = sorted(name for name, one in limits.items() if one.reads_returns)
    since = first_price_day(exchange, day, limits, [])
    return {"returns_read_by": reading, "returns_since": since.isoformat()} if since else {}


def _recorded_holdings(day: date, record: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        {"day": day, "kind": "targets" if "run_id" in source else "positions", "portfolio_id": portfolio_id}
        | source
        | {"as_of_date": date.fromisoformat(source["as_of_date"])}
        for portfolio_id, source in record["holdings"].items()
    ]


def _recorded_states(
    warehouse: Reader, run: Mapping[str, Any], record: Mapping[str, Any], held: pl.DataFrame
) -> dict[str, str]:
    """Return after which run the states of each portfolio were the state before, as the migration filled them in."""
    if LIFECYCLE in record:
        recorded: dict[str, str] = record[LIFECYCLE]
        return recorded
    seen = warehouse.query("runs_before_run", run_id=run["run_id"])
    return dict(seen.iter_rows()) | dict(sources_of_states(held).select("portfolio_id", "run_id").iter_rows())
