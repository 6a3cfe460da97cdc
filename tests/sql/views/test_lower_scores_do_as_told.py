"""What `explain` says of a lower score of a holding, compared with the rules: let it fall below, and see."""

from collections.abc import Callable
from datetime import date

import duckdb
import pytest

from sizing import RebalancingLimits
from sizing.pipeline import Rebalance
from sql.warehouse import Warehouse
from tests.sizing.days import by_asset
from tests.sizing.lifecycle.states import SESSIONS
from tests.sizing.lifecycle.walk import walk_on
from tests.sql.lifecycle_days import LIMITS, publish_day

pytestmark = pytest.mark.slow

OUTCOMES = {"frozen": {"frozen"}, "grace begins": {"grace"}, "grace goes on": {"grace"}, "out": {"out"}}
SIZES = {"max", "standard", "base", "light", "none"}

LOW_TIERS = [(0.8, "max", 1.5), (0.63, "light", 0.8)]
"""A holding may pass the exit score and have no size."""

SCORES = (0.9, 0.68, 0.5, 0.66, 0.5, 0.7, 0.66)
OFF = {"grace_period_days": 0, "min_holding_days": 0, "max_holding_days": None, "reentry_cooldown_days": 0}
CORE = {"core_assets": {"a": {"until": SESSIONS[3], "reason": "mandate"}}}
CASES = {
    "off": OFF,
    "grace": OFF | {"grace_period_days": 2},
    "lock": OFF | {"min_holding_days": 5},
    "core": OFF | CORE | {"grace_period_days": 2},
    "term": OFF | {"max_holding_days": 2, "grace_period_days": 2},
    "low tiers": OFF | {"score_tiers": LOW_TIERS, "min_holding_days": 3, "grace_period_days": 1},
}
EXPECTED = {
    "off": {"out", "smaller size"},
    "grace": {"grace begins", "grace goes on"},
    "lock": {"frozen"},
    "core": {"frozen", "grace begins"},
    "term": {"out", "grace begins"},
    "low tiers": {"frozen", "out"},
}


def outcome_of(result: Rebalance) -> str:
    """Return the outcome of `a`: out, frozen, in grace, or the size that it has."""
    decision, size = by_asset(result.decisions)["a"], by_asset(result.sizing_audit).get("a", {})
    if not decision["is_selected"]:
        return "out"
    if size["pinned_weight"] is not None:
        return "frozen" if decision["is_locked"] else "grace"
    return str(size["size_category"])


def told(warehouse: Warehouse, day: date) -> dict[str, float]:
    """Return the scores below which something else is said to become of `a`."""
    with duckdb.connect(str(warehouse.path), read_only=True) as con:
        rows = con.execute("SELECT quantity, value FROM what_would_change('P', 'a', ?)", [day]).fetchall()
    return {quantity: float(value) for quantity, value in rows if quantity in {"smaller size", *OUTCOMES}}


def scores(of_a: float) -> dict[str, float]:
    return {"a": of_a, "b": 0.9, "c": 0.8}


@pytest.mark.parametrize("case", CASES)
def test_a_lower_score_does_what_is_told(make_migrated: Callable[[], Warehouse], case: str) -> None:
    limits = RebalancingLimits.model_validate(LIMITS.model_dump() | CASES[case])
    warehouse, yesterday, seen = make_migrated(), None, set()
    for number, score in enumerate(SCORES):
        today = walk_on(limits, scores(score), yesterday, number)
        publish_day(warehouse, today, {"P": limits})
        lower = told(warehouse, SESSIONS[number])
        for quantity, value in lower.items():
            at, below = (outcome_of(walk_on(limits, scores(one), yesterday, number)) for one in (value, value - 1e-9))
            assert at != below, (number, quantity, value)
            assert below in OUTCOMES.get(quantity, SIZES), (number, quantity, value)
        if outcome_of(today) in SIZES:
            lowest = outcome_of(walk_on(limits, scores(0.0), yesterday, number))
            assert any(lowest in OUTCOMES.get(quantity, SIZES) for quantity in lower), (number, lowest, lower)
        seen |= lower.keys()
        yesterday = today
    assert seen >= EXPECTED[case]
