"""The nightly maintenance of a lake, by setting alone: merged, verified, cleaned, backed up where a folder is set."""

import asyncio
import os
import time
from pathlib import Path
from typing import Any

import pytest
from prefect.client.schemas.objects import State

import flows.maintenance
from flows.cli.app import execute as ballast
from flows.maintenance import MaintenanceConfig, maintenance
from sql.engine.statements import execute, transaction
from sql.errors import WarehouseError
from sql.warehouse import Warehouse
from tasks.config.settings import Settings
from tests.conftest import SAMPLE_DAYS
from tests.helpers.installation import publish_days
from tests.helpers.without_engine import Shown
from tests.scale.test_lake_failures import _environment

pytestmark = pytest.mark.usefixtures("shown")

Told = list[tuple[str, str, dict[str, Any]]]


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Told:
    """What the flow tells Prefect as events."""
    events: Told = []
    monkeypatch.setattr(flows.maintenance, "emit", lambda *one: events.append(one))
    return events


def _maintain(settings: Settings) -> State[Any]:
    return asyncio.run(maintenance(MaintenanceConfig(settings=settings), return_state=True))


def _read(settings: Settings) -> list[object]:
    return settings.open_warehouse().query_snapshot("FROM targets ORDER BY ALL").rows()


def test_a_night_merges_verifies_cleans_and_backs_up(lake: Settings, told: Told, shown: Shown, tmp_path: Path) -> None:
    publish_days(lake, SAMPLE_DAYS[:3])
    orphan = Path(lake.lake_data, "main", "targets", "killed.parquet")
    orphan.write_bytes(b"PAR1")
    then = time.time() - 8 * 86_400
    os.utime(orphan, (then, then))
    rows = _read(lake)
    kept = lake.model_copy(update={"backup_folder": tmp_path / "backups", "keep_backups": 1})
    for _ in range(2):
        state = _maintain(kept)
        assert state.is_completed(), state.message
        time.sleep(1)  # a backup is named by the second
    assert told == []
    assert not orphan.exists()
    assert _read(lake) == rows
    [backup] = (tmp_path / "backups").iterdir()
    assert str(state.message).endswith(f"; backup {backup}")
    copy = Warehouse(backup, tmp_path / "none", tmp_path / "no", 1, "1GB")
    with copy.reading(backup, "") as con:
        assert con.execute("FROM targets ORDER BY ALL").fetchall() == rows
    assert "removed: table targets, 1 files" in str(shown[0].data)
    assert "| removed, older than a week | 1 file (4 bytes) |" in str(shown[0].data)


def test_a_lake_that_is_not_sound_fails_the_run_and_removes_nothing(lake: Settings, told: Told) -> None:
    orphan = Path(lake.lake_data, "main", "rejects", "killed.parquet")
    with lake.open_warehouse().connected() as con, transaction(con):
        execute(con, "INSERT INTO rejects VALUES (7, 1, '{}', 'rule', 'reason')")
    orphan.write_bytes(b"PAR1")
    os.utime(orphan, (0, 0))
    with pytest.raises(WarehouseError, match=r"lake_\d+\) is not sound, 1 failure: every_ingest_adds_up"):
        asyncio.run(_maintain(lake).aresult())
    assert [event for event, _, _ in told] == ["ballast.maintenance.failed"]
    assert orphan.exists()


def test_without_a_lake_it_fails_in_one_sentence(lake: Settings, told: Told) -> None:
    with pytest.raises(WarehouseError, match="no lake at"):
        asyncio.run(_maintain(lake.model_copy(update={"lake_schema": "nowhere"})).aresult())
    assert [event for event, _, _ in told] == ["ballast.maintenance.failed"]


def test_the_commands_back_up_a_lake_and_refuse_to_restore_it(
    lake: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in _environment(lake).items():
        monkeypatch.setenv(name, value)
    backup = tmp_path / "monday.duckdb"
    for word, code, said in (
        ("backup", 0, "backup: "),
        ("backup", 1, "is there already"),
        ("restore", 2, "db move --to ducklake"),
    ):
        with pytest.raises(SystemExit) as left:
            ballast(["db", word, str(backup)])
        assert (left.value.code or 0) == code
        assert said in "".join(capsys.readouterr())
    assert backup.stat().st_size > 0
