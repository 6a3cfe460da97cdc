"""Small files are merged: every answer stays, whoever reads or is killed meanwhile, and old files go in time."""

from collections import Counter
from pathlib import Path

import pytest
from polars.testing import assert_frame_equal

from sql.admin import merging, orphans
from sql.admin.maintenance import verify
from sql.admin.merging import ENOUGH_FILES, Merged, merge_small_files
from sql.admin.orphans import clean
from sql.engine.statements import execute, fill, tables
from sql.engine.table_contracts import RUN_TABLES
from sql.errors import WarehouseError
from tasks.config.settings import Settings
from tests.conftest import SAMPLE_DAYS
from tests.helpers.installation import publish_days
from tests.helpers.s3_server import S3Server
from tests.scale.conftest import MakeLake
from tests.scale.test_lake_failures import _count, _look, _work
from tests.scale.test_same_answers import QUESTIONS, _names, _rows
from tests.scale.test_shards_in_a_lake import computed, publish
from tests.sql.warehouse_samples import make_frames, make_run

FINGERPRINT = "SELECT count(*), sum(hash(t)::HUGEINT), bit_xor(hash(t)) FROM {} AS t"
Answers = dict[str, list[tuple[object, ...]]]


def _merge(lake: Settings) -> tuple[Merged, ...]:
    return merge_small_files(lake.open_lake(), enough=2)


def _ask(lake: Settings) -> Answers:
    """Return a fingerprint of every table, view and answer."""
    named = {name: FINGERPRINT.format(name) for name in _names(lake)}
    named |= {name: FINGERPRINT.format(f"({script.sql.rstrip().rstrip(';')})") for name, script in QUESTIONS.items()}
    with lake.open_warehouse().reading_snapshot() as con:
        return {name: con.execute(sql).fetchall() for name, sql in named.items()}


def _look_at_tables(lake: Settings) -> Answers:
    """Return a fingerprint of every table: of the views a kill says no more."""
    with lake.open_warehouse().reading_snapshot() as con:
        return {name: con.execute(FINGERPRINT.format(name)).fetchall() for name in tables(con)}


def _n_files(lake: Settings) -> dict[str, int]:
    """Return how many files each table has that has any, with those of deleted rows."""
    with lake.open_warehouse().reading_snapshot() as con:
        sql = "SELECT table_name, file_count + delete_file_count AS n FROM ducklake_table_info(current_database())"
        return {table: n for table, n in con.execute(sql).fetchall() if n}


def _files(lake: Settings) -> set[Path]:
    return set(Path(lake.lake_data).rglob("*.parquet"))


@pytest.fixture
def four_days(lake: Settings) -> Settings:
    publish_days(lake, SAMPLE_DAYS[:4])
    return lake


def test_every_answer_stays_and_days_go_on(four_days: Settings, sample_week: Settings) -> None:
    before, files = _ask(four_days), _n_files(four_days)
    assert sum(files.values()) > 60
    merged = _merge(four_days)
    assert {one.table for one in merged} == {table for table, n in files.items() if n > 1}
    assert set(_n_files(four_days).values()) == {1}
    assert _ask(four_days) == before
    assert _merge(four_days) == ()
    publish_days(four_days, SAMPLE_DAYS[4:])
    for name in _names(sample_week):
        expected, got = (_rows(one, f"FROM {name} ORDER BY ALL") for one in (sample_week, four_days))
        assert_frame_equal(got, expected, check_row_order=False)
    _merge(four_days)
    assert verify(four_days.open_warehouse(), lambda *_: None, has_copies=False).failures == ()


def test_few_files_stay_as_they_are(lake: Settings) -> None:
    publish_days(lake, SAMPLE_DAYS[:1])
    files = _n_files(lake)
    assert {one.table for one in merge_small_files(lake.open_lake())} == {
        table for table, n in files.items() if n >= ENOUGH_FILES
    }


