"""A lake with the week of the sample: catalog in a real PostgreSQL on loopback, files in a folder or a bucket."""

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from tasks.config.settings import Settings
from tests.conftest import SAMPLE, SAMPLE_DAYS
from tests.helpers.installation import installed_in, publish_days
from tests.helpers.postgres_server import PostgresServer
from tests.helpers.s3_server import S3Server, running_s3

MakeLake = Callable[..., Settings]
"""Return the settings of a lake of its own, around a folder; nothing is made yet."""

_SCHEMAS = itertools.count(1)


def lake_in(folder: Path, postgres: PostgresServer, **other: object) -> Settings:
    named = {"lake_schema": f"lake_{next(_SCHEMAS)}", "lake_data": str(folder / "lake"), **other}
    catalog = SecretStr(postgres.url())
    return installed_in(folder, SAMPLE).model_copy(update={"store": "ducklake", "lake_catalog": catalog, **named})


def with_a_day(lake: Settings) -> Settings:
    """Return a lake with a day, and a shard for each portfolio."""
    lake.open_warehouse().migrate()
    publish_days(lake, SAMPLE_DAYS[:1])
    return lake.model_copy(update={"shard_size": 1})


@pytest.fixture
def make_lake(postgres: PostgresServer, tmp_path: Path) -> MakeLake:
    return lambda **other: lake_in(tmp_path, postgres, **other)


@pytest.fixture
def lake(make_lake: MakeLake) -> Settings:
    """An empty lake of the code's version."""
    settings = make_lake()
    settings.open_warehouse().migrate()
    return settings


@pytest.fixture(scope="session")
def lake_week(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The sample's week in a lake: to look at, not to change."""
    settings = lake_in(tmp_path_factory.mktemp("lake"), postgres)
    publish_days(settings, SAMPLE_DAYS)
    settings.open_warehouse().export(SAMPLE_DAYS)
    return settings


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """A local server of S3, which has a bucket named lake."""
    with running_s3(tmp_path_factory.mktemp("s3"), "lake") as started:
        yield started


@pytest.fixture
def bucket(s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> S3Server:
    """The server of S3, of which the environment says how it is reached: data path s3://lake/prefix."""
    for name, value in s3_server.environment.items():
        monkeypatch.setenv(name, value)
    return s3_server


@pytest.fixture
def in_a_bucket(make_lake: MakeLake, bucket: S3Server) -> Settings:
    """Return a lake with a day, its data in a bucket, and a shard for each portfolio."""
    assert bucket
    return with_a_day(make_lake(lake_data=f"s3://lake/desk-{next(_SCHEMAS)}"))
