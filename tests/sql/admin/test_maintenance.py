"""The warehouse is proved, copied and put back; what is wrong with it is found and named."""

import shutil
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import duckdb
import polars as pl
import pytest

from sql.admin.maintenance import backup, read_status, renew_exports, restore, verify
from sql.admin.verification import Verification
from sql.errors import HaltedError, MigrationError, WarehouseError, WarehouseLockedError
from sql.warehouse import Warehouse
from tests.sql.warehouse_samples import DAY, TWO, StartWorker, ingest, make_rejects, make_scores, make_source, publish

NEXT = DAY + timedelta(days=1)
FIRST_BLOCK, BLOCK_SIZE = 12_288, 262_144
SEEN = "SELECT run_id, count(*) FROM current_targets GROUP BY run_id ORDER BY run_id"


def _silent(_name: str, _done: int, _total: int) -> None:
    """Tell nobody."""


def _verify(warehouse: Warehouse) -> Verification:
    return verify(warehouse, _silent)


def _change(warehouse: Warehouse, sql: str) -> None:
    with duckdb.connect(str(warehouse.path)) as con:
        con.execute(sql).fetchall()


def _seen(path: Path) -> list[tuple[object, ...]]:
    with duckdb.connect(str(path), read_only=True) as con:
        return con.sql(SEEN).fetchall()


def _exports(folder: Path) -> dict[date, list[str]]:
    """Return the runs of each day's export."""
    return {
        date.fromisoformat(path.parent.name[-10:]): pl.read_parquet(path)["run_id"].unique().to_list()
        for path in sorted(folder.glob("*/*.parquet"))
    }


def _rot(path: Path) -> None:
    """Spoil a block of the rejects."""
    with duckdb.connect(str(path)) as con:
        con.execute(
            "INSERT INTO rejects SELECT 9, range, '{}', hash(range)::VARCHAR, '' FROM range(200_000)"
        ).fetchall()
        con.execute("CHECKPOINT").fetchall()
        [(block,)] = con.execute("SELECT max(block_id) FROM pragma_storage_info('rejects') WHERE persistent").fetchall()
    with path.open("r+b") as file:
        file.seek(FIRST_BLOCK + block * BLOCK_SIZE + 1000)
        file.write(b"rot")


@pytest.fixture(scope="module")
def made(make_migrated: Callable[[], Warehouse]) -> Warehouse:
    """A warehouse with ingests of every result, a day that was run twice, and a snapshot."""
    warehouse = make_migrated()
    with warehouse.kept_open() as session:
        ingest(session, make_source("a"), make_scores(AAA=0.5, BBB=0.6), make_rejects(3))
        ingest(session, make_source("b"), make_scores(AAA=0.7))
        session.record_refusal(make_source("c"), "no header")
        publish(session, "r1", TWO)
        publish(session, "r2", TWO)
        session.snapshot(DAY)
    return warehouse


@pytest.fixture
def warehouse(made: Warehouse, tmp_path: Path) -> Warehouse:
    """A copy of it, that a test may spoil."""
    shutil.copytree(made.path.parent, tmp_path / "w")
    folder = tmp_path / "w"
    return Warehouse(folder / made.path.name, folder / "readers" / "snapshot.duckdb", folder / "export", 1.0)


