"""Open a run: gather what decides the day, name the computation by it, and record that it starts."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple

import polars as pl
from pydantic import ValidationError

from sizing.frames.day_inputs import ENTRY_SCORES_UP_TO, DayFrames, DayInputs
from sizing.frames.holding_states import DUST_WEIGHT
from sizing.limits.model import RebalancingLimits
from sql.any_warehouse import AnyWarehouse
from sql.records import RunRecord, StartedRun
from sql.snapshot_reader import Reader
from tasks.config.settings import Settings
from tasks.errors import ConfigError
from tasks.inputs import fingerprints
from tasks.inputs.asset_lists import describe_delisted
from tasks.inputs.day_inputs import read_days
from tasks.inputs.day_sources import Limits, find_sources
from tasks.inputs.marked_books import describe_unmarked
from tasks.inputs.session_counts import SESSIONS_SINCE, count_sessions, counted_as, describe_other_calendar
from tasks.inputs.source_record import (
    HAS_ENTRY_SCORES,
    SourceRecord,
    as_record,
    find_missing_returns,
    has_same_states,
    read_record,
    recorded_dust_weight,
    recorded_sources,
)
from tasks.inputs.warnings.unknown_names import find_unknown_names, require_known_buckets
from tasks.inputs.warnings.unnamed_portfolios import describe_unnamed, source_of_positions, taken_as_held
from tasks.inputs.warnings.volatility_coverage import describe_missing_volatilities
from tasks.retries import RETRIES
from tasks.run_state import RunState
from tasks.stages import flow_run_id, flow_run_name, run_logger, stage


@dataclass(frozen=True)
class OpenRun:
    """A run that has started, everything that decides its result, what looks like a typing error in it, and by whom."""

    run_id: str
    inputs: DayInputs
    is_published: bool
    warnings: tuple[str, ...]
    is_proposed: bool = False
    by: str = "ballast"


@stage("open run", RETRIES, is_quick=True)
def open_run(
    settings: Settings,
    day: date,
    limits: dict[str, RebalancingLimits],
    others: Collection[str] = (),
    requested_by: str = "",
) -> OpenRun:
    """Read the day's inputs from the warehouse and record the start; the same run twice is recorded as unchanged.

    Every event of the run names who requested it, else the flow run.

    `others` are the portfolios of the day's other runs: to name them is no typing error.
    *Raises* `ConfigError`, and records no run, when include_buckets names a bucket that no asset has.
    """
    with settings.open_warehouse().kept_open() as warehouse:
        run = start_run(
            warehouse,
            settings.exchange,
            day,
            limits,
            others,
            by=requested_by or actor(),
            dust_weight=settings.dust_weight,
            entry_scores_up_to=settings.entry_scores_up_to,
        )
    for warning in run.warnings:
        run_logger().warning("open run: %s", warning)
    run_logger().info(
        "open run %s: %d portfolios, %d scores, %d holdings",
        run.run_id,
        len(limits),
        run.inputs.scores.height,
        run.inputs.holdings.height,
    )
    return run


def start_run(  # noqa: PLR0913 - what names a run, and who starts it
    warehouse: AnyWarehouse,
    exchange: str,
    day: date,
    limits: Limits,
    others: Collection[str],
    *,
    by: str,
    dust_weight: float = DUST_WEIGHT,
    entry_scores_up_to: int = ENTRY_SCORES_UP_TO,
) -> OpenRun:
    """Do as `open_run` does, without an engine."""
    inputs, (record, warnings) = gather(
        warehouse, exchange, day, limits, others, dust_weight=dust_weight, entry_scores_up_to=entry_scores_up_to
    )
    state = warehouse.start_run(record, by, warnings)
    is_published, is_proposed = state == RunState.PUBLISHED, state == RunState.PROPOSED
    if state:
        inputs = as_started_first(warehouse, exchange, record, inputs)
    return OpenRun(record.run_id, inputs, is_published, tuple(warnings), is_proposed, by)


def as_started_first(warehouse: AnyWarehouse, exchange: str, record: RunRecord, inputs: DayInputs) -> DayInputs:
    """Return the inputs of a run that is started again, with the states of holdings that it recorded then.

    Where no limit reads them, the same run may have other ones now; what is kept of it must fit its record.
    """
    run = warehouse.query("run_by_id", run_id=record.run_id).row(0, named=True)
    if has_same_states(read_record(warehouse, run), SourceRecord(record.inputs, record.portfolios)):
        return inputs
    return read_recorded(warehouse, exchange, run).inputs


class Recorded(NamedTuple):
    """The inputs that a run recorded, and in words where today's calendar counts other days; empty: nowhere."""

    inputs: DayInputs
    other_calendar: str


