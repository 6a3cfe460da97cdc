"""Days with risk limits pass every check of publication."""

from collections.abc import Callable
from dataclasses import replace

import polars as pl
import pytest

from sizing.frames.day_inputs import DayInputs
from sizing.frames.holding_states import DUST_WEIGHT, count_days
from sizing.lifecycle.transition import correct_states
from sizing.pipeline import rebalance
from sql.records import RunRecord
from sql.warehouse import Warehouse
from tests.sizing.risk.drawn import DrawnRisk, draw_day
from tests.sql.bare_runs import covering

DAYS = 8


def _with_states(day: DayInputs) -> DayInputs:
    """Return the day with states of its holdings, as a positions file of the day gives them."""
    files = day.holdings.select("portfolio_id").unique().with_columns(file_date=pl.lit(day.as_of_date))
    corrected = correct_states(day.states, day.holdings, files, DUST_WEIGHT)
    return replace(day, states=count_days(corrected, day.as_of_date, pl.Series([day.as_of_date])))


def _publish(warehouse: Warehouse, drawn: DrawnRisk) -> None:
    """Compute the day and publish it, with every check."""
    result, run_id = rebalance(_with_states(drawn.day())), f"r{drawn.seed}"
    covered = covering({name: one.model_dump(mode="json") for name, one in drawn.limits.items()})
    prints = {f"{name}_fingerprint": f"{name} {drawn.seed}" for name in ("input", "config", "code")}
    day = result.targets["as_of_date"][0]
    run = RunRecord(run_id, day, **covered, **prints, inputs={"exchange": "XNYS"})
    with warehouse.kept_open() as session:
        session.start_run(run, "test")
        assert session.publish(run_id, result._asdict(), "test").is_new, drawn


@pytest.mark.slow
def test_days_with_risk_limits_pass_every_check(make_migrated: Callable[[], Warehouse]) -> None:
    warehouse = make_migrated()
    for drawn in map(draw_day, range(DAYS)):
        _publish(warehouse, drawn)
