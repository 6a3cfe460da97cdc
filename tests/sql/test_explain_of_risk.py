"""Days with risk limits pass every check of publication, and every sum of `ballast explain` gives the number beside it."""

from collections.abc import Callable
from decimal import Decimal

import duckdb
import pytest

from sql.records import RunRecord
from sql.warehouse import Warehouse
from tests.sizing.risk.drawn import draw_day
from tests.sql.test_explain_recomputes import TOLERANCE, read_page, value_of

DAYS = 25


@pytest.mark.slow
def test_days_with_risk_limits_are_published_and_every_sum_is_right(make_migrated: Callable[[], Warehouse]) -> None:
    warehouse, done = make_migrated(), set[str]()
    for seed in range(DAYS):
        drawn = draw_day(seed)
        result, run_id = drawn.result, f"r{seed}"
        config = {"portfolios": {name: one.model_dump(mode="json") for name, one in drawn.limits.items()}}
        prints = {f"{name}_fingerprint": f"{name} {seed}" for name in ("input", "config", "code")}
        day = result.targets["as_of_date"][0]
        run = RunRecord(run_id, day, tuple(drawn.limits), **prints, config=config, inputs={"exchange": "XNYS"})
        with warehouse.kept_open() as session:
            session.start_run(run, "test")
            assert session.publish(run_id, result._asdict(), "test").is_new, drawn
        with duckdb.connect(str(warehouse.path), read_only=True) as con:
            for own in result.sizing_audit.iter_rows(named=True):
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
            for name in drawn.limits:
                for quantity, value, words in read_page(con, name, "CASH", day):
                    if quantity == "reachable weight" and (told := value_of(words)):
                        assert told[0] == pytest.approx(float(value), abs=TOLERANCE, rel=1e-10), (words, drawn)
    assert done >= {"by volatility", "by crowding", "size multiplier", "cap", "raw weight", "theta", "rounded down"}
