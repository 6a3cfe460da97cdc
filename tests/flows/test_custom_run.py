"""A custom run goes the way of the daily rebalance, with the limits that were typed in."""

import asyncio
from datetime import date

import pytest

from flows.custom_run import CustomRunConfig, custom_run
from tasks.config.settings import Settings

pytestmark = [pytest.mark.server, pytest.mark.usefixtures("connected")]


def test_a_custom_run_publishes_one_portfolio_with_the_limits_of_the_form(settings: Settings) -> None:
    config = CustomRunConfig(
        portfolio_id="core",
        as_of_date=date(2025, 6, 2),
        requested_by="Ada",
        limits={"max_single_position": 0.1, "max_new_positions": 2, "min_position_size": None},
        settings=settings,
    )
    state = asyncio.run(custom_run(config, return_state=True))
    assert state.name == "Published"
    assert str(state.message).startswith("core 2 positions, 2 opened, 0 closed, cash 0.7500\n")
    told = str(state.message).split("limits other than in ")[1].splitlines()[0]
    assert told.endswith("in brackets): max_single_position 0.1 (0.11), max_new_positions 2 (4)"), told
    by = settings.open_warehouse().query_snapshot('SELECT DISTINCT "by" FROM run_events')
    assert by.rows() == [("Ada",)]
    asked = "SELECT asset, target_weight::VARCHAR FROM current_targets WHERE NOT is_cash ORDER BY asset"
    assert settings.open_warehouse().query_snapshot(asked).rows() == [("AMZN", "0.10000000"), ("LLY", "0.10000000")]
