"""A lake whose files are in a bucket: a local server of S3 stands for it."""

import pytest
from pydantic import SecretStr

from sql.errors import WarehouseError
from tasks.config.settings import Settings
from tests.conftest import SAMPLE_DAYS
from tests.helpers.installation import publish_days
from tests.helpers.postgres_server import PostgresServer
from tests.helpers.s3_server import S3Server
from tests.scale.conftest import MakeLake
from tests.scale.cutting_proxy import cutting_proxy
from tests.sql.warehouse_samples import make_frames, make_run

DAY = SAMPLE_DAYS[0]


@pytest.mark.usefixtures("bucket")
def test_a_day_is_published_and_read_in_a_bucket(make_lake: MakeLake, sample_week: Settings) -> None:
    lake = make_lake(lake_data="s3://lake/desk")
    publish_days(lake, [DAY])
    assert lake.open_warehouse().export([DAY])
    sql = f"FROM targets WHERE as_of_date = '{DAY}' ORDER BY ALL"
    expected, got = (one.open_warehouse().query_snapshot(sql) for one in (sample_week, lake))
    assert got.height > 20
    assert got.equals(expected)


def test_a_bucket_that_is_not_there_is_one_sentence(make_lake: MakeLake, bucket: S3Server) -> None:
    with pytest.raises(WarehouseError, match=r"data path s3://nowhere/desk/ cannot be read or written") as rejected:
        make_lake(lake_data="s3://nowhere/desk").open_warehouse().migrate()
    assert bucket.secret not in str(rejected.value)


@pytest.mark.usefixtures("bucket")
def test_a_server_of_s3_that_does_not_answer_is_one_sentence(
    make_lake: MakeLake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    with pytest.raises(WarehouseError, match=r"data path s3://lake/desk/ cannot be read or written"):
        make_lake(lake_data="s3://lake/desk").open_warehouse().migrate()


@pytest.mark.usefixtures("bucket")
def test_files_committed_with_a_lost_answer_stay_in_the_bucket(make_lake: MakeLake, postgres: PostgresServer) -> None:
    """DuckLake itself would delete them."""
    with cutting_proxy(postgres.port) as proxy:
        lake = make_lake(lake_data="s3://lake/lost", lake_catalog=SecretStr(postgres.url(port=proxy.port)))
        warehouse = lake.open_warehouse()
        warehouse.migrate()
        warehouse.start_run(make_run("r1"), "test")
        proxy.when = "after"
        assert warehouse.publish("r1", make_frames(), "test").is_new
        assert proxy.cuts == 1
        assert warehouse.query_snapshot("FROM targets").height == make_frames()["targets"].height
        assert warehouse.start_run(make_run("r2"), "test") is None
