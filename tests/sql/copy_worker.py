"""A copy that is killed when all but one of its tables are written: `copy_worker.py FOLDER URL SCHEMA`."""

import os
import signal
import sys
from pathlib import Path
from typing import Literal

import pyarrow as pa
from adbc_driver_manager.dbapi import Cursor
from warehouse_samples import make_warehouse

from sql.external.postgres import PostgresAddress
from sql.external.postgres_copy import copy_published

LAST = "constraint_checks"


def main(folder: str, url: str, schema: str) -> None:
    honest = Cursor.adbc_ingest

    def dying(cursor: Cursor, table: str, rows: pa.Table, mode: Literal["append"]) -> int:
        if table == LAST:
            os.kill(os.getpid(), signal.SIGKILL)
        return int(honest(cursor, table, rows, mode))

    Cursor.adbc_ingest = dying
    copy_published(make_warehouse(Path(folder)), PostgresAddress(url), schema)


if __name__ == "__main__":
    main(*sys.argv[1:])
