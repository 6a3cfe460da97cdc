"""Orders of what is published: from account values and prices of the day, once per portfolio.

What does not belong here: the rules, which are in sizing/trading/orders.py.
"""

import json
from collections.abc import Iterable, Mapping
from datetime import date
from typing import NamedTuple

import polars as pl

from sizing.text import counted, first_of, grouped
from sizing.trading.orders import ORDER_SCHEMA, ORDERED, Orders, make_orders
from sql.any_warehouse import AnyWarehouse
from tasks.config.settings import Settings
from tasks.errors import PROBLEMS
from tasks.renames import renamed_list
from tasks.retries import RETRIES
from tasks.runs.run_record import stored_limits
from tasks.stages import run_logger, stage

_AT_ONCE = 20_000
"""Portfolios whose orders are computed together."""


class OrderSources(NamedTuple):
    """The ingests of account values and prices that orders are made from; None: there is none of the day."""

    accounts_ingest_id: int | None
    prices_ingest_id: int | None


def order_or_warn(settings: Settings, day: date) -> tuple[str, ...]:
    """Make the orders of the day in a task of its own, within a flow; a failure becomes the warning: targets stand."""
    try:
        return order(settings, day)
    except PROBLEMS as error:
        return (f"no orders were made: {error}",)


@stage("orders", RETRIES, is_quick=True)
def order(settings: Settings, day: date) -> tuple[str, ...]:
    """Order what is published of the day and not ordered yet, and report who has no orders, and why."""
    with settings.open_warehouse().kept_open() as warehouse:
        status = order_day(warehouse, day)
        is_asked_for = warehouse.query("order_sources", as_of_date=day)["has_accounts"].item()
        missing = warehouse.query("missing_orders", as_of_date=day)
    ordered = status.filter(pl.col("status") == ORDERED)
    run_logger().info(
        "orders: %d of %d portfolios, %d orders", ordered.height, status.height, ordered["n_orders"].sum()
    )
    if missing.is_empty() or not is_asked_for:
        return ()
    reasons = grouped(missing.select("portfolio_id", "explanation").iter_rows())
    shown = "; ".join(first_of([f"{names}: {why}" for names, why in reasons]))
    return (f"{counted(missing.height, 'portfolio')} without orders: {shown}",)


def order_day(warehouse: AnyWarehouse, day: date) -> pl.DataFrame:
    """Make and store the orders of every portfolio whose newest published day this is, without an engine.

    *Returns* the order status of the portfolios that were not ordered before.
    """
    waiting = warehouse.query("runs_to_order", as_of_date=day)
    accounts, prices, _ = warehouse.query("order_sources", as_of_date=day).row(0)
    made = [pl.DataFrame(schema={"status": pl.String, "n_orders": pl.Int32})]
    for (run_id,), rows in waiting.partition_by("run_id", as_dict=True, maintain_order=True).items():
        sources = OrderSources(accounts, prices)
        orders = order_run(warehouse, str(run_id), rows["portfolio_id"].to_list(), sources)
        warehouse.record_orders(str(run_id), orders.orders, _with_sources(orders.status, sources))
        made.append(orders.status.select("status", "n_orders"))
    return pl.concat(made)


def order_again(warehouse: AnyWarehouse, run_id: str) -> pl.DataFrame:
    """Compute the orders of a run again, from the ingests that its order status names."""
    status = warehouse.query("order_status_of_run", run_id=run_id).filter(pl.col("status") == ORDERED)
    parts = status.partition_by("accounts_ingest_id", "prices_ingest_id", as_dict=True, maintain_order=True)
    made = [
        order_run(warehouse, run_id, rows["portfolio_id"].to_list(), OrderSources(*sources)).orders
        for sources, rows in parts.items()
    ]
    return pl.concat(made) if made else pl.DataFrame(schema=ORDER_SCHEMA)


def order_run(warehouse: AnyWarehouse, run_id: str, portfolio_ids: Iterable[str], sources: OrderSources) -> Orders:
    """Compute the orders of portfolios of a run from what the warehouse has: for a replay the same as before.

    Those of thousands are computed one after the other, so that memory has room for them.
    """
    run = warehouse.query("run_by_id", run_id=run_id).row(0, named=True)
    inputs = json.loads(run["inputs"])
    names = inputs.get("renamed", {})
    securities = warehouse.query(
        "prices_and_lots", assets_ingest_ids=inputs["assets"], prices_ingest_id=sources.prices_ingest_id
    )
    values = warehouse.query("account_values", ingest_id=sources.accounts_ingest_id)
    prices, quantities = renamed_list(securities, names), _quantities(warehouse, run_id, names)
    limits, ordered = stored_limits(warehouse, run_id), sorted(portfolio_ids)
    parts = []
    for first in range(0, max(len(ordered), 1), _AT_ONCE):
        some = ordered[first : first + _AT_ONCE]
        targets = warehouse.query("targets_to_order", run_id=run_id, portfolio_ids=some)
        parts.append(make_orders(targets, values, prices, quantities, {name: limits[name] for name in some}))
    return Orders(*map(pl.concat, zip(*parts, strict=True)))


def _quantities(warehouse: AnyWarehouse, run_id: str, names: Mapping[str, str]) -> pl.DataFrame:
    """Return the shares that the positions of the run have; holdings after targets have none.

    Shares of several names that became one add up, where all are known.
    """
    own = (
        warehouse.query("portfolios_of_run", run_id=run_id)
        .select("portfolio_id", ingest_id="held_ingest_id", as_of_date="held_on")
        .drop_nulls("ingest_id")
    )
    rows = warehouse.query("quantities_of_ingests", ingest_ids=own["ingest_id"].unique().to_list())
    quantity = pl.when(pl.col("quantity").is_not_null().all()).then(pl.col("quantity").sum())
    return (
        rows.join(own, on=own.columns, how="semi")
        .with_columns(pl.col("asset").replace(dict(names)))
        .group_by("portfolio_id", "asset")
        .agg(quantity=quantity)
        .drop_nulls("quantity")
        .sort("portfolio_id", "asset")
    )


def _with_sources(status: pl.DataFrame, sources: OrderSources) -> pl.DataFrame:
    return status.with_columns(pl.lit(value, pl.Int64).alias(name) for name, value in sources._asdict().items())
