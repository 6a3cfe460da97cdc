"""Days with risk limits pass every check of publication, and every sum of `ballast explain` gives its number."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from itertools import takewhile

import duckdb
import polars as pl
import pytest

from sizing.frames.day_inputs import DayInputs
from sizing.frames.holding_states import DUST_WEIGHT, count_days
from sizing.lifecycle.transition import correct_states
from sizing.pipeline import Rebalance, rebalance
from sql.records import RunRecord
from sql.warehouse import Warehouse
from tests.sizing.risk.drawn import DrawnRisk, draw_day
from tests.sql.test_explain_recomputes import TOLERANCE, Page, read_page, value_of

DAYS = 8
KINDS = ("stage1_cap", "stage2_cap", "residual_limit", "drop_reason")
IS_THERE = ("pinned_weight", "volatility_multiplier", "crowding_multiplier", "position_cap")


def _with_states(day: DayInputs) -> DayInputs:
    """Return the day with states of its holdings, as a positions file of the day gives them."""
    files = day.holdings.select("portfolio_id").unique().with_columns(file_date=pl.lit(day.as_of_date))
    corrected = correct_states(day.states, day.holdings, files, DUST_WEIGHT)
    return replace(day, states=count_days(corrected, day.as_of_date, pl.Series([day.as_of_date])))


def _publish(warehouse: Warehouse, drawn: DrawnRisk) -> Rebalance:
    """Compute the day and publish it, with every check."""
    result, run_id = rebalance(_with_states(drawn.day())), f"r{drawn.seed}"
    config = {"portfolios": {name: one.model_dump(mode="json") for name, one in drawn.limits.items()}}
    prints = {f"{name}_fingerprint": f"{name} {drawn.seed}" for name in ("input", "config", "code")}
    day = result.targets["as_of_date"][0]
    run = RunRecord(run_id, day, tuple(drawn.limits), **prints, config=config, inputs={"exchange": "XNYS"})
    with warehouse.kept_open() as session:
        session.start_run(run, "test")
        assert session.publish(run_id, result._asdict(), "test").is_new, drawn
    return result


def _recomputed(page: Page) -> dict[str, str]:
    """Return the values of the sizing, those with a sum compared with it, and these under a name with =."""
    values = {}
    for quantity, value, words in takewhile(lambda line: line[0] != "change", page):
        values[quantity] = value
        if (told := value_of(words)) and value:
            assert told[0] == pytest.approx(float(value), abs=TOLERANCE, rel=1e-10), (quantity, words, value)
            values[f"{quantity} ="] = value
    return values


@pytest.mark.slow
def test_days_with_risk_limits_are_published_and_every_sum_is_right(make_migrated: Callable[[], Warehouse]) -> None:
    warehouse, done, seen = make_migrated(), set[str](), set[tuple[object, ...]]()
    for drawn in map(draw_day, range(DAYS)):
        result = _publish(warehouse, drawn)
        day = result.targets["as_of_date"][0]
        with duckdb.connect(str(warehouse.path), read_only=True) as con:
            for own in result.sizing_audit.iter_rows(named=True):
                kind = (*(own[name] for name in KINDS), *(own[name] is None for name in IS_THERE))
                if kind in seen:
                    continue
                seen.add(kind)
                values = _recomputed(read_page(con, own["portfolio_id"], own["asset"], day))
                done |= values.keys()
                if own["drop_reason"] is None:
                    whole = Decimal(values["rounded down"]) + Decimal(values["rounding unit"])
                    assert whole == own["target_weight"]
            _recomputed(read_page(con, next(iter(drawn.limits)), "CASH", day))
    told = ("by volatility", "by crowding", "size multiplier", "cap", "raw weight", "theta", "rounded down")
    assert done >= {f"{quantity} =" for quantity in told}
