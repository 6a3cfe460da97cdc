"""A large run in a lake: its shards are checked where they are computed, and their files become part of the tables."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from pydantic import SecretStr

from sql.errors import PublishRejectedError, WarehouseError
from sql.records import StoredRows
from tasks.config.settings import Settings
from tasks.inputs.fingerprints import code_fingerprint
from tasks.runs.run_record import OpenRun
from tasks.runs.shards import large_run, shard
from tasks.runs.shards.large_run import (
    ResultInShards,
    compute_in_shards,
    find_shards,
    remove_shards,
    rows_to_publish,
    shard_folder,
)
from tasks.runs.shards.shard import TABLES_OF_SHARDS, rows_of
from tests.conftest import SAMPLE, SAMPLE_DAYS
from tests.helpers.installation import begin, installed_in, publish_days
from tests.helpers.postgres_server import PostgresServer
from tests.helpers.s3_server import S3Server
from tests.scale.conftest import MakeLake, with_a_day
from tests.scale.cutting_proxy import When, cutting_proxy

pytestmark = pytest.mark.slow

DAY, NEXT_DAY = SAMPLE_DAYS[:2]


@pytest.fixture
def in_shards(lake: Settings) -> Settings:
    """Return a lake with a day, its data in a folder, and a shard for each portfolio."""
    return with_a_day(lake)


def computed(settings: Settings) -> tuple[OpenRun, ResultInShards]:
    run = begin(settings, NEXT_DAY)
    return run, compute_in_shards(settings, run)


def publish(settings: Settings, run: OpenRun, result: ResultInShards) -> None:
    settings.open_warehouse().publish(run.run_id, rows_to_publish(result), "test", run.warnings)


def require_rows_of_the_run(in_shards: Settings, tmp_path: Path) -> str:
    """Publish the next day in shards, compare every table with that of a file, and return the name of the run."""
    run, result = computed(in_shards)
    assert {*result.stored} == {*TABLES_OF_SHARDS}
    publish(in_shards, run, result)
    remove_shards(in_shards, run.run_id)
    alone = installed_in(tmp_path / "alone", SAMPLE)
    alone.open_warehouse().migrate()
    publish_days(alone, [DAY, NEXT_DAY])
    alone.open_warehouse().snapshot()
    for table in (*TABLES_OF_SHARDS, "risk_estimates", "current_targets", "run_limits"):
        sql = f"SELECT * {'EXCLUDE (published_at)' if table == 'current_targets' else ''} FROM {table} ORDER BY ALL"
        got, expected = (one.open_warehouse().query_snapshot(sql) for one in (in_shards, alone))
        assert got.equals(expected), table
    assert begin(in_shards, NEXT_DAY).is_published
    return run.run_id


def test_the_files_of_the_shards_are_the_rows_of_the_run(in_shards: Settings, tmp_path: Path) -> None:
    run_id = require_rows_of_the_run(in_shards, tmp_path)
    kept = sorted(path.suffix for path in (Path(in_shards.lake_data) / "shards" / run_id).iterdir())
    assert set(kept) == {".parquet"}


def test_the_files_of_the_shards_are_the_rows_of_the_run_in_a_bucket(
    in_a_bucket: Settings, bucket: S3Server, tmp_path: Path
) -> None:
    run_id = require_rows_of_the_run(in_a_bucket, tmp_path)
    own = bucket.folder / in_a_bucket.lake_data.removeprefix("s3://")
    kept = [file.name for file in own.glob(f"shards/{run_id}/*")]
    assert len(kept) == len(TABLES_OF_SHARDS) * len(run_portfolios(in_a_bucket, run_id))
    assert not shard_folder(in_a_bucket).exists()


def run_portfolios(settings: Settings, run_id: str) -> pl.DataFrame:
    return settings.open_warehouse().query_snapshot(f"FROM run_portfolios WHERE run_id = '{run_id}'")


def test_a_bucket_that_cannot_be_written_is_one_sentence(
    in_a_bucket: Settings, bucket: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    def of_a_worker(shards: Sequence[shard.Shard]) -> Iterator[shard.Done]:
        with pytest.MonkeyPatch.context() as worker:
            worker.setenv("AWS_SECRET_ACCESS_KEY", "of-somebody-else")
            yield from (shard.Done(one, shard.compute_shard(one, code_fingerprint())) for one in shards)

    monkeypatch.setattr(large_run, "compute_by_processes", of_a_worker)
    with pytest.raises(WarehouseError, match="cannot be written or read in the bucket") as failed:
        computed(in_a_bucket)
    assert "of-somebody-else" not in str(failed.value)
    assert bucket.secret not in str(failed.value)
    assert in_a_bucket.open_warehouse().query_snapshot("SELECT max(as_of_date) FROM current_targets").item() == DAY


def test_a_shard_in_a_bucket_with_a_byte_changed_is_computed_again(in_a_bucket: Settings, bucket: S3Server) -> None:
    run, result = computed(in_a_bucket)
    address = result.stored["targets"].files[0]
    damaged = bucket.folder / address.removeprefix("s3://")
    before = damaged.read_bytes()
    damaged.write_bytes(before[:-30] + bytes([before[-30] ^ 1]) + before[-29:])
    again = compute_in_shards(in_a_bucket, run)
    assert damaged.read_bytes() == before
    publish(in_a_bucket, run, again)
    assert in_a_bucket.open_warehouse().query_snapshot("SELECT max(as_of_date) FROM current_targets").item() == NEXT_DAY


def test_a_proposal_of_shards_is_approved(in_shards: Settings) -> None:
    run, result = computed(in_shards)
    warehouse = in_shards.open_warehouse()
    warehouse.propose(run.run_id, rows_to_publish(result), "test", {"core": "asked"})
    assert warehouse.query_snapshot("SELECT max(as_of_date) FROM current_targets").item() == DAY
    warehouse.approve(run.run_id, "a person", "looked at")
    assert warehouse.query_snapshot("SELECT max(as_of_date) FROM current_targets").item() == NEXT_DAY


@pytest.mark.parametrize("place", ["folder", "bucket"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_the_files_outlive_a_connection_that_is_lost_at_commit(
    postgres: PostgresServer, make_lake: MakeLake, bucket: S3Server, when: When, place: str
) -> None:
    with cutting_proxy(postgres.port) as proxy:
        data = {"lake_data": f"s3://lake/lost-{when}"} if place == "bucket" else {}
        lake = with_a_day(make_lake(lake_catalog=SecretStr(postgres.url(port=proxy.port)), **data))
        run, result = computed(lake)
        proxy.when = when
        if when == "before":
            with pytest.raises(WarehouseError):
                publish(lake, run, result)
        else:
            publish(lake, run, result)
        assert proxy.cuts == 1
        files = [file.replace("s3:/", str(bucket.folder)) for rows in result.stored.values() for file in rows.files]
        assert all(Path(file).exists() for file in files)
        publish(lake, run, result)
        found = lake.open_warehouse().query_snapshot(f"FROM targets WHERE as_of_date = '{NEXT_DAY}' ORDER BY ALL")
        expected = result.targets.collect().sort("portfolio_id", "asset")
        assert found.drop("run_id").sort("portfolio_id", "asset").equals(expected.select(found.drop("run_id").columns))


def _without_one(rows: StoredRows) -> StoredRows:
    return StoredRows(rows.files[1:], rows.totals)


def _one_twice(rows: StoredRows) -> StoredRows:
    return StoredRows((*rows.files, rows.files[0]), rows.totals)


def _one_for_another(rows: StoredRows) -> StoredRows:
    return StoredRows((rows.files[1], *rows.files[1:]), rows.totals)


def _other_sum(rows: StoredRows) -> StoredRows:
    exact = next(name for name in rows.totals if name != "n_rows")
    return StoredRows(rows.files, {**rows.totals, exact: rows.totals[exact] + Decimal("0.00000001")})


@pytest.mark.parametrize(
    ("change", "table"),
    [
        (_without_one, "decisions"),
        (_one_twice, "targets"),
        (_one_for_another, "sizing_summary"),
        (_other_sum, "sizing_audit"),
    ],
)
def test_a_shard_that_is_missing_there_twice_or_another_one_is_rejected(
    in_shards: Settings, change: object, table: str
) -> None:
    run, result = computed(in_shards)
    assert callable(change)
    with pytest.raises(PublishRejectedError):
        publish(in_shards, run, result._replace(stored={**result.stored, table: change(result.stored[table])}))
    warehouse = in_shards.open_warehouse()
    assert warehouse.query_snapshot("SELECT max(as_of_date) FROM targets").item() == DAY
    assert warehouse.query_snapshot(f"SELECT state FROM run_states WHERE run_id = '{run.run_id}'").item() == "rejected"
    publish(in_shards, run, result)
    assert warehouse.query_snapshot("SELECT max(as_of_date) FROM current_targets").item() == NEXT_DAY


def test_a_shard_that_a_check_rejects_is_recorded_and_nothing_is_written(
    in_shards: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(inputs: object) -> object:
        result = rebalance(inputs)
        return result._replace(targets=result.targets.with_columns(trade_rank=pl.lit(1, pl.Int32)))

    rebalance = shard.rebalance
    monkeypatch.setattr(shard, "rebalance", broken)
    monkeypatch.setattr(
        large_run,
        "compute_by_processes",
        lambda shards: (shard.Done(one, shard.compute_shard(one, code_fingerprint())) for one in shards),
    )
    run = begin(in_shards, NEXT_DAY)
    with pytest.raises(PublishRejectedError) as rejected:
        compute_in_shards(in_shards, run)
    assert "trades_are_in_order" in {name for name, _, _ in rejected.value.failures}
    states = f"SELECT state FROM run_states WHERE run_id = '{run.run_id}'"
    assert in_shards.open_warehouse().query_snapshot(states).item() == "rejected"
    first = find_shards(in_shards, run.run_id, run.inputs)[0]
    assert not first.manifest.exists()
    assert not any(Path(rows_of(first, table)).exists() for table in TABLES_OF_SHARDS)
