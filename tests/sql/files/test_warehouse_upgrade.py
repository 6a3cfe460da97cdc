"""A warehouse of an earlier release, made by its own migration: it is migrated, and keeps what it has."""

import json
import shutil
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import duckdb
import polars as pl
import pytest

from sql.admin.maintenance import verify
from sql.engine.opening import apply_migration
from sql.engine.scripts import read_script, read_scripts
from sql.engine.statements import insert
from sql.errors import WarehouseError
from sql.warehouse import Warehouse
from tests.sql.warehouse_samples import DAY, LIMITS, WEIGHT, make_frames, make_run, make_warehouse, publish

LATER = tuple(script.version for script in read_scripts("migrations") if script.version != "V001")
NEW_DECISION_COLUMNS = (
    *("is_reserved", "gate_limit", "entry_score", "rival"),
    *("is_locked", "kept_by", "kept_from", "days_held", "grace_count", "gate_days_left"),
)
NEW_TARGET_COLUMNS = ("post_trade_weight", "trade_reason", "trade_scale")
NEW_RISK_COLUMNS = {
    "sizing_audit": (
        *("volatility", "n_returns", "volatility_multiplier", "crowding", "crowding_multiplier", "moves_with"),
        *("position_cap", "risk_share"),
    ),
    "sizing_summary": (
        *("reference_volatility", "unscaled_volatility", "portfolio_volatility", "risk_scale", "n_sessions"),
        "n_unknown_correlations",
    ),
}
LATER_TABLES = {"trade_summary", "lifecycle", "risk_estimates"}


def _frames_of_v001() -> dict[str, pl.DataFrame]:
    """Build the frames of a day with AAA held and its change of 0.02 within the band: not traded. CASH had no trade."""
    frames = make_frames(held={"AAA": "0.48"})
    frames["decisions"] = frames["decisions"].drop(NEW_DECISION_COLUMNS)
    for table, columns in NEW_RISK_COLUMNS.items():
        frames[table] = frames[table].drop(columns)
    frames["constraint_checks"] = frames["constraint_checks"].drop("reason", "basis")
    for table in LATER_TABLES:
        del frames[table]
    is_cash, is_held = pl.col("asset") == "CASH", pl.col("asset") == "AAA"
    nothing = pl.lit(0).cast(WEIGHT)
    frames["targets"] = (
        frames["targets"]
        .drop(NEW_TARGET_COLUMNS)
        .with_columns(
            current_weight=pl.when(is_cash).then(nothing).otherwise("current_weight"),
            trade_weight=pl.when(is_cash | is_held).then(nothing).otherwise("trade_weight"),
            action=pl.when(is_held).then(pl.lit("hold")).otherwise("action"),
            trade_rank=pl.when(~is_held).then(pl.col("trade_rank").clip(1, 2)),
        )
    )
    return frames


@pytest.fixture
def old(made_by_v001: Path, tmp_path: Path) -> Warehouse:
    """A file that V001 made, with a published day in it; to be changed."""
    made = make_warehouse(tmp_path)
    shutil.copy(made_by_v001, made.path)
    return made


