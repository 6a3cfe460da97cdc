"""Whatever the day, what the rules decide passes every check of the warehouse: the two were written apart."""

from random import Random

import pytest

from sizing.pipeline import rebalance
from sizing.selection.gates import GATES
from sql.records import RunRecord
from tasks.config.settings import Settings
from tasks.inputs.fingerprints import limits_as_json
from tests.properties.selection_days import make_day

DAYS = 4


@pytest.mark.slow
def test_random_days_of_many_portfolios_are_published(settings: Settings) -> None:
    warehouse = settings.open_warehouse()
    warehouse.migrate()
    for seed in range(DAYS):
        day = make_day(Random(seed)).day()
        run = RunRecord(str(seed), day.as_of_date, tuple(day.limits), "i", "l", "c", limits_as_json(day.limits), {})
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
    assert gates == len(GATES)
