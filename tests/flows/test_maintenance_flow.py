"""The maintenance flow: a backup that is verified, nothing older than needed, and an alarm otherwise."""

import asyncio
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from prefect import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey
from prefect.client.schemas.objects import State
from prefect.client.schemas.sorting import ArtifactSort

import flows.maintenance
from flows.maintenance import MaintenanceConfig, maintenance
from sql.errors import WarehouseError
from tasks.config.settings import Settings

Told = list[tuple[str, str, dict[str, Any]]]


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    settings = Settings(warehouse=tmp_path_factory.mktemp("migrated") / "warehouse.duckdb")
    settings.open_warehouse().migrate()
    return settings.warehouse


@pytest.fixture
def kept(settings: Settings, migrated: Path) -> Settings:
    """An installation with a warehouse, of which the two newest backups are kept."""
    shutil.copy(migrated, settings.warehouse)
    return settings.model_copy(update={"keep_backups": 2})


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Told:
    """What the flow tells Prefect as events."""
    events: Told = []
    monkeypatch.setattr(flows.maintenance, "emit", lambda *one: events.append(one))
    return events


def _maintain(settings: Settings) -> State[Any]:
    return asyncio.run(maintenance(MaintenanceConfig(settings=settings), return_state=True))


def _backups(settings: Settings) -> list[str]:
    return sorted(path.name for path in (settings.warehouse.parent / "backups").glob("*"))


def _days_ago(days: int) -> str:
    return f"{datetime.now(UTC) - timedelta(days=days):%Y%m%dT%H%M%SZ}"


def _old_backups(settings: Settings) -> list[str]:
    """Put three backups of the nights before there, and one that a person made."""
    folder = settings.warehouse.parent / "backups"
    folder.mkdir()
    names = [f"warehouse-{_days_ago(days)}.duckdb" for days in (3, 2, 1)]
    for name in (*names, "before-the-upgrade.duckdb"):
        shutil.copy(settings.warehouse, folder / name)
    return names


@pytest.mark.server
@pytest.mark.usefixtures("connected")
def test_a_night_leaves_the_newest_backups_and_says_what_it_removed(kept: Settings, told: Told) -> None:
    old = _old_backups(kept)
    log = kept.warehouse.with_name(f"{kept.warehouse.name}.wal.{_days_ago(91)}")
    log.write_bytes(b"an old log")
    state = _maintain(kept)
    assert state.is_completed(), state.message
    assert _backups(kept)[:2] == ["before-the-upgrade.duckdb", old[2]]
    assert len(_backups(kept)) == 3
    assert not log.exists()
    made = kept.warehouse.parent / "backups" / _backups(kept)[2]
    expected = f"backup {made} is verified, 2 are kept; removed {old[1]}, {old[0]}, {log.name}"
    assert (state.message, told) == (expected, [])
    with get_client(sync_client=True) as client:
        key = ArtifactFilter(key=ArtifactFilterKey(any_=["maintenance"]))
        [artifact] = client.read_artifacts(limit=1, sort=ArtifactSort.CREATED_DESC, artifact_filter=key)
    assert f"removed `{log}`, 10 bytes" in str(artifact.data)
    with duckdb.connect(str(made), read_only=True) as con:
        assert con.sql("SELECT count(*) FROM schema_migrations").fetchall() != [(0,)]


def test_a_warehouse_that_is_not_sound_fails_the_run_tells_it_and_removes_nothing(kept: Settings, told: Told) -> None:
    old = _old_backups(kept)
    with duckdb.connect(str(kept.warehouse)) as con:
        con.execute("INSERT INTO rejects VALUES (7, 1, '{}', 'rule', 'reason')").fetchall()
    with pytest.raises(WarehouseError, match="is not sound, 1 failure: every_ingest_adds_up") as failed:
        asyncio.run(_maintain(kept).aresult())
    assert _backups(kept) == ["before-the-upgrade.duckdb", *old]
    [(event, resource_id, payload)] = told
    assert (event, payload["reason"]) == ("ballast.maintenance.failed", str(failed.value))
    assert resource_id == f"ballast.day.{payload['as_of_date']}"
    assert "restore a backup with `ballast db restore`" in payload["reason"]


def test_without_a_warehouse_it_fails_in_one_sentence(settings: Settings, told: Told) -> None:
    with pytest.raises(WarehouseError, match="no warehouse at"):
        asyncio.run(_maintain(settings).aresult())
    assert [event for event, _, _ in told] == ["ballast.maintenance.failed"]
    assert not (settings.warehouse.parent / "backups").exists()