def test_large_files_stay_and_the_others_are_merged_a_part_at_a_time(
    four_days: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = _ask(four_days)
    monkeypatch.setattr(merging, "_MOST_BYTES", 1)
    n_merged = Counter(one.table for one in _merge(four_days))
    assert n_merged["decisions"] > 1
    assert set(_n_files(four_days).values()) == {1}
    publish_days(four_days, SAMPLE_DAYS[4:])
    monkeypatch.setattr(merging, "SMALL_BYTES", 1)
    assert _merge(four_days) == ()
    assert _ask(four_days).keys() == before.keys()


def test_rows_that_differ_end_it_and_nothing_is_kept(lake: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    publish_days(lake, SAMPLE_DAYS[:2])
    before, files = _ask(lake), _n_files(lake)
    for name in ("append_rows_of_files", "delete_rows_of_files"):
        monkeypatch.setattr(merging, "fill", _without_a_row(name))
        with pytest.raises(WarehouseError, match=r"small files of table \w+ are not the same after they were merged"):
            _merge(lake)
        assert (_ask(lake), _n_files(lake)) == (before, files)


def _without_a_row(name: str) -> object:
    def changed(command: str, **identifiers: str) -> str:
        sql = fill(command, **identifiers)
        return sql.rstrip().rstrip(";") + " AND file_row_number > 0" if command == name else sql

    return changed


def test_what_was_merged_is_removed_when_nobody_reads_it_any_more(
    four_days: Settings, sample_week: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened, before, files = four_days.open_lake(), _ask(four_days), _files(four_days)
    with opened.reading_snapshot() as con:
        rows = con.execute("FROM decisions ORDER BY ALL").fetchall()
        merged = _merge(four_days)
        assert clean(opened, remove_old=True).is_empty()
        assert files < _files(four_days)
        assert con.execute("FROM decisions ORDER BY ALL").fetchall() == rows
    monkeypatch.setattr(orphans, "KEPT_DAYS", 0)
    for n_files in (len(_files(four_days)), sum(_n_files(four_days).values())):
        assert clean(opened, remove_old=True).is_empty()
        assert len(_files(four_days)) == n_files
    assert _ask(four_days) == before
    alone = {path for path in files if path.parent.name not in {one.table for one in merged}}
    assert files & _files(four_days) == alone
    publish_days(four_days, SAMPLE_DAYS[4:])
    assert_frame_equal(*(_rows(one, "FROM current_targets ORDER BY ALL") for one in (four_days, sample_week)))


@pytest.mark.slow
def test_files_of_shards_are_merged_as_others(lake: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    publish_days(lake, SAMPLE_DAYS[:1])
    in_shards = lake.model_copy(update={"shard_size": 1})
    run, result = computed(in_shards)
    publish(in_shards, run, result)
    before, of_shards = _ask(lake), {path for path in _files(lake) if path.parent.name == run.run_id}
    assert len(of_shards) > 20
    assert {*result.stored} <= {one.table for one in _merge(lake)}
    assert _ask(lake) == before
    monkeypatch.setattr(orphans, "KEPT_DAYS", 0)
    for _ in range(2):
        clean(lake.open_lake(), remove_old=True)
    assert not of_shards & _files(lake)
    assert _ask(lake) == before


def test_readers_see_whole_runs_while_files_are_merged(lake: Settings) -> None:
    warehouse, expected = lake.open_warehouse(), {table: frame.height for table, frame in make_frames().items()}
    expected["visibility"] = 1
    with _work(lake, "publish_and_merge", 6) as process:
        seen = Counter[int]()
        while process.poll() is None or not seen:
            seen[_look(lake, expected)] += 1
    assert process.returncode == 0
    assert _look(lake, expected) == 6
    assert seen.total() >= 10
    assert _n_files(lake)["targets"] == 1
    assert warehouse.query_snapshot("FROM run_events").height > 6


@pytest.mark.parametrize("milliseconds", [-1, 0, 4, 12, 24, 48])
def test_a_kill_while_files_are_merged_changes_no_answer(lake: Settings, milliseconds: int) -> None:
    warehouse = lake.open_warehouse()
    for run_id in ("r1", "r2"):
        warehouse.start_run(make_run(run_id), "test")
        warehouse.publish(run_id, make_frames(), "test")
    before = _look_at_tables(lake)
    with _work(lake, "merge", 3, milliseconds) as process:
        process.wait(timeout=120)
    assert process.returncode == -9
    assert _look_at_tables(lake) == before
    _merge(lake)
    assert _look_at_tables(lake) == before
    assert set(_n_files(lake).values()) == {1}
    assert _count(lake) == {table: 2 * len(make_frames()[table]) for table in RUN_TABLES} | {"visibility": 2}
    assert set(clean(lake.open_lake(), remove_old=True)["is_old"]) <= {False}


@pytest.mark.usefixtures("bucket")
def test_files_in_a_bucket_are_merged_and_removed(
    make_lake: MakeLake, s3_server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = make_lake(lake_data="s3://lake/merged")
    publish_days(lake, SAMPLE_DAYS[:2])
    opened, before, folder = lake.open_lake(), _ask(lake), s3_server.folder / "lake" / "merged"
    orphan = folder / "main" / "targets" / "killed.parquet"
    with opened.connected() as con:
        execute(con, "COPY targets TO 's3://lake/merged/main/targets/killed.parquet' (FORMAT parquet)")
    n_bytes = orphan.stat().st_size
    assert _merge(lake)
    assert _ask(lake) == before
    [found] = clean(opened, remove_old=True).rows(named=True)
    assert (found["path"], found["n_bytes"], found["is_old"]) == ("main/targets/killed.parquet", n_bytes, False)
    monkeypatch.setattr(orphans, "KEPT_DAYS", 0)
    for _ in range(2):
        clean(opened, remove_old=True)
    assert not orphan.exists()
    assert len([*folder.rglob("*.parquet")]) == sum(_n_files(lake).values())
    assert _ask(lake) == before
