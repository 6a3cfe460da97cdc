"""Random histories of runs in a warehouse: corrections, proposals, backfills, positions files, renames, and the states.

Every day is a session. What a run decided is drawn, and not checked: only what follows for the states counts. What does
not belong here: the SQL that finds the states again.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import duckdb
import polars as pl

from sizing import RebalancingLimits
from sizing.frames.holding_states import STATE_COLUMNS, count_days
from sizing.lifecycle.transition import advance_states, correct_states
from sql.engine.opening import apply_migration
from sql.engine.scripts import read_script, read_scripts

FIRST = date(2024, 1, 1)
PLACES, PAUSE_AT, PAUSE = 44, 14, 241
"""Days of a history, and the pause in it after which its oldest closes are forgotten. Earlier runs have none."""
DUST = 0.0001
PORTFOLIOS, ASSETS = ("P", "Q"), ("a", "b", "c", "d", "e")
MOST_HOLDING_DAYS = {"P": 5, "Q": None}
RENAMED_AT = 21
RENAMED = {"a": "b"}

_SESSIONS = pl.Series([FIRST + timedelta(days=number) for number in range(400)], dtype=pl.Date)
_WEIGHT = pl.Decimal(10, 8)
_TARGET = {"portfolio_id": pl.String, "asset": pl.String, "current_weight": _WEIGHT, "post_trade_weight": _WEIGHT}
_DECISION = {
    "is_selected": pl.Boolean,
    "is_locked": pl.Boolean,
    "score_age_days": pl.Int32,
    "grace_count": pl.Int32,
}

_FILLS = read_script("migrations", "V014__lifecycle").sql.partition("\nINSERT INTO")[1:]

Book = dict[str, Decimal]


@dataclass
class History:
    """What a warehouse gets: a row of runs each, its events, and the rows of each run."""

    is_recorded: bool
    runs: list[dict[str, Any]] = field(default_factory=list)
    events: list[tuple[str, str, datetime]] = field(default_factory=list)
    decided: dict[str, pl.DataFrame] = field(default_factory=dict)
    states: dict[str, pl.DataFrame] = field(default_factory=dict)
    visible: dict[int, str] = field(default_factory=dict)

    def before(self, number: int) -> str | None:
        earlier = [one for one in self.visible if one < number]
        return self.visible[max(earlier)] if earlier else None


def draw_history(seed: int, *, is_recorded: bool) -> History:
    """Draw a history; one that is not recorded is of an earlier release: nothing was in grace, no source is named."""
    random, history, clock = Random(seed), History(is_recorded), datetime(2025, 6, 1, tzinfo=UTC)
    for numbers in _steps(random, PAUSE if is_recorded else 0):
        clock += timedelta(hours=1)
        pending = []
        for number in numbers:
            run_id = f"{number:03}-{len(history.runs)}"
            _draw_run(random, history, run_id, number, clock)
            is_published = len(numbers) > 1 or random.random() < 0.85
            pending.append((run_id, "published" if is_published else "proposed", clock + timedelta(minutes=1)))
            if is_published:
                history.visible[number] = run_id
        history.events += pending
    return history


def _steps(random: Random, pause: int) -> Iterator[list[int]]:
    """Yield the days of each step: one, one again, or several of a backfill."""
    numbers = [place + (pause if place >= PAUSE_AT else 0) for place in range(PLACES)]
    place = 0
    while place < PLACES:
        kind = random.random()
        if kind < 0.15 and place:
            yield [numbers[random.randrange(max(0, place - 5), place)]]
        elif kind < 0.3:
            yield numbers[place : place + 4]
            place += 4
        else:
            yield [numbers[place]]
            place += 1


def _draw_run(random: Random, history: History, run_id: str, number: int, created_at: datetime) -> None:
    before, day = history.before(number), FIRST + timedelta(days=number)
    renamed_on = RENAMED_AT + (PAUSE if history.is_recorded else 0)
    names = RENAMED if number >= renamed_on else {}
    holdings: dict[str, Any] = {}
    files, rows = [], []
    for portfolio_id in PORTFOLIOS:
        held = _book_after(history, before, portfolio_id, names)
        day_before = FIRST + timedelta(days=int(before[:3])) if before else FIRST - timedelta(days=1)
        if random.random() < 0.3:
            held = _file(random, held, names)
            file_date = day if random.random() < 0.8 else max(day_before + timedelta(days=1), day - timedelta(days=1))
            files.append((portfolio_id, file_date))
            source: Any = {"as_of_date": file_date.isoformat(), "ingest_id": 1}
        elif before:
            source = {"as_of_date": day_before.isoformat(), "run_id": before}
        else:
            source, held = None, {}
        if source:
            is_old = not history.is_recorded and random.random() < 0.3
            holdings[portfolio_id] = source["as_of_date"] if is_old else source
        rows += [(portfolio_id, *row) for row in _decide(random, held, names, with_grace=history.is_recorded)]
    decided = pl.DataFrame(rows, schema=_TARGET | _DECISION, orient="row")
    history.decided[run_id] = decided
    recorded = {"lifecycle": dict.fromkeys(PORTFOLIOS, before) if before else {}, "dust_weight": DUST}
    inputs = {"holdings": holdings, "exchange": "XNYS"} | (recorded if history.is_recorded else {})
    limits = {
        name: {"max_holding_days": MOST_HOLDING_DAYS[name] if history.is_recorded else None} for name in PORTFOLIOS
    }
    history.runs.append(
        {
            "run_id": run_id,
            "as_of_date": day,
            "created_at": created_at,
            "inputs": json.dumps(inputs | ({"renamed": names} if names else {})),
            "config": json.dumps({"portfolios": limits}),
        }
    )
    states = history.states[before] if before else pl.DataFrame(schema=STATE_COLUMNS)
    history.states[run_id] = _after(states, decided, files, limits, names, day)


def _book_after(history: History, run_id: str | None, portfolio_id: str, names: Mapping[str, str]) -> Book:
    book: Book = {}
    for row in history.decided[run_id].iter_rows(named=True) if run_id else ():
        if row["portfolio_id"] == portfolio_id and row["post_trade_weight"]:
            asset = names.get(row["asset"], row["asset"])
            book[asset] = book.get(asset, Decimal(0)) + row["post_trade_weight"]
    return book


def _file(random: Random, book: Book, names: Mapping[str, str]) -> Book:
    """Draw a file that mostly says what the book says."""
    drawn = {}
    for asset in sorted({names.get(asset, asset) for asset in ASSETS}):
        kind = random.random()
        weight = book.get(asset, Decimal(0))
        if kind < 0.12:
            weight = Decimal("0.1")
        elif kind < 0.24:
            weight = Decimal(random.choice(("0", "0.00005", "0.0001")))
        if weight:
            drawn[asset] = weight
    return drawn


def _decide(random: Random, held: Book, names: Mapping[str, str], *, with_grace: bool) -> Iterator[tuple[object, ...]]:
    for asset in sorted({names.get(asset, asset) for asset in ASSETS}):
        before = held.get(asset, Decimal(0))
        after = random.choice((before, before, before, Decimal(0), before * Decimal("0.8"), before + Decimal("0.05")))
        after = after.quantize(Decimal("1e-8"))
        if before or after:
            count = random.choice((None, None, 0, 1)) if with_grace else None
            is_selected, is_locked = random.random() < 0.8, random.random() < 0.2
            yield asset, before, after, is_selected, is_locked, random.choice((0, 0, 1, None)), count


def _after(  # noqa: PLR0913, PLR0917 - what the states of a day come from
    states: pl.DataFrame,
    decided: pl.DataFrame,
    files: list[tuple[str, date]],
    limits: Mapping[str, Mapping[str, Any]],
    names: Mapping[str, str],
    day: date,
) -> pl.DataFrame:
    holdings = decided.filter(pl.col("current_weight") > 0).select("portfolio_id", "asset", "current_weight")
    source = pl.DataFrame(files, schema={"portfolio_id": pl.String, "file_date": pl.Date}, orient="row")
    corrected = count_days(correct_states(_named(states, names), holdings, source, DUST), day, _SESSIONS)
    targets = decided.with_columns(is_cash=pl.lit(value=False))
    own = {name: RebalancingLimits(**one) for name, one in limits.items()}
    return advance_states(corrected, decided, targets, own, pl.lit(day))


def _named(states: pl.DataFrame, names: Mapping[str, str]) -> pl.DataFrame:
    """Return the states by the names of today: of two the held one, or else that closed last; of equals the own."""
    kept: dict[tuple[str, str], dict[str, Any]] = {}
    for row in states.sort("asset").iter_rows(named=True):
        key = row["portfolio_id"], names.get(row["asset"], row["asset"])
        other = kept.get(key)
        closes = sorted({*row["closed_on"], *(other["closed_on"] if other else ())}, reverse=True)
        newest = row["closed_on"][0] if row["closed_on"] and not row["is_held"] else date.min
        if other:
            other_newest = other["closed_on"][0] if other["closed_on"] and not other["is_held"] else date.min
            rank = (not row["is_held"], date.max - newest, row["asset"] in names, row["asset"])
            other_rank = (not other["is_held"], date.max - other_newest, other["was"] in names, other["was"])
            row = min((rank, row), (other_rank, other), key=lambda pair: pair[0])[1]  # noqa: PLW2901 - the one kept
        kept[key] = row | {"asset": key[1], "closed_on": closes, "was": row.get("was", row["asset"])}
    return pl.DataFrame([*kept.values()], schema=STATE_COLUMNS, orient="row") if kept else states


def store(con: duckdb.DuckDBPyConnection, history: History, *, with_states: bool) -> None:
    """Write the rows of a history into an empty database as V015 kept them, and migrate it.

    `with_states`: with the states that the rules give; without, those that V014 finds.
    """
    con.execute("SET TimeZone = 'UTC'")
    *earlier, newest = (script for script in read_scripts("migrations") if script.version <= "V016")
    for script in earlier:
        apply_migration(con, script)
    _store(con, history, with_states=with_states)
    if not with_states:
        con.execute("DELETE FROM lifecycle; " + "".join(_FILLS))
    apply_migration(con, newest)


def _store(con: duckdb.DuckDBPyConnection, history: History, *, with_states: bool) -> None:
    moment = pl.Datetime("us", "UTC")
    events = pl.DataFrame(
        history.events, {"run_id": pl.String, "state": pl.String, "happened_at": moment}, orient="row"
    )
    decided = _stacked(history.decided)
    rows = {
        "runs": pl.DataFrame(history.runs, schema_overrides={"created_at": moment})
        .with_columns(pl.lit("x").alias(f"{name}_fingerprint") for name in ("input", "config", "code"))
        .with_columns(portfolio_ids=pl.lit([*PORTFOLIOS])),
        "run_events": events.with_row_index("event_id").with_columns(by=pl.lit("test"), reason=pl.lit("because")),
        "decisions": decided.drop("post_trade_weight").with_columns(
            pl.lit("because").alias("decision_reason"),
            pl.lit("b").alias("bucket"),
            *(pl.lit(value=False).alias(name) for name in ("has_partial_score", "is_score_stale", "is_pinned")),
            is_held=pl.col("current_weight") > 0,
        ),
        "targets": pl.concat([decided.drop(_DECISION), _cash(history)], how="diagonal").with_columns(
            pl.lit("because").alias("target_reason"),
            *(pl.lit(value=False).alias(name) for name in ("is_score_stale", "is_pinned")),
            is_cash=pl.col("asset") == "CASH",
            as_of_date=pl.lit(FIRST),
            action=pl.lit("hold"),
            target_weight="post_trade_weight",
            trade_weight=(pl.col("post_trade_weight") - pl.col("current_weight")).cast(_WEIGHT),
        ),
    }
    for table, frame in (rows | ({"lifecycle": _stacked(history.states)} if with_states else {})).items():
        con.register("incoming", frame)
        con.execute(f"DELETE FROM {table}; INSERT INTO {table} BY NAME FROM incoming")
        con.unregister("incoming")


def _stacked(frames: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    return pl.concat(frame.with_columns(run_id=pl.lit(run_id)) for run_id, frame in frames.items())


def _cash(history: History) -> pl.DataFrame:
    """Return the row of CASH, which every book has, also one without assets."""
    rows = [
        (portfolio_id, "CASH", Decimal(0), Decimal(0), run_id)
        for run_id in history.decided
        for portfolio_id in PORTFOLIOS
    ]
    return pl.DataFrame(rows, _TARGET | {"run_id": pl.String}, orient="row")
