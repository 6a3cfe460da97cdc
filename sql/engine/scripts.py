"""The .sql files of this package: read, checksummed, and compared with what a database says was applied.

What does not belong here: running them. statements.py does.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from sql.errors import MigrationError, WarehouseError

Folder = Literal[
    "migrations",
    "views",
    "queries",
    "checks/publication",
    "checks/orders",
    "checks/integrity",
    "commands",
    "questions",
]


@dataclass(frozen=True)
class Script:
    """One .sql file: its name without the ending, and its text."""

    name: str
    sql: str

    @property
    def version(self) -> str:
        """The part of a migration's name before the two underscores: V001."""
        return self.name.split("__", maxsplit=1)[0]

    @property
    def since(self) -> str:
        """The migration whose columns a check needs, from its header: runs that are older do not have them."""
        found = re.search(r"^-- Since: (V\d+)", self.sql, re.MULTILINE)
        return found[1] if found else "V001"

    @property
    def checksum(self) -> str:
        """SHA-256 of the text, hexadecimal; line endings do not count."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


@cache
def read_scripts(folder: Folder) -> tuple[Script, ...]:
    """Return every .sql file of the folder and the folders in it, in the order of the file names, which are unique."""
    found = (Path(__file__).parents[1] / folder).rglob("*.sql")
    return tuple(
        Script(file.stem, file.read_text(encoding="utf-8")) for file in sorted(found, key=lambda file: file.stem)
    )


def read_script(folder: Folder, name: str) -> Script:
    """Return one .sql file. *Raises* `WarehouseError` naming the known ones."""
    scripts = {script.name: script for script in read_scripts(folder)}
    if name not in scripts:
        msg = f"no file {name}.sql in sql/{folder}, the {len(scripts)} known are: {', '.join(scripts)}"
        raise WarehouseError(msg)
    return scripts[name]


def find_pending(migrations: tuple[Script, ...], applied: Mapping[str, str]) -> tuple[Script, ...]:
    """Return the migrations still to apply, in order. `applied` maps versions to checksums.

    *Raises* `MigrationError` when the database is newer than the code, a file was edited after it was applied, or
    a new file has a number below an applied one.
    """
    known = {script.version: script for script in migrations}
    _reject_newer_database(set(applied) - set(known), max(known, default="none"))
    edited = [known[version] for version in applied if known[version].checksum != applied[version]]
    fix = "restore the files as they were, and write the change as a new migration"
    _reject(edited, "migrations were edited after they were applied", fix)
    pending = tuple(script for script in migrations if script.version not in applied)
    late = [script for script in pending if script.version < max(applied, default="")]
    _reject(late, "new migrations have numbers below one that is applied", "give them the next free numbers")
    return pending


def _reject_newer_database(unknown: set[str], newest: str) -> None:
    if unknown:
        msg = (
            f"the database is newer than the code: it has {len(unknown)} migrations that the code does not know "
            f"({', '.join(sorted(unknown))}; the code's newest is {newest}). Nothing was changed: "
            "update the code, or point it to another warehouse file"
        )
        raise MigrationError(msg)


def _reject(scripts: list[Script], problem: str, fix: str) -> None:
    if scripts:
        names = ", ".join(f"{script.name}.sql" for script in scripts)
        msg = f"{len(scripts)} {problem}: {names}. Nothing was changed: {fix}"
        raise MigrationError(msg)
