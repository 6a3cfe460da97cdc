"""The lake that settings name: what is missing is said, and no secret is shown."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from sql.lake import Lake
from sql.warehouse import Warehouse
from tasks.config.settings import Settings
from tasks.errors import UsageError

CATALOG = SecretStr("postgresql://user:correct-horse@db.example:5433/lake?sslmode=require")


def _settings(**given: object) -> Settings:
    return Settings().model_copy(update={"store": "ducklake", "lake_catalog": CATALOG, "lake_data": "lake", **given})


def test_the_default_is_the_database_file() -> None:
    assert isinstance(Settings().open_warehouse(), Warehouse)


def test_a_database_file_that_is_named_is_one_whatever_the_store(tmp_path: Path) -> None:
    named = _settings().at({"warehouse": tmp_path / "w.duckdb"})
    assert isinstance(named.open_warehouse(), Warehouse)


def test_the_lake_of_the_settings_is_named_without_its_password() -> None:
    lake = _settings().open_warehouse()
    assert isinstance(lake, Lake)
    assert lake.name == "postgresql://db.example:5433/lake (schema ballast_lake)"
    assert "correct-horse" not in repr(lake)
    login = lake.place.catalog.address.login
    assert (login.hosts, login.ports, login.user, login.database) == ("db.example", "5433", "user", "lake")
    assert dict(login.options)["sslmode"] == "require"


def test_a_folder_is_named_from_the_root_and_a_bucket_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert _settings().open_lake().place.data_path == f"{tmp_path}/lake/"
    assert _settings(lake_data="s3://bucket/prefix").open_lake().place.data_path == "s3://bucket/prefix/"


def test_keys_of_the_bucket_come_from_the_environment_and_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "battery-staple")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9000")
    store = _settings(lake_data="s3://bucket").open_lake().place.object_store
    assert store.options["ENDPOINT"] == "127.0.0.1:9000"
    assert store.options["USE_SSL"] == "false"
    assert "battery-staple" in store.options.values()
    assert "battery-staple" not in repr(store)


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"lake_catalog": None}, "BALLAST_LAKE_CATALOG"),
        ({"lake_data": ""}, "BALLAST_LAKE_DATA"),
        ({"lake_data": "gs://bucket"}, "begins with gs://"),
    ],
)
def test_what_is_missing_is_said(given: dict[str, object], named: str) -> None:
    with pytest.raises(UsageError, match=named):
        _settings(**given).open_warehouse()


def test_what_works_on_a_file_only_says_how_a_backup_becomes_a_lake() -> None:
    with pytest.raises(UsageError, match="db move --to ducklake --warehouse BACKUP"):
        _settings().require_file("`ballast db restore`")
