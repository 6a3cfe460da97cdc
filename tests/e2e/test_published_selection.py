"""Whatever the day, what the rules decide passes every check of the warehouse: the two were written apart."""

from dataclasses import replace
from datetime import timedelta

import polars as pl
import pytest

from sizing.frames.day_inputs import DayInputs
from sizing.frames.holding_states import DUST_WEIGHT, count_days
from sizing.lifecycle.transition import correct_states
from sizing.pipeline import rebalance
from sizing.selection.gates import GATES
from sql.records import RunRecord
from tasks.config.settings import Settings
from tasks.inputs.fingerprints import LimitSets
from tests.properties.selection_days import PORTFOLIOS, known_day
from tests.sizing.days import AS_OF

DAYS = 4


def with_states(day: DayInputs) -> DayInputs:
    """Return the day with the states that a positions file of it leaves."""
    sessions = pl.Series([AS_OF - timedelta(days=number) for number in range(100, -1, -1)])
    files = pl.DataFrame({"portfolio_id": list(day.limits)}).with_columns(file_date=pl.lit(day.as_of_date))
    states = correct_states(day.states, day.holdings, files, DUST_WEIGHT)
    return replace(day, states=count_days(states, day.as_of_date, sessions))


@pytest.mark.slow
def test_random_days_of_many_portfolios_are_published(settings: Settings) -> None:
    warehouse = settings.open_warehouse()
    warehouse.migrate()
    for seed in range(DAYS):
        day = with_states(known_day(seed, PORTFOLIOS).day())
        limits = LimitSets.of(day.limits)
        portfolios = pl.DataFrame({"portfolio_id": limits.portfolio_ids, "limit_set": limits.places})
        run = RunRecord(str(seed), day.as_of_date, portfolios, limits.sets, "i", "l", "c", {})
        warehouse.start_run(run, "test")
        assert warehouse.publish(run.run_id, rebalance(day)._asdict(), "test").is_new
    warehouse.snapshot(day.as_of_date)
    [(missed, told)] = warehouse.query_snapshot(
        "SELECT count(*), count(*) FILTER (len(reason) > 20) FROM constraint_checks "
        "WHERE constraint_name = 'min_buckets_represented' AND value < limit_value"
    ).rows()
    assert missed == told > 0
    [(selected, refused, gates)] = warehouse.query_snapshot(
        "SELECT count(*) FILTER (is_selected AND NOT is_pinned), "
        "count(*) FILTER (NOT is_selected AND entry_score > score), count(DISTINCT gate) FROM decisions"
    ).rows()
    assert min(selected, refused) > 100
    assert gates == len(GATES) - 1  # all but no_volatility: no limit of these days reads one
