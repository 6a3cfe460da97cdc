"""Warehouses that begin as a copy of an empty one: to migrate takes longer than most of what tests then do."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sql.engine.scripts import read_scripts
from sql.files.atomic_files import make_folder
from sql.warehouse import Warehouse


@contextmanager
def migrated_by_copy(empty_warehouse: Path) -> Iterator[None]:
    """Let `migrate` copy the empty warehouse where there is none, and leave such a copy as it is afterwards."""
    migrate = Warehouse.migrate
    copied: set[Path] = set()

    def copy_or_migrate(warehouse: Warehouse) -> tuple[str, ...]:
        path = warehouse.path.absolute()
        if path.exists():
            return () if path in copied else migrate(warehouse)
        make_folder(path.parent)
        copied.add(Path(shutil.copy(empty_warehouse, path)))
        return tuple(script.version for script in read_scripts("migrations"))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Warehouse, "migrate", copy_or_migrate)
        yield
