"""Where an installation keeps its things when not all of it is said: the copies of a warehouse are beside it."""

from pathlib import Path

import pytest

from tasks.config.settings import Settings
from tasks.errors import UsageError
from tasks.operations.former_copies import warn_of_former_copies


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(f"BALLAST_{name.upper()}", raising=False)


@pytest.fixture(autouse=True, scope="module")
def _new_warehouses_are_copies() -> None:
    """Here two warehouses are two."""


def _places(settings: Settings) -> tuple[str, str]:
    return str(settings.snapshot), str(settings.export_folder)


def test_the_layout_of_the_default_warehouse_is_as_it_was() -> None:
    assert _places(Settings()) == (".ballast/snapshot.duckdb", ".ballast/targets")


@pytest.mark.parametrize("warehouse", ["../two/w.duckdb", "/data/w.duckdb", "w.duckdb", "link/w.duckdb"])
def test_the_copies_are_beside_the_warehouse_however_it_is_named(
    warehouse: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    beside = tuple(str(Path(warehouse).parent / name) for name in ("snapshot.duckdb", "targets"))
    assert _places(Settings().at({"warehouse": Path(warehouse)})) == beside
    Path(".env").write_text(f"BALLAST_WAREHOUSE={warehouse}\nBALLAST_SNAPSHOT=\n")
    assert _places(Settings()) == beside
    Path(".env").unlink()
    monkeypatch.setenv("BALLAST_WAREHOUSE", warehouse)
    assert _places(Settings()) == beside
    monkeypatch.setenv("BALLAST_SNAPSHOT", "own.duckdb")
    assert _places(Settings()) == ("own.duckdb", beside[1])


def test_a_warehouse_flag_does_not_use_the_copies_of_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("snapshot", "export_folder", "backup_folder"):
        monkeypatch.setenv(f"BALLAST_{name.upper()}", f"here/{name}")
    given = Settings().at({"warehouse": Path("two/w.duckdb")})
    assert _places(given) == ("two/snapshot.duckdb", "two/targets")
    assert given.backup_folder is None
    same = Settings().at({"warehouse": Path(".ballast/../.ballast/warehouse.duckdb")})
    assert _places(same) == ("here/snapshot", "here/export_folder")


def test_another_warehouse_needs_paths_of_its_own() -> None:
    other = {"warehouse": Path(".ballast/w2.duckdb")}
    with pytest.raises(UsageError, match="--snapshot and --export-folder"):
        Settings().writing_at(other)
    own = {"snapshot": Path("s.duckdb"), "export_folder": Path("e")}
    assert Settings().writing_at(other | own).snapshot == own["snapshot"]


@pytest.mark.slow
def test_a_former_snapshot_is_warned_of_while_it_exists(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("BALLAST_WAREHOUSE", "data/w.duckdb")
    settings = Settings()
    warehouse = settings.open_warehouse()
    warehouse.migrate()
    assert warn_of_former_copies(settings) == ()
    former = settings.model_copy(update={"snapshot": Path(".ballast/snapshot.duckdb")})
    former.open_warehouse().snapshot()
    [warning] = warn_of_former_copies(settings)
    assert "is not renewed: the copies are now data/snapshot.duckdb" in warning
    assert warn_of_former_copies(former) == ()
    Settings().at({"warehouse": Path("other/w.duckdb")}).open_warehouse().migrate()
    assert warn_of_former_copies(Settings().at({"warehouse": Path("other/w.duckdb")})) == ()
