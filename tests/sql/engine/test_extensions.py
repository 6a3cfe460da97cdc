"""Extensions come from wheels of the DuckDB that runs, or are refused in one sentence."""

from pathlib import Path

import pytest

from sql.engine.extensions import find_extension
from sql.errors import WarehouseError

NAME = "of_a_test"


def _install(folder: Path, version: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    package = folder / f"duckdb_extension_{NAME}"
    path = package / "extensions" / f"v{version}" / f"{NAME}.duckdb_extension"
    path.parent.mkdir(parents=True)
    path.touch()
    (package / "__init__.py").touch()
    monkeypatch.syspath_prepend(str(folder))
    return path


def test_the_extension_of_the_running_duckdb_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = _install(tmp_path, "1.5.5", monkeypatch)
    assert find_extension(NAME, "1.5.5") == path


def test_a_wheel_of_another_version_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _install(tmp_path, "1.5.5", monkeypatch)
    with pytest.raises(WarehouseError, match=r"is for DuckDB 1\.5\.5, but DuckDB 1\.5\.6 is installed"):
        find_extension(NAME, "1.5.6")


def test_a_missing_wheel_says_what_to_install() -> None:
    with pytest.raises(WarehouseError, match="duckdb-extension-never-made, which is not installed: install the extra"):
        find_extension("never_made", "1.5.5")
