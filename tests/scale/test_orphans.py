"""Files of a lake that no table has: listed, and removed when they are old and nobody writes or computes."""

import fcntl
import os
import time
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from flows.cli.app import execute as ballast
from sql.admin.orphans import KEPT_DAYS, clean
from sql.engine.statements import execute
from sql.errors import WarehouseError, WarehouseLockedError
from sql.files.atomic_files import locked
from tasks.config.settings import Settings
from tests.conftest import SAMPLE_DAYS
from tests.helpers.installation import publish_days
from tests.helpers.s3_server import S3Server
from tests.scale.conftest import MakeLake
from tests.scale.test_lake_failures import _environment, _work
from tests.scale.test_shards_in_a_lake import computed, publish

DAY, NEXT_DAY = SAMPLE_DAYS[:2]


def _age(path: Path, days: float = KEPT_DAYS + 1) -> None:
    """Make the files below a path look older."""
    then = time.time() - timedelta(days=days).total_seconds()
    for one in (path, *path.rglob("*")):
        os.utime(one, (then, then))


def _files(lake: Settings) -> set[Path]:
    return {path for path in Path(lake.lake_data).rglob("*") if path.is_file()}


def _rows(lake: Settings) -> pl.DataFrame:
    return lake.open_warehouse().query_snapshot("FROM targets ORDER BY ALL")


@pytest.fixture
def with_orphan(lake: Settings) -> Path:
    """Return a file of a transaction that was rolled back as a kill does it: nobody took the file away."""
    publish_days(lake, [DAY])
    before = _files(lake)
    with lake.open_warehouse().connected() as con:
        con.begin()
        execute(con, "INSERT INTO targets BY NAME SELECT * FROM targets")
        [path] = _files(lake) - before
        kept = path.read_bytes()
        con.rollback()
    path.write_bytes(kept)
    return path


def test_a_young_file_is_listed_and_stays(lake: Settings, with_orphan: Path) -> None:
    found = clean(lake.open_lake(), remove_old=True)
    assert found.select("table_name", "run_id", "n_bytes", "is_old").rows() == [
        ("targets", None, with_orphan.stat().st_size, False)
    ]
    assert with_orphan.exists()


def test_an_old_file_is_listed_first_and_removed_when_asked_to(lake: Settings, with_orphan: Path) -> None:
    _age(Path(lake.lake_data))
    before, rows = _files(lake), _rows(lake)
    assert clean(lake.open_lake(), remove_old=False)["is_old"].to_list() == [True]
    assert _files(lake) == before
    assert clean(lake.open_lake(), remove_old=True).height == 1
    assert _files(lake) == before - {with_orphan}
    assert clean(lake.open_lake(), remove_old=True).is_empty()
    assert _rows(lake).equals(rows)


def test_a_removal_that_was_killed_is_finished(lake: Settings, with_orphan: Path) -> None:
    """Killed after it had removed files, and before the catalog knew: they are not there when it goes on."""
    _age(Path(lake.lake_data))
    again = with_orphan.with_name("again.parquet")
    again.write_bytes(with_orphan.read_bytes())
    _age(again)
    opened = lake.open_lake()
    with opened.connected() as con:
        row = f"(9000, '{with_orphan.relative_to(lake.lake_data)}', true, '2020-01-01')"
        execute(con, f"INSERT INTO {opened.place.metadata}.ducklake_files_scheduled_for_deletion VALUES {row}")
    with_orphan.unlink()
    assert clean(opened, remove_old=True)["path"].to_list() == [str(again.relative_to(lake.lake_data))]
    assert not again.exists()
    assert clean(opened, remove_old=True).is_empty()


def test_files_of_others_below_the_data_path_are_not_touched(lake: Settings) -> None:
    publish_days(lake, [DAY])
    others = [Path(lake.lake_data, name) for name in ("theirs.parquet", "theirs/a.parquet", "main/targets/notes.txt")]
    for path in others:
        path.parent.mkdir(exist_ok=True)
        path.touch()
    _age(Path(lake.lake_data))
    assert clean(lake.open_lake(), remove_old=True).is_empty()
    assert all(path.exists() for path in others)


def test_who_is_writing_is_waited_for(lake: Settings) -> None:
    publish_days(lake, [DAY])
    with _work(lake, "hold", 3) as process:
        assert process.stdout
        assert process.stdout.readline() == "holding\n"
        with pytest.raises(WarehouseLockedError, match="held by ballast process"):
            clean(lake.model_copy(update={"lock_seconds": 0.1}).open_lake(), remove_old=True)


