"""Days with risk limits pass every check of publication, and every sum of `ballast explain` gives its number."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import duckdb
import polars as pl
import pytest

from sizing.frames.day_inputs import DayInputs
from sizing.frames.holding_states import DUST_WEIGHT, count_days
from sizing.lifecycle.transition import correct_states
from sizing.pipeline import rebalance
from sql.records import RunRecord
from sql.warehouse import Warehouse
from tests.sizing.risk.drawn import draw_day
from tests.sql.test_explain_recomputes import TOLERANCE, read_page, value_of

DAYS = 12
KINDS = ("stage1_cap", "stage2_cap", "residual_limit", "drop_reason")
IS_THERE = ("pinned_weight", "volatility_multiplier", "crowding_multiplier", "position_cap")


def _with_states(day: DayInputs) -> DayInputs:
    """Return the day with states of its holdings, as a positions file of the day gives them."""
    files = day.holdings.select("portfolio_id").unique().with_columns(file_date=pl.lit(day.as_of_date))
    corrected = correct_states(day.states, day.holdings, files, DUST_WEIGHT)
    return replace(day, states=count_days(corrected, day.as_of_date, pl.Series([day.as_of_date])))


@pytest.mark.slow
def test_days_with_risk_limits_are_published_and_every_sum_is_right(make_migrated: Callable[[], Warehouse]) -> None:
    warehouse, done, seen = make_migrated(), set[str](), set[tuple[object, ...]]()
    for seed in range(DAYS):
        drawn = draw_day(seed)
        result, run_id = rebalance(_with_states(drawn.day())), f"r{seed}"
        config = {"portfolios": {name: one.model_dump(mode="json") for name, one in drawn.limits.items()}}
        prints = {f"{name}_fingerprint": f"{name} {seed}" for name in ("input", "config", "code")}
        day = result.targets["as_of_date"][0]
        run = RunRecord(run_id, day, tuple(drawn.limits), **prints, config=config, inputs={"exchange": "XNYS"})
        with warehouse.kept_open() as session:
            session.start_run(run, "test")
            assert session.publish(run_id, result._asdict(), "test").is_new, drawn
        with duckdb.connect(str(warehouse.path), read_only=True) as con:
            for own in result.sizing_audit.iter_rows(named=True):
                kind = (*(own[name] for name in KINDS), *(own[name] is None for name in IS_THERE))
                if kind in seen:
                    continue
                seen.add(kind)
                values = {}
                for quantity, value, words in read_page(con, own["portfolio_id"], own["asset"], day):
                    if quantity == "change":
                        break
                    values[quantity] = value
                    if (told := value_of(words)) and value:
                        assert told[0] == pytest.approx(float(value), abs=TOLERANCE, rel=1e-10), (words, value, drawn)
                        done.add(quantity)
                if own["drop_reason"] is None:
                    whole = Decimal(values["rounded down"]) + Decimal(values["rounding unit"])
                    assert whole == own["target_weight"]
            for name in list(drawn.limits)[:2]:
                for quantity, value, words in read_page(con, name, "CASH", day):
                    if quantity == "reachable weight" and (told := value_of(words)):
                        assert told[0] == pytest.approx(float(value), abs=TOLERANCE, rel=1e-10), (words, drawn)
    assert done >= {"by volatility", "by crowding", "size multiplier", "cap", "raw weight", "theta", "rounded down"}
