"""An empty warehouse that tests copy: to make one takes longer than most of them."""

import shutil
from pathlib import Path

import pytest

from sql.warehouse import Warehouse


@pytest.fixture
def migrated(tmp_path: Path, empty_warehouse: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a warehouse of the test's own, and spare it from being migrated again at every step."""
    path = Path(shutil.copy(empty_warehouse, tmp_path / "warehouse.duckdb"))
    monkeypatch.setattr(Warehouse, "migrate", lambda _: ())
    return path
