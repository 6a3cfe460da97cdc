"""What is remembered of holdings, found again in SQL: by the migration of earlier runs, and by `ballast db verify`."""

from collections.abc import Iterator
from contextlib import contextmanager

import duckdb
import polars as pl
import pytest

from sql.engine.scripts import read_script
from tests.sql.lifecycle_histories import FIRST, PAUSE, PLACES, History, draw_history, store

SEEDS = range(8)
KEY = ["run_id", "portfolio_id", "asset"]
FOLLOWS = read_script("checks/integrity", "every_state_follows_from_the_run_before").sql


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as con:
        yield con


def _stored(con: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    return con.sql("FROM lifecycle ORDER BY ALL").pl()


def _failures(con: duckdb.DuckDBPyConnection) -> list[str]:
    return con.sql(FOLLOWS).pl()["detail"].to_list()


def _states(history: History) -> pl.DataFrame:
    rows = pl.concat(frame.with_columns(run_id=pl.lit(run_id)) for run_id, frame in history.states.items())
    return rows.select("run_id", pl.exclude("run_id")).sort(KEY)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_migration_remembers_what_the_rules_would_have(con: duckdb.DuckDBPyConnection, seed: int) -> None:
    history = draw_history(seed, is_recorded=False)
    store(con, history, with_states=False)
    found, expected = _stored(con).sort(KEY), _states(history)
    assert found.rows() == expected.rows()
    assert _failures(con) == []


@pytest.mark.parametrize("seed", SEEDS)
def test_the_states_of_runs_follow_from_those_before(con: duckdb.DuckDBPyConnection, seed: int) -> None:
    store(con, draw_history(seed, is_recorded=True), with_states=True)
    assert _failures(con) == []


TAMPERED = {
    "another is held": ("is_held", "UPDATE lifecycle SET is_held = NOT is_held"),
    "another is confirmed": ("is_held", "UPDATE lifecycle SET is_confirmed = NOT is_confirmed"),
    "opened a day later": ("opened_on IS NOT NULL", "UPDATE lifecycle SET opened_on = opened_on + 1"),
    "opening forgotten": ("opened_on IS NOT NULL", "UPDATE lifecycle SET opened_on = NULL"),
    "opening invented": ("opened_on IS NULL", "UPDATE lifecycle SET opened_on = DATE '2024-01-01'"),
    "term a day later": ("is_held", "UPDATE lifecycle SET term_started_on = term_started_on - 1"),
    "term forgotten": ("is_held", "UPDATE lifecycle SET term_started_on = NULL"),
    "grace a day later": ("grace_count > 0", "UPDATE lifecycle SET grace_started_on = grace_started_on + 1"),
    "grace forgotten": ("grace_count IS NOT NULL", "UPDATE lifecycle SET grace_started_on = NULL"),
    "one more failing score": ("grace_count IS NOT NULL", "UPDATE lifecycle SET grace_count = grace_count + 1"),
    "grace invented": ("is_held AND grace_count IS NULL", "UPDATE lifecycle SET grace_count = 0"),
    "grace from another weight": (
        "grace_count IS NOT NULL",
        "UPDATE lifecycle SET grace_entry_weight = grace_entry_weight + 0.00000001",
    ),
    "a close a day later": ("len(closed_on) = 1", "UPDATE lifecycle SET closed_on = [closed_on[1] + 1]"),
    "a close forgotten": ("is_held AND len(closed_on) > 0", "UPDATE lifecycle SET closed_on = []"),
    "a close twice": ("len(closed_on) > 0", "UPDATE lifecycle SET closed_on = closed_on[1:1] || closed_on"),
    "an older close invented": ("is_held", "UPDATE lifecycle SET closed_on = closed_on || [DATE '2024-01-01']"),
    "a holding forgotten": ("is_held", "DELETE FROM lifecycle"),
    "a closed name forgotten": ("NOT is_held", "DELETE FROM lifecycle"),
    "a name that nobody had": ("is_held", "UPDATE lifecycle SET asset = 'z'"),
    "a state of nothing": (
        "is_held",
        "INSERT INTO lifecycle SELECT * REPLACE ('z' AS asset, false AS is_held, [] AS closed_on) FROM lifecycle",
    ),
}


OF_BEFORE = """
    FROM lifecycle AS after
    JOIN runs USING (run_id)
    JOIN run_portfolios USING (run_id, portfolio_id)
    JOIN lifecycle AS before
        ON before.run_id = run_portfolios.state_run_id
        AND before.portfolio_id = after.portfolio_id
        AND before.asset = after.asset
"""
ROW = "WHERE (run_id, portfolio_id, asset) = ($1, $2, $3)"


@pytest.fixture(scope="module")
def recorded() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as con:
        store(con, draw_history(3, is_recorded=True), with_states=True)
        yield con


@contextmanager
def _undone(con: duckdb.DuckDBPyConnection) -> Iterator[None]:
    con.begin()
    try:
        yield
    finally:
        con.rollback()


@pytest.mark.parametrize("name", TAMPERED)
def test_a_state_that_does_not_follow_is_found(recorded: duckdb.DuckDBPyConnection, name: str) -> None:
    condition, tampering = TAMPERED[name]
    key = recorded.sql(f"SELECT run_id, portfolio_id, asset FROM lifecycle WHERE {condition} ORDER BY ALL").fetchall()[
        -1
    ]
    with _undone(recorded):
        recorded.execute(f"{tampering} {ROW}", key)
        found = _failures(recorded)
    run_id, portfolio_id, asset = key
    named = {f"run {run_id}, {portfolio_id}: {name} is" for name in (asset, "z")}
    assert any(detail.startswith(tuple(named)) for detail in found)


def test_a_term_that_is_over_by_published_days_alone_is_found(recorded: duckdb.DuckDBPyConnection) -> None:
    *key, term_started_on = recorded.sql(f"""
        SELECT after.run_id, after.portfolio_id, after.asset, before.term_started_on {OF_BEFORE}
        WHERE after.portfolio_id = 'P' AND before.is_held AND after.is_held
            AND before.term_started_on > DATE '2024-06-01' AND before.term_started_on < after.term_started_on
            AND before.opened_on = after.opened_on
        ORDER BY after.term_started_on - before.term_started_on DESC, after.run_id, after.asset
    """).fetchall()[0]
    with _undone(recorded):
        recorded.execute(f"UPDATE lifecycle SET term_started_on = $4 {ROW}", [*key, term_started_on])
        found = _failures(recorded)
    assert any(detail.startswith(f"run {key[0]}, {key[1]}: {key[2]} is") for detail in found)


def test_a_close_of_more_sessions_ago_than_are_remembered_is_found(recorded: duckdb.DuckDBPyConnection) -> None:
    """Every day is published now, so that they prove how many sessions there were."""
    *key, kept = recorded.sql(f"""
        SELECT after.run_id, after.portfolio_id, after.asset, after.closed_on || before.closed_on[-1:] {OF_BEFORE}
        WHERE len(after.closed_on) = len(before.closed_on) - 1
            AND runs.as_of_date - before.closed_on[-1] > 260
        ORDER BY ALL
    """).fetchall()[0]
    with _undone(recorded):
        recorded.execute(f"""
            INSERT INTO runs
            SELECT * EXCLUDE (day) REPLACE ('d' || day AS run_id, DATE '{FIRST}' + day::INTEGER AS as_of_date)
            FROM (FROM runs LIMIT 1), range({PLACES + PAUSE}) AS days(day)
        """)
        recorded.execute("""
            INSERT INTO run_portfolios (run_id, portfolio_id)
            SELECT run_id, unnest(['P', 'Q']) FROM runs WHERE run_id LIKE 'd%'
        """)
        recorded.execute("""
            INSERT INTO run_events
            SELECT 1000 + row_number() OVER () AS event_id, run_id, 'published', now(), 'test', 'because'
            FROM runs WHERE run_id LIKE 'd%'
        """)
        assert _failures(recorded) == []
        recorded.execute(f"UPDATE lifecycle SET closed_on = $4 {ROW}", [*key, kept])
        found = _failures(recorded)
    assert any(detail.startswith(f"run {key[0]}, {key[1]}: {key[2]} is") for detail in found)
