"""The stays of a name along the published runs, by hand: each day is a run, and a state of asset AAA, or none."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from typing import Any

import duckdb
import pytest

from sql.engine.views import make_views
from sql.warehouse import Warehouse
from tests.sql.bare_runs import insert_run, make_visible
from tests.sql.lifecycle_histories import draw_history, store

FIRST = date(2026, 3, 2)

State = tuple[bool, int | None, int | None, tuple[int, ...]] | None
"""Whether it is held, the days of its opening and term, those of its closes."""


@pytest.fixture(scope="module")
def con(make_migrated: Callable[[], Warehouse]) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(str(make_migrated().path)) as con:
        yield con


@contextmanager
def _written(con: duckdb.DuckDBPyConnection, *states: State) -> Iterator[None]:
    con.begin()
    try:
        for number, state in enumerate(states):
            _write(con, f"r{number}", number, (*states[:number], state)[-2:])
        yield
    finally:
        con.rollback()


def _write(
    con: duckdb.DuckDBPyConnection, run_id: str, number: int, states: Sequence[State], gate: str = "replaced"
) -> None:
    """Write a run of a day, its state, the last of the two, and the decision on what was held before it."""
    insert_run(con, run_id, _on(number))
    make_visible(con)
    was_held = len(states) > 1 and bool(states[0] and states[0][0])
    is_closed = False
    if state := states[-1]:
        is_held, opened, term, closed = state
        was_held, is_closed = was_held and opened != number, was_held and closed[:1] == (number,)
        con.execute(
            "INSERT INTO lifecycle VALUES (?, 'p1', 'AAA', ?, false, ?, ?, NULL, NULL, NULL, ?)",
            [run_id, is_held, _on(opened), _on(term), [_on(one) for one in closed]],
        )
    con.execute(
        "INSERT INTO decisions (run_id, portfolio_id, asset, bucket, score, has_partial_score, is_score_stale, is_held,"
        " current_weight, is_pinned, is_selected, gate, decision_reason)"
        " VALUES (?, 'p1', 'AAA', 'tech', ?, false, false, ?, 0.1, false, ?, ?, 'because')",
        [run_id, 0.5 + number / 10, was_held, not is_closed, gate if is_closed else None],
    )


def _on(number: int | None) -> date | None:
    return None if number is None else FIRST + timedelta(days=number)


def _periods(con: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    names = "opened_on, first_seen_on, closed_on, outcome, gate, entry_score, exit_score"
    counts = "calendar_days, published_days, n_stays_before"
    rows = con.sql(f"SELECT {names}, {counts} FROM holding_periods").pl().to_dicts()
    return [
        {name: (value - FIRST).days if isinstance(value, date) else value for name, value in row.items()}
        for row in rows
    ]


def _short(con: duckdb.DuckDBPyConnection) -> list[tuple[Any, ...]]:
    names = ("opened_on", "closed_on", "outcome", "published_days", "n_stays_before")
    return [tuple(row[name] for name in names) for row in _periods(con)]


HELD: State = (True, 0, 0, ())


def test_a_stay_has_its_scores_its_days_and_the_gate_that_closed_it(con: duckdb.DuckDBPyConnection) -> None:
    with _written(con, HELD, HELD, HELD, (False, 0, 0, (3,))):
        assert _periods(con) == [
            {"opened_on": 0, "first_seen_on": 0, "closed_on": 3, "outcome": "closed", "gate": "replaced"}
            | {"entry_score": 0.5, "exit_score": 0.8, "calendar_days": 3, "published_days": 3, "n_stays_before": 0}
        ]


@pytest.mark.parametrize(
    ("states", "stays"),
    [
        ([HELD, HELD], [(0, None, "held", 1, 0)]),
        ([(True, None, 0, ()), (False, None, 0, (1,))], [(None, 1, "closed", 1, 0)]),
        (
            [HELD, (False, 0, 0, (1,)), (False, None, None, (1,)), (True, 3, 3, (1,))],
            [(0, 1, "closed", 1, 0), (3, None, "held", 0, 1)],
        ),
        ([HELD, (False, 0, 0, (1,)), (True, 2, 2, (1,))], [(0, 1, "closed", 1, 0), (2, None, "held", 0, 1)]),
        ([HELD, (False, 0, 0, (1,)), HELD, (False, 0, 0, (3,))], [(0, 3, "closed", 3, 0)]),
        ([HELD, None, None], [(0, None, "undone", 1, 0)]),
        ([(True, 0, 0, ()), (True, 1, 1, ())], [(0, None, "undone", 1, 0), (1, None, "held", 0, 1)]),
        ([HELD, (True, 0, 1, ()), (True, 0, 2, ())], [(0, None, "held", 2, 0)]),
        ([HELD, (True, 1, 1, (1,))], [(0, 1, "gone", 1, 0), (1, None, "held", 0, 1)]),
    ],
    ids=[
        *("held", "not opened by us", "comes back", "comes back at once", "a close that is withdrawn"),
        *("an opening that never was", "undone and opened again", "a new term is no new stay", "gone and opened again"),
    ],
)
def test_a_stay_ends_with_a_close_or_is_undone(
    con: duckdb.DuckDBPyConnection, states: list[State], stays: list[tuple[Any, ...]]
) -> None:
    with _written(con, *states):
        assert _short(con) == stays


def test_what_positions_show_as_gone_was_closed_by_nobody_here(con: duckdb.DuckDBPyConnection) -> None:
    with _written(con, HELD, (False, None, None, (1,))):
        con.execute("UPDATE decisions SET is_held = false WHERE run_id = 'r1'")
        (period,) = _periods(con)
    assert (period["outcome"], period["gate"], period["exit_score"], period["closed_on"]) == ("gone", None, None, 1)


@pytest.mark.parametrize(
    ("weight", "book", "outcome"),
    [
        ("0.00009999", "positions", "gone"),
        ("0.0001", "positions", "closed"),
        ("0.00009999", "post_trade", "closed"),
        ("0.00009999", None, "closed"),
    ],
    ids=["dust", "no dust", "a book of ours", "an earlier release"],
)
def test_dust_that_positions_show_is_gone(
    con: duckdb.DuckDBPyConnection, weight: str, book: str | None, outcome: str
) -> None:
    with _written(con, HELD, (False, None, None, (1,))):
        inputs = {"dust_weight": 0.0001} if book else {}
        con.execute("UPDATE runs SET inputs = ? WHERE run_id = 'r1'", [json.dumps(inputs)])
        con.execute("UPDATE run_portfolios SET book = ? WHERE run_id = 'r1'", [book])
        con.execute(f"UPDATE decisions SET current_weight = {weight} WHERE run_id = 'r1'")
        (period,) = _periods(con)
    assert (period["outcome"], period["gate"]) == (outcome, "replaced" if outcome == "closed" else None)


def test_only_published_runs_count(con: duckdb.DuckDBPyConnection) -> None:
    with _written(con, HELD, HELD):
        _write(con, "corrected", 1, [HELD, (False, 0, 0, (1,))], "max_holding_days")
        (period,) = _periods(con)
        assert (period["outcome"], period["gate"], period["closed_on"]) == ("closed", "max_holding_days", 1)


def test_the_days_of_all_stays_are_those_on_which_a_name_is_held() -> None:
    days = "portfolio_id, asset, count(*) AS n_days FROM lifecycle JOIN visible_runs USING (run_id, portfolio_id)"
    query = f"""
        SELECT held.*, counted.n_days AS n_counted
        FROM (SELECT {days} WHERE is_held GROUP BY ALL) AS held
        FULL JOIN (
            SELECT portfolio_id, asset, sum(published_days + (outcome = 'held')::INTEGER) AS n_days
            FROM holding_periods
            GROUP BY ALL
        ) AS counted USING (portfolio_id, asset)
        WHERE counted.n_days IS NULL OR held.n_days IS NULL OR counted.n_days < held.n_days
    """
    with duckdb.connect() as con:
        store(con, draw_history(5, is_recorded=True), with_states=True)
        make_views(con)
        assert con.sql(query).fetchall() == []
