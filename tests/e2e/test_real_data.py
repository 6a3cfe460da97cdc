"""Five real days of 114 US assets, in order, as the daily files come. Skipped where the data is not."""

import asyncio
from datetime import date
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pytest

from flows.daily_rebalance import daily_rebalance
from sizing import RebalancingLimits
from tasks.config.settings import RebalanceConfig, Settings
from tasks.sources.discovery import days_in_inbox
from tests.helpers.installation import with_limits

pytestmark = pytest.mark.usefixtures("shown", "no_charts")

DAYS = 5
LIMITS = {
    "adaptive": RebalancingLimits(),
    "buckets": RebalancingLimits(
        sizing_mode="score_weighted",
        residual_strategy="proportional",
        enable_bucket_diversification=True,
        max_allocation_per_bucket=0.25,
        max_positions_per_bucket=3,
        min_buckets_represented=4,
    ),
    "cash": RebalancingLimits(
        sizing_mode="equal_weight",
        residual_strategy="cash_bucket",
        target_total_allocation=0.9,
        max_single_position=0.08,
        replacement_margin=0.1,
    ),
    "plain": RebalancingLimits(enable_dynamic_sizing=False, max_total_positions=20, max_new_positions=20),
}


@pytest.fixture
def installation(settings: Settings, real_inbox: Path) -> Settings:
    return settings.at({"inbox": real_inbox})


@pytest.mark.slow
def test_days_in_order_leave_a_published_run_each_from_the_targets_before(installation: Settings) -> None:
    days = days_in_inbox(installation.inbox)[:DAYS]
    assert len(days) == DAYS
    for day in days:
        config = RebalanceConfig(as_of_date=day, settings=with_limits(installation, LIMITS))
        assert asyncio.run(daily_rebalance(config, return_state=True)).name == "Published"

    def ask(query: str) -> list[tuple[object, ...]]:
        return installation.open_warehouse().query_snapshot(query).rows()

    assert ask("SELECT as_of_date, state FROM latest_runs ORDER BY 1") == [(day, "published") for day in days]
    assert ask("SELECT portfolio_id, sum(target_weight) FROM current_targets GROUP BY 1 ORDER BY 1") == [
        (name, Decimal(repr(limits.target_total_allocation))) for name, limits in LIMITS.items()
    ]
    assert ask("SELECT count(*) FROM rejected_rows") == [(0,)]
    assert ask("SELECT count(*) FROM constraint_checks WHERE NOT is_ok") == [(0,)]
    for yesterday, today in pairwise(days):
        held = ask(_weights("current_weight", today))
        assert held == ask(_weights("post_trade_weight", yesterday))
        assert held
    _check_thresholds(ask("SELECT score, is_held FROM decisions WHERE is_selected"))


def _weights(column: str, day: date) -> str:
    return (
        f"SELECT portfolio_id, asset, {column} FROM targets "
        f"WHERE as_of_date = DATE '{day}' AND NOT is_cash AND {column} > 0 ORDER BY ALL"
    )


def _check_thresholds(selected: list[tuple[object, ...]]) -> None:
    defaults = RebalancingLimits()
    for score, is_held in selected:
        least = defaults.min_score_threshold if is_held else defaults.min_score_new_position
        assert isinstance(score, float)
        assert score >= least
