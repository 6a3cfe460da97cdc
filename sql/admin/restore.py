"""Replace the live file with a copy of a backup. Halts of the live file stay in force."""

import logging
import shutil
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from sql.engine.connections import find_owner, upgrade
from sql.engine.copied_files import written_copy
from sql.engine.locks import exclusive
from sql.engine.owners import UNKNOWN, kept_id, warehouse_id
from sql.engine.statements import Connection, execute, transaction
from sql.errors import DamagedError
from sql.files.atomic_files import keep, make_folder
from sql.store import halts
from sql.store.exports import exported
from sql.store.halts import Order
from sql.warehouse import Warehouse

_LOG = logging.getLogger(__name__)


def replace_by(warehouse: Warehouse, path: Path) -> Path | None:
    """Replace the live file with a copy of `path`, and return where the old one is, None when there was none.

    The copy is migrated first, and gets the halts in force of the file that it replaces beside its own. At every
    moment there is one whole file in the place. A file that is damaged is kept as it is, with its log; its
    halts are unknown then, so all portfolios are halted. *Raises* `WarehouseError` when it is in use or of another
    application: nothing was changed then.
    """
    kept = warehouse.path.with_name(f"{warehouse.path.name}.replaced-{datetime.now(UTC):%Y%m%dT%H%M%SZ}")
    make_folder(warehouse.path.parent)
    with exclusive(warehouse.file.lock_path, warehouse.lock_timeout_seconds), written_copy(warehouse.path) as temporary:
        shutil.copyfile(path, temporary)
        is_there = warehouse.path.exists()
        orders = _read_orders(warehouse, kept) if is_there else ()
        with replace(warehouse.file, path=temporary).opened(0) as con:
            _require_replaceable(con, warehouse)
            upgrade(con)
            with transaction(con):
                in_force = halts.take_over(con, orders)
            execute(con, "CHECKPOINT")
        if is_there:
            keep(warehouse.path, kept)
    _log_halts(warehouse.path, in_force, is_there=is_there)
    return kept if is_there else None


def _require_replaceable(con: Connection, warehouse: Warehouse) -> None:
    """Reject to replace copies that are neither of the backup, which is open, nor of the file that it replaces."""
    backup, live = warehouse_id(con), find_owner(con, warehouse.path) or kept_id(warehouse.path)
    if live not in {None, backup}:
        _LOG.warning("the backup is of another warehouse than %s, which it replaces", warehouse.path)
    # Exports that the backup does not know are preserved.
    warehouse.require_copies_of(con, {backup, live, UNKNOWN}, exported(warehouse.export_folder))


def _read_orders(warehouse: Warehouse, kept: Path) -> tuple[Order, ...]:
    """Read what is halted in the file that is about to be replaced, and write its log into it."""
    try:
        with warehouse.file.opened(warehouse.lock_timeout_seconds) as con:
            execute(con, "CHECKPOINT")
            return halts.read_orders(con)
    except DamagedError as damaged:
        _LOG.warning("%s. It is kept as it is in %s", damaged, kept)
        return (Order(None, "restore", f"what was halted in {kept.name} cannot be read", datetime.now(UTC)),)


def _log_halts(path: Path, in_force: str, *, is_there: bool) -> None:
    if in_force:
        _LOG.warning(
            "publication is halted after the restore, lift with `ballast resume` what need not be: %s", in_force
        )
    if not is_there:
        _LOG.warning(
            "there was no file at %s before: what was halted after the backup is not known, halt it again", path
        )
