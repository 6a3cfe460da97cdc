"""What decides a day: which ingests and runs it reads, and what is in them.

A run records its sources, and a replay reads exactly these. What does not belong here: files, what becomes of a run.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any

import polars as pl

from sizing.inputs import DayInputs
from sizing.limits import RebalancingLimits
from sql.warehouse import Warehouse
from tasks.trading_days import days_before, score_ages

NOW = "infinity"
"""Everything that the warehouse knows."""

Limits = Mapping[str, RebalancingLimits]

_SOURCES = {
    "day": pl.Date,
    "kind": pl.String,
    "portfolio_id": pl.String,
    "as_of_date": pl.Date,
    "ingest_id": pl.Int64,
    "run_id": pl.String,
}
_FOR_ALL = ("scores", "assets", "restrictions")
_HELD = ("positions", "targets")


def find_sources(
    warehouse: Warehouse, exchange: str, days: Sequence[date], limits: Limits, known_at: datetime | str = NOW
) -> pl.DataFrame:
    """Say what a run of each day reads, as it was known at `known_at`: one row a day and source.

    Positions of portfolios without limits are named too, since someone may have mistyped a name.
    """
    window = max((one.max_score_age_days for one in limits.values()), default=0)
    # The last scored day before today is looked at too, to see whose score went missing.
    since = [days_before(exchange, day, max(window, 1)) for day in days]
    found = warehouse.query("sources_of_days", days=list(days), since=since, known_at=known_at)
    return newest_holdings(found)


def newest_holdings(sources: pl.DataFrame) -> pl.DataFrame:
    """Take each portfolio's holdings from its positions, or else from its last published targets.

    Positions of a day are what is held when it starts, so targets published for that day or later are newer.
    """
    is_held = pl.col("kind").is_in(_HELD)
    newest = (
        sources.filter(is_held)
        .sort("day", "portfolio_id", "as_of_date", "kind")
        .unique(["day", "portfolio_id"], keep="last", maintain_order=True)
    )
    return pl.concat([sources.filter(~is_held), newest])


def read_days(
    warehouse: Warehouse, exchange: str, days: Sequence[date], limits: Limits, sources: pl.DataFrame
) -> dict[date, DayInputs]:
    """Give the inputs of each day from its sources; what several days share is read once."""
    rows = {
        kind: warehouse.query(f"{kind}_of_ingests", ingest_ids=_ids(sources, kind)) for kind in (*_FOR_ALL, "positions")
    }
    rows["targets"] = warehouse.query("holdings_after_runs", run_ids=sources["run_id"].drop_nulls().unique().to_list())
    return {day: _inputs(exchange, day, limits, sources.filter(pl.col("day") == day), rows) for day in days}


def continue_from(
    inputs: DayInputs, sources: pl.DataFrame, day_before: date, run_id: str, holdings: pl.DataFrame
) -> tuple[DayInputs, pl.DataFrame]:
    """Let a day start from a run of the day before it that is not published yet, except where newer positions are.

    *Requires* in `sources` those of this day alone, and in `holdings` what is held after the run.
    """
    portfolio_ids = list(inputs.limits)
    is_ours = pl.col("portfolio_id").is_in(portfolio_ids) & pl.col("kind").is_in(_HELD)
    is_newer = (pl.col("kind") == "positions") & (pl.col("as_of_date") > day_before)
    kept = sources.filter(~is_ours.fill_null(value=False) | is_newer)
    with_positions = kept.filter(is_ours)["portfolio_id"].implode()
    before = pl.DataFrame({"portfolio_id": portfolio_ids}, schema={"portfolio_id": pl.String}).select(
        day=pl.lit(inputs.as_of_date),
        kind=pl.lit("targets"),
        portfolio_id="portfolio_id",
        as_of_date=pl.lit(day_before),
        ingest_id=pl.lit(None, pl.Int64),
        run_id=pl.lit(run_id),
    )
    has_none = ~pl.col("portfolio_id").is_in(with_positions)
    held = pl.concat([inputs.holdings.filter(~has_none), holdings.filter(has_none)]).sort("portfolio_id", "asset")
    return replace(inputs, holdings=held), pl.concat([kept, before.filter(has_none)])


def as_record(sources: pl.DataFrame, limits: Limits) -> dict[str, Any]:
    """Give the sources of one day as the run keeps them: ingests, and what each portfolio's holdings came from."""
    held = sources.filter(pl.col("kind").is_in(_HELD)).sort("portfolio_id")
    is_ours = pl.col("portfolio_id").is_in(list(limits))
    return {kind: sorted(_ids(sources, kind)) for kind in _FOR_ALL} | {
        "holdings": {
            portfolio_id: {"as_of_date": day.isoformat()} | ({"run_id": run_id} if run_id else {"ingest_id": ingest_id})
            for portfolio_id, day, ingest_id, run_id in held.filter(is_ours)
            .select("portfolio_id", "as_of_date", "ingest_id", "run_id")
            .iter_rows()
        },
        "positions_of_others": held.filter(~is_ours)["portfolio_id"].to_list(),
    }


