"""What counts on a day, asked as the day's inputs are."""

from datetime import date

import polars as pl

from sql.warehouse import Warehouse


def sources_of(warehouse: Warehouse, day: date, since: date | None = None) -> pl.DataFrame:
    """Report which ingests and runs a run of the day reads: `kind, portfolio_id, as_of_date, ingest_id, run_id`."""
    return warehouse.query("sources_of_days", days=[day], since=[since or day], known_at="infinity")


def rows_of(warehouse: Warehouse, kind: str, day: date, since: date | None = None) -> pl.DataFrame:
    """Return the rows of a kind that a run of the day reads; of targets, what is held after them."""
    sources = sources_of(warehouse, day, since).filter(pl.col("kind") == kind)
    if kind == "targets":
        rows = warehouse.query("holdings_after_runs", run_ids=sources["run_id"].unique().to_list())
        return rows.join(sources, on=["run_id", "portfolio_id"], how="semi", maintain_order="left")
    rows = warehouse.query(f"{kind}_of_ingests", ingest_ids=sources["ingest_id"].unique().to_list())
    key = ["ingest_id", "portfolio_id", "as_of_date"] if kind == "positions" else ["ingest_id"]
    return rows.join(sources, on=key, how="semi", maintain_order="left")
