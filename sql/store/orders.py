"""The orders of a published run: appended once per portfolio, checked, and never changed.

*Requires* an open connection and a transaction around every function, which operations.py opens.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

import polars as pl

from sql.engine.scripts import read_scripts
from sql.engine.statements import Connection, check_frames, insert, query
from sql.errors import WarehouseError
from sql.store.runs import find_failures, find_run

_LAST_TOLD = ["portfolio_id", "status", "problem_assets"]


def record(con: Connection, run_id: str, orders: pl.DataFrame, status: pl.DataFrame) -> None:
    """Append orders with their `order_id`, and the status of their portfolios where it is news.

    A portfolio of the run that is ordered already keeps its orders. *Raises* `WarehouseError` when a check fails.
    """
    find_run(con, run_id)
    known = query(con, "order_status_of_run", run_id=run_id)
    ordered = known.filter(pl.col("status") == "ordered").select("portfolio_id")
    news = status.join(ordered, on="portfolio_id", how="anti").join(
        known.select(_LAST_TOLD), on=_LAST_TOLD, how="anti", nulls_equal=True
    )
    new_orders = orders.join(ordered, on="portfolio_id", how="anti").with_columns(
        run_id=pl.lit(run_id), order_id=_order_id(run_id)
    )
    new_status = news.with_columns(run_id=pl.lit(run_id), happened_at=pl.lit(datetime.now(UTC)))
    check_frames(con, {"orders": new_orders, "order_status": new_status}, without="")
    insert(con, "orders", new_orders)
    insert(con, "order_status", new_status)
    _require_sound(con, run_id)


def _order_id(run_id: str) -> pl.Expr:
    """Return run/portfolio/asset, names escaped as in a JSON pointer (RFC 6901), so that different orders differ."""
    names = (
        pl.col(name).str.replace_all("~", "~0", literal=True).str.replace_all("/", "~1", literal=True)
        for name in ("portfolio_id", "asset")
    )
    return pl.concat_str(pl.lit(run_id), *names, separator="/")


def _require_sound(con: Connection, run_id: str) -> None:
    if failures := find_failures(con, run_id, read_scripts("checks/orders")):
        raise WarehouseError(_unsound(run_id, failures))


def _unsound(run_id: str, failures: Sequence[tuple[str, int, str]]) -> str:
    named = "; ".join(f"{name} ({n_rows}): {first}" for name, n_rows, first in failures)
    return f"run {run_id} has no new orders, {len(failures)} checks fail: {named}. Its targets stand: report it"