def recorded_sources(
    warehouse: Warehouse, exchange: str, run: Mapping[str, Any], record: Mapping[str, Any], limits: Limits
) -> pl.DataFrame:
    """Give the sources that a run recorded.

    An earlier release recorded only the day of each portfolio's holdings: these come from what was visible when the
    run was created.
    """
    day = run["as_of_date"]
    lists = [{"day": day, "kind": kind, "ingest_id": one} for kind in _FOR_ALL for one in record[kind]]
    if any(isinstance(source, str) for source in record["holdings"].values()):
        then = find_sources(warehouse, exchange, [day], limits, known_at=run["created_at"])
        return pl.concat([pl.DataFrame(lists, _SOURCES), then.filter(pl.col("kind").is_in(_HELD))])
    held = [
        {"day": day, "kind": "targets" if "run_id" in source else "positions", "portfolio_id": portfolio_id}
        | source
        | {"as_of_date": date.fromisoformat(source["as_of_date"])}
        for portfolio_id, source in record["holdings"].items()
    ]
    return pl.DataFrame([*lists, *held], _SOURCES)


def _ids(sources: pl.DataFrame, kind: str) -> list[int]:
    return sources.filter(pl.col("kind") == kind)["ingest_id"].unique(maintain_order=True).to_list()


def _inputs(
    exchange: str, day: date, limits: Limits, sources: pl.DataFrame, rows: Mapping[str, pl.DataFrame]
) -> DayInputs:
    own = {
        kind: rows[kind].join(sources.filter(pl.col("kind") == kind), on="ingest_id", how="semi", maintain_order="left")
        for kind in _FOR_ALL
    }
    return DayInputs(
        as_of_date=day,
        limits=dict(limits),
        scores=_aged(own["scores"], exchange, day),
        assets=own["assets"].select("asset", "bucket"),
        holdings=_holdings(sources.filter(pl.col("portfolio_id").is_in(list(limits))), rows),
        restrictions=_in_force(own["restrictions"], day),
    )


def _holdings(sources: pl.DataFrame, rows: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    columns = ["portfolio_id", "asset", "current_weight"]
    positions = rows["positions"].join(sources, on=["ingest_id", "portfolio_id", "as_of_date"], how="semi")
    targets = rows["targets"].join(sources, on=["run_id", "portfolio_id"], how="semi")
    return pl.concat([positions.select(columns), targets.select(columns)]).sort("portfolio_id", "asset")


def _aged(scores: pl.DataFrame, exchange: str, day: date) -> pl.DataFrame:
    ages = score_ages(exchange, scores["as_of_date"], day)
    return (
        scores.rename({"as_of_date": "score_date"})
        .join(ages, on="score_date", how="left", maintain_order="left")
        .select("model", "asset", "score_date", "score_age_days", "score", "technical_score", "fundamental_score")
    )


def _in_force(restrictions: pl.DataFrame, day: date) -> pl.DataFrame:
    today = pl.lit(day)
    has_begun = pl.col("valid_from").fill_null(today) <= today
    has_ended = pl.col("valid_until").fill_null(today) < today
    return restrictions.filter(has_begun & ~has_ended).select("portfolio_id", "asset", "restriction", "reason")
