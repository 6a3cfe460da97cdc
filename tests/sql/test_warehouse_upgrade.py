"""A warehouse of an earlier release, made by its own migration: it is brought forward, and keeps what it has."""

from datetime import timedelta
from pathlib import Path

import duckdb
import polars as pl
import pytest

from sql import warehouse
from sql.admin.maintenance import verify
from sql.engine import opening, scripts, views
from sql.engine.scripts import Script, read_scripts
from sql.errors import WarehouseError
from sql.store import runs
from sql.warehouse import Warehouse
from tests.sql.warehouse_samples import DAY, make_frames, make_run, make_warehouse, publish

OF_V001 = {
    "V001__foundation",
    "010_run_states",
    "020_latest_runs",
    "030_visible_runs_as_of",
    "040_visible_runs",
    "050_targets_as_of",
    "060_current_targets",
    "070_run_limits",
    "080_bucket_exposure",
    "every_constraint_holds",
    "every_holding_is_answered",
    "every_portfolio_is_summarised",
    "every_position_has_a_bucket",
    "every_position_is_explained",
    "every_size_is_a_target",
    "fingerprints_are_present",
    "no_bucket_above_its_limit",
    "no_weight_above_max_single_position",
    "no_weight_below_min_position_size",
    "one_cash_row",
    "one_target_per_asset",
    "rows_are_unique",
    "rows_belong_to_the_run",
    "summary_is_as_in_targets",
    "targets_add_up_to_total",
    "total_is_as_configured",
}
LATER = ("V002", "V003", "V004", "V005", "V006", "V007", "V008", "V010", "V011", "V012")
NEW_DECISION_COLUMNS = ("is_reserved", "gate_limit", "entry_score", "rival")


def _read_scripts_of_v001(folder: scripts.Folder) -> tuple[Script, ...]:
    released = {"migrations", "views", "checks/publication"}
    return tuple(script for script in read_scripts(folder) if folder not in released or script.name in OF_V001)


def _frames_of_v001() -> dict[str, pl.DataFrame]:
    frames = make_frames()
    frames["decisions"] = frames["decisions"].drop(NEW_DECISION_COLUMNS)
    frames["constraint_checks"] = frames["constraint_checks"].drop("reason")
    return frames


@pytest.fixture
def old(tmp_path: Path) -> Warehouse:
    """A file that V001 made, with a published day in it."""
    made = make_warehouse(tmp_path)
    with pytest.MonkeyPatch.context() as earlier:
        for module in (opening, views, runs):
            earlier.setattr(module, "read_scripts", _read_scripts_of_v001)
        earlier.setattr(warehouse, "are_just_made", lambda _: False)
        earlier.setattr(views, "_record", lambda *_: None)
        earlier.setattr(runs, "is_open_proposal", lambda _con, _run_id: False)
        for later in ("refuse_halted", "supersede_proposals"):
            earlier.setattr(runs, later, lambda *_: None)
        assert made.migrate() == ("V001",)
        made.start_run(make_run("r1"), "test")
        assert made.publish("r1", _frames_of_v001(), "test").is_new
    return made


def _rows(made: Warehouse, table: str) -> pl.DataFrame:
    with duckdb.connect(str(made.path), read_only=True) as con:
        return con.sql(f"FROM {table} WHERE run_id = 'r1' ORDER BY ALL").pl()


def test_what_was_published_before_keeps_every_row_and_cell(old: Warehouse) -> None:
    tables = ("decisions", "constraint_checks", "sizing_audit", "sizing_summary", "targets", "run_events")
    before = {table: _rows(old, table) for table in tables}
    assert old.migrate() == LATER
    after = {table: _rows(old, table) for table in tables}
    assert {table: frame.select(before[table].columns).equals(before[table]) for table, frame in after.items()} == (
        dict.fromkeys(tables, True)
    )


def test_what_was_not_kept_before_is_null_and_not_invented(old: Warehouse) -> None:
    old.migrate()
    assert _rows(old, "decisions").select(NEW_DECISION_COLUMNS).null_count().row(0) == (3, 3, 3, 3)
    assert _rows(old, "constraint_checks")["reason"].to_list() == [None]


def test_the_targets_stay_visible_with_the_decisions_behind_them(old: Warehouse) -> None:
    old.migrate()
    assert set(old.query("current_targets")["run_id"]) == {"r1"}
    with duckdb.connect(str(old.path), read_only=True) as con:
        rows = con.sql("SELECT asset, as_of_date, gate, entry_score FROM decisions_today").fetchall()
    assert rows == [
        ("AAA", DAY, None, None),
        ("BBB", DAY, None, None),
        ("CCC", DAY, "below_min_score_threshold", None),
    ]


def test_the_next_day_is_published_with_what_a_decision_tells_now(old: Warehouse) -> None:
    old.migrate()
    publish(old, "r2", as_of_date=DAY + timedelta(days=1))
    with duckdb.connect(str(old.path), read_only=True) as con:
        rows = con.sql(
            "SELECT DISTINCT run_id, asset, gate_limit, rival FROM decisions_today ORDER BY asset"
        ).fetchall()
    assert rows == [("r2", "AAA", None, "CCC"), ("r2", "BBB", None, "CCC"), ("r2", "CCC", 0.85, None)]


def test_a_snapshot_of_what_was_brought_forward_has_everything(old: Warehouse) -> None:
    old.migrate()
    old.snapshot(DAY)
    assert old.ask_snapshot("SELECT count(*), count(rival) FROM decisions_today").rows() == [(3, 0)]


def test_a_frame_of_the_earlier_release_is_refused_by_the_columns_that_it_lacks(old: Warehouse) -> None:
    old.migrate()
    old.start_run(make_run("r2"), "test")
    with pytest.raises(WarehouseError, match=r"table decisions .*4 columns missing \['is_reserved', 'gate_limit'"):
        old.publish("r2", _frames_of_v001(), "test")


def test_what_was_brought_forward_is_sound(old: Warehouse) -> None:
    old.migrate()
    old.snapshot()
    assert verify(old, lambda _name, _done, _total: None).failures == ()
