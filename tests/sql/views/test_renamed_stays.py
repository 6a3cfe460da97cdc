"""A stay goes on under another name: by hand, each day is a run with the renames that it knew, and its states."""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import duckdb
import pytest

from sql.warehouse import Warehouse
from tests.sql.bare_runs import insert_run, make_visible

FIRST = date(2026, 3, 2)

State = tuple[bool, int, tuple[int, ...]]
"""Whether it is held, the day of its opening, those of its closes."""
Day = tuple[Mapping[str, str], Mapping[str, State]]
"""The names that no longer count, and the states by the name of the day."""

CHAIN: Sequence[Day] = [
    ({}, {"FB": (True, 0, ())}),
    ({}, {"FB": (True, 0, ())}),
    ({"FB": "META"}, {"META": (True, 0, ())}),
    ({"FB": "MTA", "META": "MTA"}, {"MTA": (True, 0, ())}),
    ({"FB": "MTA", "META": "MTA"}, {"MTA": (False, 0, (4,))}),
]


@pytest.fixture
def con(warehouse: Warehouse) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(str(warehouse.path)) as con:
        yield con


def _on(number: int) -> date:
    return FIRST + timedelta(days=number)


def _write(con: duckdb.DuckDBPyConnection, days: Sequence[Day]) -> None:
    """Publish the days; the score of a decision is 0.1 a day, and what closes it is called by its name."""
    for number, (renamed, states) in enumerate(days):
        run_id, inputs = f"r{number}", json.dumps({"renamed": renamed} if renamed else {})
        insert_run(con, run_id, _on(number), inputs)
        for asset, (is_held, opened, closed) in states.items():
            con.execute(
                "INSERT INTO lifecycle VALUES (?, 'p1', ?, ?, false, ?, ?, ?, ?, 0.1, ?)",
                [
                    *(run_id, asset, is_held, _on(opened), _on(opened)),
                    *((_on(1), 1) if number else (None, None)),
                    [_on(one) for one in closed],
                ],
            )
            con.execute(
                "INSERT INTO decisions (run_id, portfolio_id, asset, bucket, score, has_partial_score, is_score_stale,"
                " is_held, current_weight, is_pinned, is_selected, gate, decision_reason)"
                " VALUES (?, 'p1', ?, 'tech', ?, false, false, ?, 0.1, false, ?, ?, 'because')",
                [run_id, asset, number / 10, opened < number, is_held, None if is_held else f"gate of {asset}"],
            )
    make_visible(con)


def _stays(con: duckdb.DuckDBPyConnection) -> list[tuple[Any, ...]]:
    rows = con.sql("SELECT asset, stay, opened_on, closed_on, outcome FROM holding_periods ORDER BY ALL").fetchall()
    return [tuple((one - FIRST).days if isinstance(one, date) else one for one in row) for row in rows]


def test_a_stay_goes_on_through_a_chain_of_names(con: duckdb.DuckDBPyConnection) -> None:
    _write(con, CHAIN)
    assert _stays(con) == [("MTA", 1, 0, 4, "closed")]
    scores = con.sql("SELECT entry_score, exit_score, gate, published_days FROM holding_periods").fetchall()
    assert scores == [(0.0, 0.4, "gate of MTA", 4)]


@pytest.mark.parametrize(("asset", "day", "as_name"), [("MTA", 4, " as FB"), ("META", 2, " as FB"), ("FB", 1, "")])
def test_the_life_of_a_name_is_that_of_its_earlier_names(
    warehouse: Warehouse, con: duckdb.DuckDBPyConnection, asset: str, day: int, as_name: str
) -> None:
    _write(con, CHAIN)
    con.close()
    rows = warehouse.query("life_of_asset", portfolio_id="p1", asset=asset, as_of_date=_on(day))
    assert rows["quantity"].to_list() == ["stay", "in grace"]
    closed = " Closed 2026-03-06, after 4 published days." if asset == "MTA" else ""
    assert rows["words"][0] == f"Opened 2026-03-02{as_name}.{closed}"
    assert rows["value"][1] == f"2026-03-03 to {_on(day)}"


def test_a_stay_of_one_day_is_told_in_the_singular(warehouse: Warehouse, con: duckdb.DuckDBPyConnection) -> None:
    _write(con, [({}, {"A": (True, 0, ())}), ({}, {"A": (False, 0, (1,))})])
    con.close()
    rows = warehouse.query("life_of_asset", portfolio_id="p1", asset="A", as_of_date=_on(1))
    assert rows["words"][0] == "Opened 2026-03-02. Closed 2026-03-03, after 1 published day."


def test_a_close_that_came_with_another_name_is_told_as_such(
    warehouse: Warehouse, con: duckdb.DuckDBPyConnection
) -> None:
    both = {"A": (True, 0, ()), "B": (True, 0, ())}
    _write(con, [({}, both), ({}, {"A": (False, 0, (1,)), "B": (True, 0, ())}), ({"A": "B"}, {"B": (True, 0, (1,))})])
    con.close()
    rows = warehouse.query("life_of_asset", portfolio_id="p1", asset="B", as_of_date=_on(2)).filter(quantity="stay")
    assert rows["value"].to_list() == ["1", None]
    assert rows["words"].to_list() == [
        "Opened 2026-03-02.",
        "Closed 2026-03-03 under another name, which a rename made one with it.",
    ]


@pytest.mark.parametrize(
    ("days", "stays"),
    [
        (
            [({}, {"A": (True, 0, ()), "B": (True, 0, ())}), ({"A": "B"}, {"B": (True, 0, ())})],
            [("A", 1, 0, None, "merged"), ("B", 1, 0, None, "held")],
        ),
        (
            [
                ({}, {"A": (True, 0, ()), "B": (True, 0, ())}),
                ({}, {"A": (True, 0, ()), "B": (False, 0, (1,))}),
                ({"A": "B"}, {"B": (True, 0, (1,))}),
            ],
            [("B", 1, 0, 1, "closed"), ("B", 2, 0, None, "held")],
        ),
        (
            [
                ({}, {"A": (True, 0, ())}),
                ({"A": "B"}, {"B": (True, 0, ())}),
                ({"A": "B"}, {"B": (True, 0, ()), "C": (True, 2, ())}),
                ({"C": "A"}, {"B": (True, 0, ()), "A": (True, 2, ())}),
            ],
            [("A", 1, 2, None, "held"), ("B", 1, 0, None, "held")],
        ),
        ([({}, {"A": (True, 0, ())}), ({"A": "B"}, {})], [("B", 1, 0, None, "undone")]),
    ],
    ids=["both held", "only the old one held", "a name that is given again", "undone on the day of the rename"],
)
def test_of_names_that_become_one_the_state_of_one_goes_on(
    con: duckdb.DuckDBPyConnection, days: Sequence[Day], stays: list[tuple[Any, ...]]
) -> None:
    _write(con, days)
    assert _stays(con) == stays
