"""What an installation holds, as digests that repeat: without the numbers and times that are its own."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from sql.engine.table_contracts import RUN_TABLES
from tasks.config.settings import Settings
from tests.soak.reader import Rows, opened

TRAILS = frozenset({"run_events", "recoveries", "views_made"})
"""Tables that tell of kills, and so differ from a run without."""

CUT_OFF = re.compile(r"\.wal\.\d{8}T\d{6}Z$")
"""A log whose last write a kill cut off, kept on purpose for whoever wants to look."""

_COLUMNS = """
    SELECT table_name, string_agg('"' || column_name || '"', ', ' ORDER BY column_index) FROM duckdb_columns()
    WHERE NOT internal AND data_type <> 'TIMESTAMP WITH TIME ZONE' AND database_name = current_database()
        AND NOT (column_name LIKE '%\\_id' ESCAPE '\\' AND data_type = 'BIGINT') AND column_name <> 'flow_run_id'
        AND table_name IN (SELECT table_name FROM duckdb_tables())
    GROUP BY ALL
"""


@dataclass(frozen=True)
class Contents:
    """Digest of each table and each export, the rows of each run, and the names of all files."""

    tables: Mapping[str, str]
    exports: Mapping[str, str]
    rows: Rows
    files: frozenset[str]


def read_contents(settings: Settings) -> Contents:
    """Read the tables, the exports and the names of the files of an installation, but for the files of a lake."""
    with opened(settings.open_warehouse()) as con:
        tables = {
            table: _digest(con.sql(f"SELECT {columns} FROM {table} ORDER BY ALL").pl())
            for table, columns in con.sql(_COLUMNS).fetchall()
            if table not in TRAILS
        }
        rows: dict[str, dict[str, int]] = {}
        for table in RUN_TABLES:
            for run_id, count in con.sql(f"SELECT run_id, count(*) FROM {table} GROUP BY ALL").fetchall():
                rows.setdefault(run_id, {})[table] = count
    exports = {
        str(file.relative_to(settings.export_folder)): _digest(
            pl.read_parquet(file, hive_partitioning=False).drop("published_at", strict=False)
        )
        for file in settings.export_folder.glob("*/*.parquet")
    }
    home = settings.warehouse.parent
    files = frozenset(
        str(file.relative_to(home))
        for file in home.rglob("*")
        if file.is_file() and not CUT_OFF.search(file.name) and not file.is_relative_to(settings.lake_data)
    )
    return Contents(tables, exports, rows, files)


def differences(got: Contents, expected: Contents) -> list[str]:
    """Report what is not as it is without kills."""
    found = [
        f"{kind} {name} differs"
        for kind, ours, theirs in (
            ("table", got.tables, expected.tables),
            ("export", got.exports, expected.exports),
        )
        for name in sorted(ours.keys() | theirs.keys())
        if ours.get(name) != theirs.get(name)
    ]
    found += [f"left over: {name}" for name in sorted(got.files - expected.files)]
    return found + [f"missing: {name}" for name in sorted(expected.files - got.files)]


def _digest(frame: pl.DataFrame) -> str:
    return hashlib.sha256(repr((frame.schema, frame.rows())).encode()).hexdigest()