def read_recorded(
    warehouse: Reader, otherwise: str, run: Mapping[str, Any], portfolio_ids: Collection[str] | None = None
) -> Recorded:
    """Return the inputs that a run recorded, their days counted as it did; `portfolio_ids`: of these alone.

    `otherwise` is its exchange where an earlier release recorded none; one that recorded no counts has today's.
    """
    limits, exchange = stored_limits(warehouse, run["run_id"]), stored_exchange(run, otherwise)
    if portfolio_ids is not None:
        limits = {name: limits[name] for name in portfolio_ids}
    record = read_record(warehouse, run)
    sources = recorded_sources(warehouse, exchange, run, record, limits)
    day, dust_weight = run["as_of_date"], recorded_dust_weight(record.inputs)
    read = read_days(warehouse, exchange, [day], limits, sources, dust_weight=dust_weight)[day]
    read = read._replace(has_entry_scores=record.inputs.get(HAS_ENTRY_SCORES, True))
    counts = record.inputs.get(SESSIONS_SINCE, {})
    other_calendar = describe_other_calendar(day, counts, count_sessions(read), exchange)
    return Recorded(DayInputs(*counted_as(read, counts)), other_calendar)


def gather(  # noqa: PLR0913 - what decides a day
    warehouse: AnyWarehouse,
    exchange: str,
    day: date,
    limits: Limits,
    others: Collection[str] = (),
    *,
    dust_weight: float = DUST_WEIGHT,
    entry_scores_up_to: int = ENTRY_SCORES_UP_TO,
) -> tuple[DayInputs, StartedRun]:
    """Read what decides the day, and name the computation of it. *Raises* `ConfigError` as `open_run` does."""
    sources = find_sources(warehouse, exchange, [day], limits)
    read = read_days(
        *(warehouse, exchange, [day], limits, sources), dust_weight=dust_weight, entry_scores_up_to=entry_scores_up_to
    )
    inputs = DayInputs(*read[day])
    return inputs, describe(inputs.frames, sources, exchange, flow_run_id(), others, dust_weight=dust_weight)


def describe(  # noqa: PLR0913 - what names a run, and what its record keeps
    inputs: DayFrames,
    sources: pl.DataFrame,
    exchange: str,
    flow_run_id: str | None,
    others: Collection[str] = (),
    *,
    dust_weight: float = DUST_WEIGHT,
    estimates: pl.DataFrame | None = None,
) -> StartedRun:
    """Name the computation by its inputs, limits and code, and report what looks like an error in them.

    `estimates`: the day's, where they are known. *Requires* the sources of the day alone. *Raises* `ConfigError` when
    include_buckets names a bucket that no asset has.
    """
    require_known_buckets(inputs)
    missing = find_missing_returns(inputs, sources, exchange)
    read = as_record(inputs, sources, exchange, missing["portfolio_id"], dust_weight)
    limits = fingerprints.LimitSets.of(inputs.limits)
    prints = fingerprints.Fingerprints.of(inputs, limits)
    record = RunRecord(
        run_id=fingerprints.run_id(inputs.as_of_date, prints),
        as_of_date=inputs.as_of_date,
        portfolios=read.portfolios.with_columns(limit_set=pl.Series(limits.places)),
        limit_sets=limits.sets,
        input_fingerprint=prints.inputs,
        config_fingerprint=prints.config,
        code_fingerprint=prints.code,
        inputs=read.inputs | ({"renamed": dict(inputs.renamed)} if inputs.renamed else {}),
        flow_run_id=flow_run_id,
    )
    positions = source_of_positions(read.inputs, inputs.as_of_date)
    unknown_names = find_unknown_names(inputs, read.inputs["positions_of_others"], others, positions)
    unnamed = describe_unnamed(taken_as_held(read.portfolios))
    warnings = (*describe_delisted(inputs), *unknown_names, *unnamed, *describe_unmarked(missing))
    return StartedRun(record, (*warnings, *describe_missing_volatilities(inputs, estimates)))


def stored_limits(warehouse: Reader, run_id: str) -> dict[str, RebalancingLimits]:
    """Return the limits that a run was computed with: those of portfolios with the same limits are one object.

    *Raises* `ConfigError` for limits that this code does not know.
    """
    sets = warehouse.query("limits_of_run", run_id=run_id)
    portfolios = warehouse.query("portfolios_of_run", run_id=run_id)
    try:
        known = {key: RebalancingLimits.model_validate_json(limits) for key, limits in sets.iter_rows()}
        return {
            name: known[key] for name, key in portfolios.select("portfolio_id", "limits_key").drop_nulls().iter_rows()
        }
    except ValidationError as error:
        msg = (
            f"run {run_id} was computed with limits that this code does not know: {error}. Nothing was "
            "recorded: use the version that computed it"
        )
        raise ConfigError(msg) from None


def stored_exchange(run: Mapping[str, Any], otherwise: str) -> str:
    """Return the exchange whose days a run counted; runs of an earlier release had that of the installation."""
    exchange: str = json.loads(run["inputs"]).get("exchange", otherwise)
    return exchange


def actor() -> str:
    """Name who does something to a run: the flow run, for the run's events."""
    name: str | None = flow_run_name()
    return f"flow run {name}" if name else "ballast"