def test_a_sound_warehouse_passes_and_says_what_it_looks_at(warehouse: Warehouse) -> None:
    told: list[tuple[str, int, int]] = []
    verification = verify(warehouse, lambda *step: told.append(step))
    assert verification.failures == ()
    names = [name for name, _, _ in told]
    assert {"table scores is readable", "every_ingest_adds_up", "runs r1 to r2", "done"} <= set(names)
    assert [done for _, done, _ in told] == list(range(verification.n_steps + 1))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("damage", "failing", "words"),
    [
        ("DELETE FROM scores WHERE asset = 'BBB'", "every_ingest_adds_up", "2 accepted (1 stored as scores)"),
        ("DELETE FROM rejects", "every_ingest_adds_up", "1 rejected (0 in rejects, 0 not kept)"),
        ("DELETE FROM ingests WHERE sha256 = 'a'", "every_ingest_adds_up", "ingest 1: no rows read"),
        ("INSERT INTO scores FROM scores WHERE asset = 'BBB'", "ingested_rows_are_unique", "default BBB 2 times"),
        ("UPDATE scores SET row_number = 3", "ingested_rows_are_unique", "rows with row_number 3"),
        ("DELETE FROM runs WHERE run_id = 'r1'", "every_row_belongs_to_a_run", "2 rows in constraint_checks of run r1"),
        ("DELETE FROM run_portfolios WHERE portfolio_id = 'p1'", "every_row_belongs_to_a_run", "run_portfolios has"),
        ("DELETE FROM limit_sets", "every_row_belongs_to_a_run", "are not in limit_sets"),
        ("DELETE FROM visibility WHERE run_id = 'r1'", "visibility_is_as_published", "0 times in visibility"),
        ("UPDATE visibility SET current_until = now()", "visibility_is_as_published", "0 times as published"),
        (
            "UPDATE targets SET target_weight = 0.4 WHERE asset = 'CASH' AND run_id = 'r1' AND portfolio_id = 'p1'",
            "run r1: targets_add_up_to_total",
            "p1",
        ),
        ("UPDATE targets SET action = 'hold' WHERE run_id = 'r2'", "the snapshot shows the same", "db snapshot"),
    ],
)
def test_what_is_wrong_is_found_and_named(warehouse: Warehouse, damage: str, failing: str, words: str) -> None:
    _change(warehouse, damage)
    verification = _verify(warehouse)
    assert words in {name: first for name, _, first in verification.failures}[failing]
    assert "db restore" in verification.advice


@pytest.mark.slow
def test_a_block_that_rotted_is_found_and_told_once_of_a_backup(warehouse: Warehouse, tmp_path: Path) -> None:
    shutil.copy(warehouse.path, tmp_path / "rotten.duckdb")
    _rot(tmp_path / "rotten.duckdb")
    with pytest.raises(WarehouseError) as refused:
        restore(warehouse, tmp_path / "rotten.duckdb", _silent)
    said = str(refused.value)
    assert said == f"{tmp_path}/rotten.duckdb is damaged or no DuckDB file: nothing was changed: give another backup"
    _rot(warehouse.path)
    failures = _verify(warehouse).failures
    assert "table rejects is readable" in {name for name, _, _ in failures}
    assert any("damaged or cut short" in first for _, _, first in failures)


def test_an_edited_migration_is_found(warehouse: Warehouse) -> None:
    _change(warehouse, "UPDATE schema_migrations SET checksum = 'x' WHERE version = 'V001'")
    with pytest.raises(MigrationError, match="edited after they were applied"):
        _verify(warehouse)


@pytest.mark.slow
def test_a_snapshot_that_is_behind_is_told_until_it_is_made_anew(warehouse: Warehouse) -> None:
    publish(warehouse, "r3", TWO, NEXT)
    assert not read_status(warehouse).is_snapshot_current
    verification = _verify(warehouse)
    [snapshot, exports] = verification.failures
    assert (snapshot[0], "db snapshot" in snapshot[2]) == ("the snapshot shows the same", True)
    assert (exports[0], f"{NEXT}: write it again" in exports[2]) == ("the exports show the same", True)
    assert "sound: write its copies again with `ballast db snapshot`" in verification.advice
    assert warehouse.snapshot().export_path == warehouse.export_folder / f"as_of_date={NEXT}" / "targets.parquet"
    assert read_status(warehouse).is_snapshot_current
    assert _verify(warehouse).failures == ()


def test_the_status_tells_what_is_there(warehouse: Warehouse) -> None:
    status = read_status(warehouse)
    rows = dict(status.rows.rows())
    assert (rows["ingests"], rows["scores"], rows["rejects"], rows["runs"]) == (3, 3, 1, 2)
    assert (status.pending, status.n_recoveries, status.wal_bytes) == ((), 0, 0)
    assert status.size_bytes == warehouse.path.stat().st_size
    assert status.migrations["version"][-1] == status.code_version
    assert status.last_publication is not None
    assert status.last_publication["run_id"] == "r2"


