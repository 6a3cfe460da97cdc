"""A lake that an earlier release kept: refused in a sentence, moved into a file, migrated there, and moved back."""

import gzip
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import sql.lake
from flows.cli.app import execute as ballast
from sql.admin.maintenance import verify
from sql.engine import lake_schema
from sql.engine.scripts import Folder, Script, read_scripts
from sql.engine.statements import execute, literal, tables, transaction
from sql.engine.table_copies import copy_tables
from sql.errors import MigrationError
from tasks.config.settings import Settings
from tasks.operations.store_move import move_store
from tests.scale.conftest import MakeLake
from tests.scale.test_lake_failures import _environment
from tests.sql.files.test_upgrade_of_v015 import KEPT

pytestmark = pytest.mark.slow

THEN = "V015"


def _scripts_then(folder: Folder) -> tuple[Script, ...]:
    scripts = read_scripts(folder)
    return tuple(one for one in scripts if one.version <= THEN) if folder == "migrations" else scripts


@contextmanager
def _as_then() -> Iterator[None]:
    """Make lakes as the release of then did."""
    caches = (lake_schema.guards, lake_schema._in_memory)  # noqa: SLF001 - each release has its own
    with pytest.MonkeyPatch.context() as patch:
        for module in (sql.lake, lake_schema):
            patch.setattr(module, "read_scripts", _scripts_then)
        for cached in caches:
            cached.cache_clear()
        yield
    for cached in caches:
        cached.cache_clear()


@pytest.fixture
def old_file(tmp_path: Path) -> Path:
    """The six days that V015 kept, run by its own code."""
    path = tmp_path / "v015.duckdb"
    with gzip.open(KEPT) as packed, path.open("wb") as unpacked:
        shutil.copyfileobj(packed, unpacked)
    return path


@pytest.fixture
def earlier(make_lake: MakeLake, old_file: Path) -> Settings:
    """A lake with the tables that its migrations made and the rows that its code wrote: a move reads nothing else."""
    lake = make_lake()
    with _as_then(), lake.open_lake().place.created() as con:
        with transaction(con):
            lake_schema.make_tables(con)
        execute(con, f"ATTACH {literal(old_file)} AS old_file (READ_ONLY)")
        with transaction(con):
            copy_tables(con, tables(con), "old_file.main", "lake.main")
        execute(con, "DETACH old_file")
    return lake


@pytest.mark.usefixtures("shown")
def test_a_run_on_it_is_refused_in_one_sentence(
    earlier: Settings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    sentence = f"is of version {THEN}, the code is of V"
    with pytest.raises(MigrationError, match=f"{sentence}.*`ballast db move --to embedded`.*`--to ducklake`"):
        earlier.open_warehouse().migrate()
    for name, value in _environment(earlier).items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as left:
        ballast(["run", "--inbox", str(earlier.inbox), "--config", str(earlier.config), "--as-of", "2025-06-06"])
    said = capsys.readouterr()
    assert left.value.code == 1
    assert said.err.count(sentence) == 1
    assert "Traceback" not in said.err


def test_it_is_moved_into_a_file_migrated_and_moved_back(
    earlier: Settings, old_file: Path, make_lake: MakeLake, tmp_path: Path
) -> None:
    migrated = earlier.at({"warehouse": old_file})
    assert migrated.open_warehouse().migrate()[0] > THEN
    file = earlier.at({"warehouse": tmp_path / "moved.duckdb"})
    assert move_store(file, "embedded").n_rows["runs"] > 5
    back = make_lake(lake_data=str(tmp_path / "back")).model_copy(update={"warehouse": file.warehouse})
    move_store(back, "ducklake")
    with migrated.open_warehouse().connected() as con:
        names = [name for name in tables(con) if name not in {"views_made", "schema_migrations", "recoveries"}]
        expected = {name: execute(con, f"FROM {name} ORDER BY ALL") for name in names}
    assert sum(map(len, expected.values())) > 1_000
    for store in (file, back):
        with store.open_warehouse().connected() as con:
            assert {name: execute(con, f"FROM {name} ORDER BY ALL") for name in names} == expected
        assert verify(store.open_warehouse(), lambda *_: None, has_copies=False).failures == ()
    with pytest.raises(MigrationError, match="is of version V015"):
        earlier.open_warehouse().migrate()
