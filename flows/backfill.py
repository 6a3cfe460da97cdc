"""Backfill: the trading days of a range in order, as the daily rebalance publishes them, many days a second."""

from datetime import date
from itertools import groupby
from typing import Any, Self

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run
from prefect.states import Completed
from pydantic import BaseModel, ConfigDict, Field, model_validator

from flows.progress import ProgressOf
from sizing import RebalancingLimits
from tasks.backfill import HELD, DayDone, backfill_days, ingest_days, report_backfill
from tasks.copy import copy_or_warn
from tasks.portfolios import load_portfolios
from tasks.publish import snapshot
from tasks.report import with_warnings
from tasks.settings import Settings
from tasks.trading_days import require_trading_days

HELD_STATE, PUBLISHED_STATE = "Held", "Published"
"""The names of the states in which a backfill can complete."""


class BackfillConfig(BaseModel):
    """Which days are published, one run a trading day, and what a held day does to those after it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    first: date = Field(description="First day of the range.")
    last: date = Field(description="Last day of the range, not before the first.")
    keep_going: bool = Field(
        default=False, description="Go on after a held day, with the targets published before it; else it is the end."
    )
    portfolios: dict[str, RebalancingLimits] = Field(
        default={}, description="Limits of each portfolio; empty: those of the config file."
    )
    settings: Settings = Field(
        default_factory=Settings, description="Where this installation keeps its things; empty: from BALLAST_*."
    )

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.last < self.first:
            msg = "last is before first"
            raise ValueError(msg)
        return self


def run_name() -> str:
    """Name a flow run by its range."""
    config = BackfillConfig.model_validate(flow_run.get_parameters()["config"])
    return f"backfill {config.first} to {config.last}"


@flow(name="backfill", flow_run_name=run_name, persist_result=False)
async def backfill(config: BackfillConfig) -> State[Any]:
    """Publish the trading days of a range in order, one run a day, with the rows that the daily rebalance gives.

    Days that are published already with the same inputs, limits and code stay: stopped in the middle, it goes on where
    it was. One task a quarter of days; every day's targets are exported, and readers get one snapshot at the end.

    Args:
        config: The range, the portfolios' limits, and where this installation keeps its things.

    """
    settings = config.settings
    days = require_trading_days(settings.exchange, config.first, config.last)
    limits = config.portfolios or load_portfolios(settings.config)
    ingested = ingest_days(settings, days, limits)
    progress = ProgressOf(len(days))
    done: list[DayDone] = []
    try:
        for _, quarter in groupby(days, key=lambda day: (day.year, (day.month - 1) // 3)):
            done += backfill_days(settings, tuple(quarter), limits, keep_going=config.keep_going)
            await progress.advance(len(done), f"after {done[-1].day}")
            if done[-1].state == HELD and not config.keep_going:
                break
    finally:
        snapshot(settings, done[-1].day if done else days[0])
    not_copied = copy_or_warn(settings)
    is_held = any(one.state == HELD for one in done)
    return Completed(
        name=HELD_STATE if is_held else PUBLISHED_STATE,
        message=with_warnings(report_backfill(tuple(done), ingested), *not_copied),
    )