def test_a_backup_is_whole_and_never_overwrites(warehouse: Warehouse) -> None:
    path = backup(warehouse, None)
    assert path.parent == warehouse.path.parent / "backups"
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    assert _seen(path) == _seen(warehouse.path)
    with pytest.raises(WarehouseError, match="is there already and is not overwritten"):
        backup(warehouse, path)


@pytest.mark.slow
def test_a_restored_warehouse_is_as_it_was_and_the_other_is_kept(warehouse: Warehouse, tmp_path: Path) -> None:
    path = backup(warehouse, tmp_path / "monday.duckdb")
    before = _seen(warehouse.path)
    publish(warehouse, "r3", TWO)
    later = _seen(warehouse.path)
    kept = restore(warehouse, path, _silent).kept
    assert kept is not None
    assert (_seen(warehouse.path), _seen(warehouse.snapshot_path), _seen(kept)) == (before, before, later)
    assert _verify(warehouse).failures == ()
    publish(warehouse, "r4", TWO)
    assert _seen(kept) == later


@pytest.mark.slow
def test_restored_exports_are_those_of_the_backup_and_the_others_are_kept(warehouse: Warehouse, tmp_path: Path) -> None:
    path = backup(warehouse, tmp_path / "monday.duckdb")
    of_backup = _exports(warehouse.export_folder)
    publish(warehouse, "r3", TWO)
    publish(warehouse, "r4", TWO, NEXT)
    warehouse.export([DAY, NEXT])
    later = _exports(warehouse.export_folder)
    restored = restore(warehouse, path, _silent)
    assert restored.exports == ((DAY,), (NEXT,))
    assert restored.kept is not None
    assert restored.exports_kept.name == f"{restored.kept.name}.targets"
    assert _exports(warehouse.export_folder) == of_backup == {DAY: ["r2"]}
    assert _exports(restored.exports_kept) == later == {DAY: ["r3"], NEXT: ["r4"]}
    assert [folder.name for folder in warehouse.export_folder.iterdir()] == [f"as_of_date={DAY}"]
    assert _verify(warehouse).failures == ()


def test_exports_that_are_missing_or_broken_are_made_anew(warehouse: Warehouse) -> None:
    publish(warehouse, "r3", TWO, NEXT)
    (warehouse.export_folder / f"as_of_date={DAY}" / "targets.parquet").write_text("broken")
    exports, kept = renew_exports(warehouse)
    assert exports == ((DAY, NEXT), ())
    assert (kept / f"as_of_date={DAY}" / "targets.parquet").read_text() == "broken"
    assert _exports(warehouse.export_folder) == {DAY: ["r2"], NEXT: ["r3"]}
    assert renew_exports(warehouse)[0] == ((), ())


@pytest.mark.slow
def test_a_damaged_warehouse_is_replaced_and_kept_with_its_log(warehouse: Warehouse, tmp_path: Path) -> None:
    path = backup(warehouse, tmp_path / "monday.duckdb")
    before = _seen(warehouse.path)
    wal = warehouse.path.with_name(f"{warehouse.path.name}.wal")
    warehouse.path.write_bytes(b"rotten")
    wal.write_bytes(b"log")
    kept = restore(warehouse, path, _silent).kept
    assert kept is not None
    assert (kept.read_bytes(), kept.with_name(f"{kept.name}.wal").read_bytes()) == (b"rotten", b"log")
    assert not wal.exists()
    assert _seen(warehouse.path) == before


def test_a_lost_warehouse_is_restored(warehouse: Warehouse, tmp_path: Path) -> None:
    path = backup(warehouse, tmp_path / "monday.duckdb")
    warehouse.path.unlink()
    assert restore(warehouse, path, _silent).kept is None
    assert _seen(warehouse.path) == _seen(path)


def test_a_backup_that_is_not_sound_is_refused_and_nothing_is_changed(warehouse: Warehouse, tmp_path: Path) -> None:
    path = backup(warehouse, tmp_path / "monday.duckdb")
    with duckdb.connect(str(path)) as con:
        con.execute("DELETE FROM scores WHERE asset = 'BBB'").fetchall()
    foreign, text = tmp_path / "foreign.duckdb", tmp_path / "text.duckdb"
    with duckdb.connect(str(foreign)) as con:
        con.execute("CREATE TABLE customers (name VARCHAR)").fetchall()
    text.write_text("no database")
    content = warehouse.path.read_bytes()
    for broken, words in (
        (path, "not sound, 1 failure: every_ingest_adds_up"),
        (foreign, "no warehouse"),
        (text, "no DuckDB file"),
        (tmp_path / "none", "no backup at"),
        (tmp_path, "is a folder: give the file"),
    ):
        with pytest.raises(WarehouseError, match=words):
            restore(warehouse, broken, _silent)
    assert warehouse.path.read_bytes() == content
    assert [file.name for file in warehouse.path.parent.glob("*.duckdb")] == [warehouse.path.name]