@pytest.fixture
def shards(lake: Settings) -> Path:
    """The folder of the shards of a run that was never published."""
    publish_days(lake, [DAY])
    run, result = computed(lake.model_copy(update={"shard_size": 1}))
    assert all(Path(file).exists() for rows in result.stored.values() for file in rows.files)
    return Path(lake.lake_data, "shards", run.run_id)


@pytest.mark.slow
def test_shards_of_a_run_go_together_when_all_are_old(lake: Settings, shards: Path) -> None:
    _age(Path(lake.lake_data))
    first = min(shards.glob("*.parquet"))
    first.touch()
    found = clean(lake.open_lake(), remove_old=True)
    assert set(found["run_id"]) == {shards.name}
    assert not found["is_old"].any()
    _age(first)
    assert found.height == clean(lake.open_lake(), remove_old=True).filter("is_old").height > 20
    assert not shards.exists()
    run, result = computed(lake.model_copy(update={"shard_size": 1}))
    publish(lake, run, result)
    assert _rows(lake)["as_of_date"].max() == NEXT_DAY


@pytest.mark.slow
def test_shards_in_a_bucket_go_together_when_all_are_old(
    in_a_bucket: Settings, bucket: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, _ = computed(in_a_bucket)
    folder = bucket.folder / in_a_bucket.lake_data.removeprefix("s3://") / "shards" / run.run_id
    found = clean(in_a_bucket.open_lake(), remove_old=True)
    assert set(found["run_id"]) == {run.run_id}
    assert not found["is_old"].any()
    monkeypatch.setattr("sql.admin.orphans.KEPT_DAYS", 0)  # the server of S3 remembers how old a file was
    assert clean(in_a_bucket.open_lake(), remove_old=True)["is_old"].all()
    assert not [*folder.glob("*")]
    run, result = computed(in_a_bucket)
    publish(in_a_bucket, run, result)
    assert _rows(in_a_bucket)["as_of_date"].max() == NEXT_DAY


@pytest.mark.slow
def test_shards_that_are_being_computed_stay(lake: Settings, shards: Path) -> None:
    _age(Path(lake.lake_data))
    with locked(shards.parent, fcntl.LOCK_NB):
        assert not clean(lake.open_lake(), remove_old=True)["is_old"].any()
    assert shards.exists()


@pytest.mark.slow
def test_shards_of_a_published_run_are_its_tables(lake: Settings) -> None:
    publish_days(lake, [DAY])
    in_shards = lake.model_copy(update={"shard_size": 1})
    run, result = computed(in_shards)
    publish(in_shards, run, result)
    _age(Path(lake.lake_data))
    rows = _rows(lake)
    left = Path(lake.lake_data, "shards", run.run_id, "00000000-7.targets.parquet")
    left.touch()
    _age(left)
    opened = lake.open_lake()
    with opened.connected() as con:  # DuckLake would take them for orphans, since the writer knows the folder by a link
        sql = "SELECT path FROM ducklake_delete_orphaned_files('lake', dry_run => true, cleanup_all => true)"
        assert len([path for (path,) in execute(con, sql) if run.run_id in path]) > 20
    assert clean(opened, remove_old=True).is_empty()
    assert left.exists()
    assert _rows(lake).equals(rows)


def test_a_file_that_a_table_lacks_ends_it(lake: Settings, with_orphan: Path) -> None:
    _age(Path(lake.lake_data))
    lost = next(path for path in with_orphan.parent.iterdir() if path != with_orphan)
    lost.rename(lost.with_suffix(".moved"))
    with pytest.raises(WarehouseError, match=r"1 file of tables are not below .*main/targets/.*Nothing was removed"):
        clean(lake.open_lake(), remove_old=True)
    assert with_orphan.exists()


def test_another_lake_with_the_same_data_ends_it(lake: Settings, make_lake: MakeLake) -> None:
    publish_days(lake, [DAY])
    make_lake(lake_data=lake.lake_data).open_warehouse().migrate()
    _age(Path(lake.lake_data))
    files = _files(lake)
    with pytest.raises(WarehouseError, match="have one data path"):
        clean(lake.open_lake(), remove_old=True)
    assert _files(lake) == files


def test_the_command_lists_and_removes(
    lake: Settings, with_orphan: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in _environment(lake).items():
        monkeypatch.setenv(name, value)
    _age(Path(lake.lake_data))
    for words, end in (["clean"], "`ballast db clean --remove` removes them"), (["clean", "--remove"], "removed"):
        with pytest.raises(SystemExit) as left:
            ballast(["db", *words])
        assert not left.value.code
        out = capsys.readouterr().out
        assert "table targets" in out
        assert out.splitlines()[-1].endswith(f"older than a week: {end}")
    assert not with_orphan.exists()
