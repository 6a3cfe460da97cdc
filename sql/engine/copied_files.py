"""Copies that are made from the warehouse, and copies of a file to read while its writer has it locked."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from polars.exceptions import PolarsError

from sql.engine.duckdb_errors import explain_unwritten
from sql.errors import WarehouseError
from sql.files import copy_alone
from sql.files.atomic_files import written_beside


@contextmanager
def written_copy(path: Path) -> Iterator[Path]:
    """Do as `written_beside`, for what can be made again from the warehouse.

    *Raises* `WarehouseError` when it cannot be written; nothing but the copy was changed then.
    """
    try:
        with written_beside(path) as temporary:
            yield temporary
    except (OSError, PolarsError) as error:  # Polars reports a full disk as the latter
        raise WarehouseError(explain_unwritten(path, _reason(error))) from error


def _reason(error: Exception) -> str:
    """Return the message of the system, with the file where it is not the temporary one."""
    if not isinstance(error, OSError) or not error.strerror:
        return str(error)
    file = str(error.filename or "")
    return error.strerror if not file or ".ballast-" in file else f"{error.strerror}: '{file}'"


def copy_file(source: Path, copy: Path) -> None:
    """Copy a file, sharing its blocks where the file system can.

    A process of its own does it: whoever closes the file in this one frees the lock by which DuckDB keeps others out.
    *Raises* `OSError`.
    """
    command = [sys.executable, "-I", "-S", str(copy_alone.__file__), str(source), str(copy)]
    done = subprocess.run(command, check=False)  # noqa: S603 - our own program and files
    if done.returncode < 0:
        msg = f"the process that copies it was ended by signal {-done.returncode}"
        raise OSError(msg)
    if done.returncode:
        raise OSError(done.returncode, os.strerror(done.returncode))


@contextmanager
def copied_aside(path: Path) -> Iterator[Path]:
    """Copy a file into a temporary folder for as long as the block runs. *Raises* `WarehouseError` when it cannot."""
    with TemporaryDirectory(prefix="ballast-copy-") as folder:
        try:
            copy = shutil.copyfile(path, Path(folder) / path.name)
        except OSError as error:
            msg = f"{path} cannot be read: {error}, so its warehouse is unknown. Nothing was changed: correct the cause"
            raise WarehouseError(msg) from error
        yield copy
