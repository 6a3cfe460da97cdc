"""Open a run: gather what decides the day, name the computation by it, and record that it starts."""

from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl
from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.logging import get_run_logger
from prefect.runtime import flow_run

from sizing.inputs import DayInputs
from sizing.limits import RebalancingLimits
from sql.records import RunRecord
from sql.warehouse import Warehouse
from tasks import fingerprints
from tasks.retries import RETRIES
from tasks.settings import Settings
from tasks.strangers import find_strangers, require_known_buckets
from tasks.trading_days import days_before, score_ages

PUBLISHED = "published"


@dataclass(frozen=True)
class OpenRun:
    """A run that has started, everything that decides its result, and what looks like a typing error in it."""

    run_id: str
    inputs: DayInputs
    is_published: bool
    warnings: tuple[str, ...]


@task(name="open run", cache_policy=NO_CACHE, persist_result=False, **RETRIES)
def open_run(settings: Settings, day: date, limits: dict[str, RebalancingLimits]) -> OpenRun:
    """Read the day's inputs from the warehouse and record the start; the same run twice is recorded as unchanged.

    *Raises* `ConfigError`, and records no run, when include_buckets names a bucket that no asset has.
    """
    warehouse = settings.open_warehouse()
    inputs, sources = read_inputs(warehouse, settings.exchange, day, limits)
    require_known_buckets(inputs)
    prints = fingerprints.Fingerprints.of(inputs)
    record = RunRecord(
        run_id=fingerprints.run_id(day, prints),
        as_of_date=day,
        portfolio_ids=tuple(sorted(limits)),
        input_fingerprint=prints.inputs,
        config_fingerprint=prints.config,
        code_fingerprint=prints.code,
        config=fingerprints.limits_as_json(limits),
        inputs=sources,
        flow_run_id=flow_run.get_id(),
    )
    warnings = find_strangers(inputs, sources["positions_of_others"])
    for warning in warnings:
        get_run_logger().warning("open run: %s", warning)
    state = warehouse.start_run(record, actor(), warnings)
    get_run_logger().info(
        "open run %s: %d portfolios, %d scores, %d holdings",
        record.run_id,
        len(limits),
        inputs.scores.height,
        inputs.holdings.height,
    )
    return OpenRun(record.run_id, inputs, is_published=state == PUBLISHED, warnings=warnings)


def actor() -> str:
    """Name who does something to a run: the flow run, for the run's events."""
    name: str | None = flow_run.get_name()
    return f"flow run {name}" if name else "ballast"


def read_inputs(
    warehouse: Warehouse, exchange: str, day: date, limits: dict[str, RebalancingLimits]
) -> tuple[DayInputs, dict[str, Any]]:
    """Give the day's inputs, and where each came from: ingests and earlier runs, for the run record."""
    window = max((one.max_score_age_days for one in limits.values()), default=0)
    # The last scored day before today is looked at too, to see whose score went missing.
    since = days_before(exchange, day, max(window, 1))
    scores = warehouse.query("scores_for_day", as_of_date=day, since=since)
    assets = warehouse.query("assets_for_day", as_of_date=day)
    restrictions = warehouse.query("restrictions_for_day", as_of_date=day)
    positions = warehouse.query("positions_for_day", as_of_date=day)
    published = warehouse.query("published_targets_before", as_of_date=day)
    holdings = newest_holdings(positions, published)
    inputs = DayInputs(
        as_of_date=day,
        limits=limits,
        scores=_aged(scores, exchange, day),
        assets=assets.select("asset", "bucket"),
        holdings=holdings.filter(pl.col("portfolio_id").is_in(list(limits))).drop("as_of_date"),
        restrictions=restrictions.select("portfolio_id", "asset", "restriction", "reason"),
    )
    others = positions.filter(~pl.col("portfolio_id").is_in(list(limits)))
    sources: dict[str, Any] = {
        "positions_of_others": sorted(set(others["portfolio_id"].to_list())),
        "scores": _ingests(scores),
        "assets": _ingests(assets),
        "restrictions": _ingests(restrictions),
        "holdings": _holding_days(holdings),
    }
    return inputs, sources


def newest_holdings(positions: pl.DataFrame, published: pl.DataFrame) -> pl.DataFrame:
    """Take each portfolio's holdings from its positions file, or else from its last published targets.

    Positions of a day are what is held when it starts, so targets published for that day or later are newer.
    """
    columns = ["portfolio_id", "as_of_date", "asset", "current_weight"]
    days = published.group_by("portfolio_id").agg(published_day=pl.col("as_of_date").max())
    is_newer = pl.col("published_day").is_null() | (pl.col("as_of_date") > pl.col("published_day"))
    from_files = positions.join(days, on="portfolio_id", how="left").filter(is_newer).select(columns)
    from_targets = published.select(columns).join(from_files, on="portfolio_id", how="anti")
    return pl.concat([from_files, from_targets]).sort("portfolio_id", "asset")


def _aged(scores: pl.DataFrame, exchange: str, day: date) -> pl.DataFrame:
    ages = score_ages(exchange, scores["as_of_date"], day)
    return (
        scores.rename({"as_of_date": "score_date"})
        .join(ages, on="score_date", how="left", maintain_order="left")
        .select("model", "asset", "score_date", "score_age_days", "score", "technical_score", "fundamental_score")
    )


def _ingests(frame: pl.DataFrame) -> list[int]:
    return sorted(set(frame["ingest_id"].to_list()))


def _holding_days(holdings: pl.DataFrame) -> dict[str, str]:
    days = holdings.group_by("portfolio_id").agg(pl.col("as_of_date").first()).sort("portfolio_id")
    return {portfolio_id: day.isoformat() for portfolio_id, day in days.rows()}
