"""Named queries on the snapshot, on one read-only connection: what commands that only look are made from."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

import polars as pl

from sql.any_warehouse import AnyWarehouse
from sql.engine.statements import Connection, put_decisions, query


class Reader(Protocol):
    """Who answers a query of sql/queries/ by its name: the warehouse, or its snapshot."""

    def query(self, name: str, /, **parameters: object) -> pl.DataFrame:
        """Run the query <name>.sql of sql/queries, whose header has its grain and parameters."""


@dataclass(frozen=True)
class SnapshotReader:
    """The snapshot while it is open: a publication meanwhile changes nothing of what it answers."""

    con: Connection

    def query(self, name: str, /, **parameters: object) -> pl.DataFrame:
        """Run the query <name>.sql of sql/queries, whose header has its grain and parameters."""
        return query(self.con, name, **parameters)

    def put_decisions(self, decisions: pl.DataFrame) -> None:
        """Let queries read entry score, rival and reason of these decisions in the place of those stored.

        *Requires* `run_id, portfolio_id, asset, entry_score, rival, decision_reason`.
        """
        put_decisions(self.con, decisions)


@contextmanager
def reading_snapshot(warehouse: AnyWarehouse) -> Iterator[SnapshotReader]:
    """Open the snapshot read-only for many queries. *Raises* `WarehouseError` when there is none, or it is damaged."""
    with warehouse.reading_snapshot() as con:
        yield SnapshotReader(con)
