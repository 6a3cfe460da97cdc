"""A lake whose files are in a bucket: a local server of S3 stands for it."""

import logging
from collections.abc import Iterator

import httpx
import pytest
from pydantic import SecretStr

from sql.errors import WarehouseError
from tasks.config.settings import Settings
from tests.conftest import SAMPLE_DAYS
from tests.helpers.installation import publish_days
from tests.helpers.postgres_server import PostgresServer
from tests.scale.conftest import MakeLake
from tests.scale.cutting_proxy import cutting_proxy
from tests.sql.warehouse_samples import make_frames, make_run

DAY = SAMPLE_DAYS[0]
KEY = "battery-staple"


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    """The address of a server on loopback that has a bucket named lake."""
    from moto.server import ThreadedMotoServer  # noqa: PLC0415 - only the extra scale has it

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    host, port = server.get_host_and_port()
    address = f"http://{host}:{port}"
    httpx.put(f"{address}/lake").raise_for_status()
    with pytest.MonkeyPatch.context() as environment:
        for name, value in {"ACCESS_KEY_ID": "key", "SECRET_ACCESS_KEY": KEY, "REGION": "us-east-1"}.items():
            environment.setenv(f"AWS_{name}", value)
        environment.setenv("AWS_ENDPOINT_URL", address)
        yield address
    server.stop()


@pytest.mark.usefixtures("bucket")
def test_a_day_is_published_and_read_in_a_bucket(make_lake: MakeLake, sample_week: Settings) -> None:
    lake = make_lake(lake_data="s3://lake/desk")
    publish_days(lake, [DAY])
    assert lake.open_warehouse().export([DAY])
    sql = f"FROM targets WHERE as_of_date = '{DAY}' ORDER BY ALL"
    expected, got = (one.open_warehouse().query_snapshot(sql) for one in (sample_week, lake))
    assert got.height > 20
    assert got.equals(expected)


@pytest.mark.usefixtures("bucket")
def test_a_bucket_that_is_not_there_is_one_sentence(make_lake: MakeLake) -> None:
    with pytest.raises(WarehouseError, match=r"data path s3://nowhere/desk/ cannot be read or written") as rejected:
        make_lake(lake_data="s3://nowhere/desk").open_warehouse().migrate()
    assert KEY not in str(rejected.value)


def test_a_server_of_s3_that_does_not_answer_is_one_sentence(
    make_lake: MakeLake, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert bucket
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