@pytest.mark.slow
def test_a_warehouse_in_use_or_of_another_application_is_not_replaced(
    warehouse: Warehouse, tmp_path: Path, start_worker: StartWorker
) -> None:
    path = backup(warehouse, tmp_path / "monday.duckdb")
    with start_worker("hold", warehouse.path.parent, "60") as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        with pytest.raises(WarehouseLockedError):
            restore(warehouse, path, _silent)
        holder.kill()
    warehouse.path.unlink()
    with duckdb.connect(str(warehouse.path)) as con:
        con.execute("CREATE TABLE customers (name VARCHAR)").fetchall()
    content = warehouse.path.read_bytes()
    with pytest.raises(WarehouseError, match="another application"):
        restore(warehouse, path, _silent)
    assert warehouse.path.read_bytes() == content


def _halts(warehouse: Warehouse) -> list[tuple[object, ...]]:
    return warehouse.query("halts_in_force").select("portfolio_id", "by", "reason").rows()


@pytest.mark.slow
def test_what_is_halted_stays_halted_when_an_older_backup_is_restored(
    warehouse: Warehouse, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with warehouse.kept_open() as session:
        session.halt(["p2", "p3"], "eve", "a merger")
    path = backup(warehouse, tmp_path / "monday.duckdb")
    with warehouse.kept_open() as session:
        session.resume(["p3"], "eve", "it is over")
        session.halt(["p1"], "eve", "prices look wrong")
        session.halt(["p1"], "tom", "a fund is closed")
        session.halt(None, "eve", "the exchange is down")
        since = session.query("halts_in_force").select("portfolio_id", "since")
    restore(warehouse, path, _silent)
    assert _halts(warehouse) == [
        (None, "eve", "the exchange is down"),
        ("p1", "eve, tom", "a fund is closed; prices look wrong"),
        ("p2", "eve", "a merger"),
        ("p3", "eve", "a merger"),
    ]
    after = warehouse.query("halts_in_force").select("portfolio_id", "since")
    assert after.filter(pl.col("portfolio_id").ne_missing("p3")).equals(since)
    assert "halted after the restore, lift with `ballast resume` what need not be: all portfolios since" in caplog.text
    with pytest.raises(HaltedError):
        publish(warehouse, "r3", TWO)
    assert _verify(warehouse).failures == ()


@pytest.mark.slow
def test_all_portfolios_are_halted_after_a_damaged_warehouse(
    warehouse: Warehouse, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = backup(warehouse, tmp_path / "monday.duckdb")
    warehouse.path.write_bytes(b"rotten")
    kept = restore(warehouse, path, _silent).kept
    assert kept is not None
    assert _halts(warehouse) == [(None, "restore", f"what was halted in {kept.name} cannot be read")]
    assert "halted after the restore" in caplog.text
    warehouse.resume(None, "eve", "nothing was")
    assert publish(warehouse, "r3", TWO) == ("r2",)


def test_unknown_halts_are_reported_where_there_was_no_warehouse(
    warehouse: Warehouse, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = backup(warehouse, tmp_path / "monday.duckdb")
    warehouse.path.unlink()
    restore(warehouse, path, _silent)
    assert (_halts(warehouse), "what was halted after the backup is not known" in caplog.text) == ([], True)


def test_a_refused_file_that_readers_do_not_see_is_behind_too(warehouse: Warehouse) -> None:
    warehouse.snapshot()
    warehouse.record_refusal(make_source("c" * 64, as_of_date=NEXT), "no header")
    assert not read_status(warehouse).is_snapshot_current
    warehouse.snapshot()
    assert read_status(warehouse).is_snapshot_current