@pytest.fixture(scope="module")
def made_by_v001(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("v001") / "live.duckdb"
    config, inputs = json.dumps({"portfolios": {"p1": LIMITS}}), json.dumps({"ingests": [1]})
    with duckdb.connect(str(path)) as con:
        apply_migration(con, read_script("migrations", "V001__foundation"))
        con.execute(
            "INSERT INTO runs VALUES ('r1', ?, ['p1'], 'input', 'config', 'code', ?, ?, NULL, now())",
            [DAY, config, inputs],
        )
        for table, frame in _frames_of_v001().items():
            insert(con, table, frame.with_columns(run_id=pl.lit("r1")))
        for number, state in enumerate(("started", "published"), start=1):
            con.execute("INSERT INTO run_events VALUES (?, 'r1', ?, now(), 'test', 'because')", [number, state])
    return path


def _rows(made: Warehouse, table: str) -> pl.DataFrame:
    with duckdb.connect(str(made.path), read_only=True) as con:
        return con.sql(f"FROM {table} WHERE run_id = 'r1' ORDER BY ALL").pl()


@pytest.mark.slow
def test_what_was_published_before_keeps_every_row_and_cell(old: Warehouse) -> None:
    tables = ("decisions", "constraint_checks", "sizing_audit", "sizing_summary", "targets", "run_events")
    before = {table: _rows(old, table) for table in tables}
    assert old.migrate() == LATER
    after = {table: _rows(old, table) for table in tables}
    assert {table: frame.select(before[table].columns).equals(before[table]) for table, frame in after.items()} == (
        dict.fromkeys(tables, True)
    )


@pytest.mark.slow
def test_what_was_not_kept_before_is_null_and_not_invented(old: Warehouse) -> None:
    old.migrate()
    assert _rows(old, "decisions").select(NEW_DECISION_COLUMNS).null_count().row(0) == (3,) * len(NEW_DECISION_COLUMNS)
    assert _rows(old, "constraint_checks").select("reason", "basis").rows() == [(None, "target")]
    assert _rows(old, "targets").select(NEW_TARGET_COLUMNS).null_count().row(0) == (4, 4, 4)
    assert _rows(old, "trade_summary").is_empty()


@pytest.mark.slow
def test_columns_that_came_later_are_no_part_of_what_a_run_published(old: Warehouse) -> None:
    old.migrate()
    published = old.read_run("r1")
    assert not {*published["decisions"].columns} & {*NEW_DECISION_COLUMNS}
    assert published["constraint_checks"]["basis"].to_list() == ["target"]
    publish(old, "r2", as_of_date=DAY + timedelta(days=1))
    assert {*old.read_run("r2")["decisions"].columns} >= {*NEW_DECISION_COLUMNS}


def test_what_is_remembered_of_holdings_comes_from_the_books(old: Warehouse) -> None:
    old.migrate()
    assert _rows(old, "lifecycle").select("asset", "is_held", "opened_on", "term_started_on", "closed_on").rows() == [
        ("AAA", True, None, DAY, []),
        ("BBB", True, DAY, DAY, []),
        ("CCC", False, None, None, [DAY]),
    ]


def test_the_day_after_starts_from_what_the_trades_before_left(old: Warehouse) -> None:
    old.migrate()
    held = old.query("holdings_after_runs", run_ids=["r1"]).select("asset", "current_weight").rows()
    assert held == [("AAA", Decimal("0.48")), ("BBB", Decimal("0.3"))]


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


@pytest.mark.slow
def test_the_next_day_is_published_with_what_a_decision_tells_now(old: Warehouse) -> None:
    old.migrate()
    publish(old, "r2", as_of_date=DAY + timedelta(days=1))
    with duckdb.connect(str(old.path), read_only=True) as con:
        rows = con.sql(
            "SELECT DISTINCT run_id, asset, gate_limit, rival FROM decisions_today ORDER BY asset"
        ).fetchall()
    assert rows == [("r2", "AAA", None, "CCC"), ("r2", "BBB", None, "CCC"), ("r2", "CCC", 0.85, None)]


@pytest.mark.slow
def test_a_snapshot_of_what_was_brought_forward_has_everything(old: Warehouse) -> None:
    old.migrate()
    old.snapshot(DAY)
    assert old.query_snapshot("SELECT count(*), count(rival) FROM decisions_today").rows() == [(3, 0)]


def test_a_frame_of_the_earlier_release_is_refused_by_the_columns_that_it_lacks(old: Warehouse) -> None:
    old.migrate()
    old.start_run(make_run("r2"), "test")
    with pytest.raises(WarehouseError, match=r"table decisions .*10 columns missing \['is_reserved', 'gate_limit'"):
        old.publish("r2", _frames_of_v001() | {table: make_frames()[table] for table in LATER_TABLES}, "test")


@pytest.mark.slow
def test_what_was_brought_forward_is_sound(old: Warehouse) -> None:
    old.migrate()
    old.snapshot()
    assert verify(old, lambda _name, _done, _total: None).failures == ()
