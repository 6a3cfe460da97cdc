"""`ballast db` as a person meets it: exit codes, one sentence for a mistake, plain tables when piped."""

import json
from pathlib import Path

import duckdb
import pytest

from tests.helpers.command_line import Ballast, typed


@pytest.fixture(scope="module", autouse=True)
def _new_warehouses_are_copies() -> None:
    """Each warehouse is a new one: two copies would have one identity."""


@pytest.fixture
def ballast(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Ballast:
    for name in ("warehouse", "snapshot", "export_folder"):
        monkeypatch.setenv(f"BALLAST_{name.upper()}", str(tmp_path / f"{name}.duckdb"))
    return typed(capsys, "db")


@pytest.mark.slow
def test_the_way_from_nothing_to_a_restored_warehouse(ballast: Ballast, tmp_path: Path) -> None:
    assert ballast("status")[0] == 1
    assert "ballast db migrate" in ballast("verify")[2]
    assert "V001" in ballast("migrate")[1]
    assert "nothing to apply" in ballast("migrate")[1]
    code, out, _ = ballast("status")
    assert (code, "never" in out, "none yet" in out) == (0, True, True)
    [told] = json.loads(ballast("status", "--json")[1])
    assert (told["pending"], told["last_run_id"], told["is_snapshot_current"]) == ([], None, False)
    assert told["version"] == told["code_version"]
    assert "no day is published" in ballast("snapshot")[1]
    assert "backup:" in ballast("backup", tmp_path / "b.duckdb")[1]
    code, out, _ = ballast("restore", tmp_path / "b.duckdb")
    assert (code, "kept in" in out) == (0, True)
    code, out, err = ballast("verify")
    assert (code, err) == (0, "")
    assert "is sound" in out
    code, out, err = ballast("verify", "--json")
    assert (code, json.loads(out), "is sound" in err) == (0, [], True)


@pytest.mark.slow
def test_a_migration_names_the_command_that_renews_a_snapshot(ballast: Ballast, tmp_path: Path) -> None:
    assert "snapshot" not in ballast("migrate")[1]
    (tmp_path / "snapshot.duckdb").touch()
    assert "`ballast db snapshot` brings it up to date" in ballast("migrate")[1]


@pytest.mark.slow
def test_a_warehouse_with_a_fault_is_told_as_a_table_and_exit_code_1(ballast: Ballast, tmp_path: Path) -> None:
    ballast("migrate")
    with duckdb.connect(str(tmp_path / "warehouse.duckdb")) as con:
        con.execute("INSERT INTO rejects VALUES (7, 1, '{}', 'rule', 'reason')").fetchall()
    code, out, err = ballast("verify")
    assert code == 1
    assert "every_ingest_adds_up" in out
    code, told, _ = ballast("verify", "--json")
    assert (code, [one["what"] for one in json.loads(told)]) == (1, ["every_ingest_adds_up"])
    assert "ingest 7" in out
    assert "1 failure in" in err
    assert "restore a backup" in err


@pytest.mark.slow
def test_a_backup_that_is_none_is_one_sentence(ballast: Ballast, tmp_path: Path) -> None:
    ballast("migrate")
    (tmp_path / "b.duckdb").write_text("no database")
    code, _, err = ballast("restore", tmp_path / "b.duckdb")
    assert code == 1
    assert err.count("\n") == 1
    assert "give another backup" in err


@pytest.mark.slow
def test_the_copies_of_one_warehouse_are_never_made_of_another(ballast: Ballast, tmp_path: Path) -> None:
    ballast("migrate")
    ballast("snapshot")
    ballast("backup", tmp_path / "b.duckdb")
    before = (tmp_path / "snapshot.duckdb").read_bytes()
    other = ("--warehouse", tmp_path / "other.duckdb")
    for words in (("restore", tmp_path / "b.duckdb"), ("snapshot",)):
        code, _, err = ballast(*words, *other)
        assert (code, "give --snapshot too" in err) == (2, True)
    assert not (tmp_path / "other.duckdb").exists()
    copies = ("--snapshot", tmp_path / "s.duckdb", "--export-folder", tmp_path / "e")
    assert ballast("restore", tmp_path / "b.duckdb", *other, *copies)[0] == 0
    assert (tmp_path / "s.duckdb").exists()
    assert (tmp_path / "snapshot.duckdb").read_bytes() == before
    code, out, err = ballast("verify", *other)
    assert (code, "is sound" in out) == (0, True)
    assert "not compared with its copies: give --snapshot and --export-folder" in err


@pytest.mark.slow
def test_the_copies_of_a_named_warehouse_are_beside_it(ballast: Ballast, tmp_path: Path) -> None:
    ballast("migrate")
    ballast("snapshot")
    before = (tmp_path / "snapshot.duckdb").read_bytes()
    other = tmp_path / "two" / "w.duckdb"
    for words in (("migrate",), ("snapshot",), ("backup",), ("verify",)):
        assert ballast(*words, "--warehouse", other)[0] == 0
    assert {path.name for path in other.parent.iterdir()} >= {"w.duckdb", "snapshot.duckdb", "backups"}
    code, _, err = ballast("snapshot", "--warehouse", other, "--snapshot", tmp_path / "snapshot.duckdb")
    assert (code, err.count("\n"), "belongs to another warehouse" in err) == (1, 1, True)
    assert (tmp_path / "snapshot.duckdb").read_bytes() == before
