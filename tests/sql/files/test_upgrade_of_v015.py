"""A warehouse that V015 kept, with its views: corrections, partial runs, proposals, renames. Its answers stay the same.

`v015.duckdb.gz` is the sample of six days under V015, run by its own code: days that were corrected for one portfolio
and for all, a day that was published, replaced and published again, an approved, a declined, a superseded and an open
proposal, a rename, prices, a replay, a halt, and inputs that were corrected after the last run.
"""

import gzip
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from sql.admin.maintenance import verify
from sql.warehouse import Warehouse
from tests.sql.warehouse_samples import make_warehouse

KEPT = Path(__file__).with_name("v015.duckdb.gz")
ASSETS = (("core", "GOOGL"), ("income", "COPX"))
Answers = dict[str, list[Any]]


@pytest.fixture(scope="module")
def make_old(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Warehouse]:
    def make() -> Warehouse:
        made = make_warehouse(tmp_path_factory.mktemp("v015"))
        with gzip.open(KEPT) as packed, made.path.open("wb") as unpacked:
            shutil.copyfileobj(packed, unpacked)
        return made

    return make


@pytest.fixture(scope="module")
def old(make_old: Callable[[], Warehouse]) -> Warehouse:
    return make_old()


@pytest.fixture(scope="module")
def migrated(make_old: Callable[[], Warehouse]) -> Warehouse:
    made = make_old()
    assert made.migrate()[0] == "V016"
    return made


def _ask(warehouse: Warehouse, queries: dict[str, str]) -> Answers:
    with duckdb.connect(str(warehouse.path), read_only=True) as con:
        con.execute("SET TimeZone = 'UTC'")
        return {name: con.sql(query).fetchall() for name, query in queries.items()}


def _views(warehouse: Warehouse) -> dict[str, str]:
    """Return a query of each view with the columns that V015 gave it, the widest to the narrowest."""
    columns = "SELECT view_name, list('\"' || column_name || '\"' ORDER BY column_index) FROM duckdb_columns() "
    columns += "JOIN duckdb_views() ON view_name = table_name WHERE NOT duckdb_views.internal GROUP BY view_name"
    named = _ask(warehouse, {"views": columns})["views"]
    return {name: f"SELECT {', '.join(names)} FROM {name} ORDER BY ALL" for name, names in named}


def _macros(warehouse: Warehouse) -> dict[str, str]:
    """Return a query of each macro: at each moment at which something happened, of each day, and of some runs."""
    [moments] = _ask(warehouse, {"": "SELECT list(DISTINCT happened_at::VARCHAR ORDER BY 1) FROM run_events"}).values()
    [days] = _ask(warehouse, {"": "SELECT list(DISTINCT as_of_date::VARCHAR ORDER BY 1) FROM runs"}).values()
    [runs] = _ask(warehouse, {"": "SELECT list(run_id ORDER BY run_id) FROM runs"}).values()
    at = [*moments[0][0], "2000-01-01 00:00:00+00", "infinity"]
    calls = [f"{macro}(TIMESTAMPTZ '{moment}')" for moment in at for macro in ("visible_runs_as_of", "targets_as_of")]
    calls += [f"target_changes_of('{day}')" for day in days[0][0]]
    calls += [f"run_difference('{one}', '{other}')" for one in runs[0][0][::5] for other in runs[0][0][::3]]
    calls += [
        f"{macro}('{portfolio}', '{asset}', '{day}')"
        for macro in ("explain", "what_would_change", "sizing_steps")
        for portfolio, asset in ASSETS
        for day in days[0][0][-2:]
    ]
    return {call: f"FROM {call} ORDER BY ALL" for call in calls}


@pytest.mark.slow
def test_every_view_gives_the_same_rows(old: Warehouse, migrated: Warehouse) -> None:
    views = _views(old)
    before, after = _ask(old, views), _ask(migrated, views)
    assert [name for name in views if before[name] != after[name]] == []
    assert len([name for name, rows in before.items() if rows]) > 25


@pytest.mark.slow
def test_every_macro_gives_the_same_rows(old: Warehouse, migrated: Warehouse) -> None:
    macros = _macros(old)
    before, after = _ask(old, macros), _ask(migrated, macros)
    assert [name for name in macros if before[name] != after[name]] == []
    assert len([name for name, rows in before.items() if rows]) > 50


def test_a_list_of_all_portfolios_is_in_no_cell(migrated: Warehouse) -> None:
    answers = _ask(
        migrated,
        {
            "runs": "SELECT json_keys(inputs) FROM runs",
            "counts": "SELECT run_id FROM runs WHERE n_portfolios <> (SELECT count(*) FROM run_portfolios AS own "
            "WHERE own.run_id = runs.run_id)",
            "sets": "SELECT count(*), count(DISTINCT limits) FROM limit_sets",
            "used": "FROM limit_sets ANTI JOIN run_portfolios USING (limits_key)",
        },
    )
    of_one = {"holdings", "books", "lifecycle", "lifecycle_read_by", "returns_read_by", "not_in_positions"}
    assert not any(of_one & {*keys} for (keys,) in answers["runs"])
    assert answers["counts"] == answers["used"] == []
    assert answers["sets"] == [(7, 7)]


@pytest.mark.slow
def test_what_was_migrated_is_sound(make_old: Callable[[], Warehouse]) -> None:
    made = make_old()
    made.migrate()
    made.export(made.query("visible_days")["as_of_date"].to_list())
    made.snapshot()
    assert verify(made, lambda _name, _done, _total: None).failures == ()
