"""Days with lifecycle limits as published runs: computed by the rules, written without the checks of publication."""

from collections.abc import Mapping
from datetime import date

import duckdb
import polars as pl

from sizing import RebalancingLimits
from sizing.pipeline import Rebalance
from sql.records import RunRecord
from sql.warehouse import Warehouse
from tests.sizing.lifecycle.walk import walk
from tests.sql.bare_runs import covering, make_visible

SESSIONS = pl.Series([date(2025, 7, day) for day in (1, 2, 3, 7, 8, 9, 10, 11, 14, 15, 16, 17, 18, 21, 22)])
"""Sessions of XNYS."""

LIMITS = RebalancingLimits(
    grace_period_days=3,
    min_holding_days=3,
    max_holding_days=10,
    reentry_cooldown_days=5,
    incumbent_bias=0.1,
    rebalance_band=0.0,
    max_missing_score_share=1,
)
LIFE = [{"b": 0.9, "c": 0.8, "a": score} for score in (0.9, 0.9, 0.5, 0.5, 0.9, 0.5, 0.5, 0.5, 0.5, 0.9, 0.9, 0.9)]
"""Asset a is opened on 1 July, fails on the 3rd while it is locked, is in grace on the 7th, recovers on the 8th, fails
from the 9th on, is closed on the 14th, and may be opened on the 22nd. The term of b and c is over on the 16th."""


def publish_life(warehouse: Warehouse, days: int = len(LIFE), limits: RebalancingLimits = LIMITS) -> list[Rebalance]:
    """Publish the first days of LIFE for portfolio P, and return their results."""
    results = list(walk(limits, LIFE[:days], sessions=SESSIONS))
    for one in results:
        publish_day(warehouse, one, {"P": limits})
    return results


def publish_day(warehouse: Warehouse, result: Rebalance, limits: Mapping[str, RebalancingLimits]) -> str:
    """Write the result of a day as a published run of its portfolios, and return its name."""
    day: date = result.targets["as_of_date"][0]
    run_id = run_of(day)
    prints = {"input_fingerprint": run_id, "config_fingerprint": "config", "code_fingerprint": "code"}
    covered = covering(
        {name: one.model_dump(mode="json") for name, one in limits.items()},
        state_run_id=[_last_run(warehouse, day)] * len(limits),
        reads_states=[False] * len(limits),
    )
    record = RunRecord(run_id, day, **covered, **prints, inputs={"exchange": "XNYS"})
    warehouse.start_run(record, "test")
    with duckdb.connect(str(warehouse.path)) as con:
        for table, rows in result._asdict().items():
            con.register("rows", rows.with_columns(run_id=pl.lit(run_id)))
            con.execute(f"INSERT INTO {table} BY NAME SELECT * FROM rows")
        event = "SELECT max(event_id) + 1, ?, 'published', now(), 'test', 'test' FROM run_events"
        con.execute(f"INSERT INTO run_events {event}", [run_id])
        make_visible(con)
    return run_id


def _last_run(warehouse: Warehouse, day: date) -> str | None:
    with duckdb.connect(str(warehouse.path)) as con:
        rows = con.execute("SELECT max(run_id) FROM runs WHERE as_of_date < ?", [day]).fetchall()
    last: str | None = rows[0][0]
    return last


def run_of(day: date) -> str:
    return f"{day}-run"
