"""With which target volatility a portfolio that is scaled down would invest all it should."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sizing import RebalancingLimits
from sizing.pipeline import rebalance
from tests.helpers.examples import examples
from tests.sizing.risk.days import FREE, made_of, risk_day, summary


def _told(volatility: float, target: float) -> tuple[float, str | None]:
    """Return the scale of a portfolio of one name that moves so much, and what would invest it all."""
    whole = {"target_total_allocation": 1.0, "max_single_position": 1.0, "target_volatility": target}
    limits = RebalancingLimits(**FREE | whole)
    told = summary(rebalance(risk_day(limits, made_of({"a": volatility}))))
    return told["risk_scale"], told["relaxation"]


@pytest.mark.parametrize(
    ("volatility", "target", "wider"),
    [
        (0.25, 0.2, "0.25"),  # to float noise: 0.25 is enough
        (0.25001, 0.2, "0.2501"),
        (0.2001, 0.2, "0.2001"),
        (1.0, 0.2, "1.0"),
    ],
)
def test_the_least_target_that_would_invest_it_all_is_named(volatility: float, target: float, wider: str) -> None:
    scale, told = _told(volatility, target)
    assert scale == pytest.approx(target / volatility)
    assert told == f"target_volatility {target} -> {wider} would invest it all"


@pytest.mark.parametrize(("volatility", "scale"), [(0.2, 1.0), (0.1, 1.0), (1.5, 0.2 / 1.5)])
def test_none_is_named_where_nothing_is_scaled_down_or_no_target_is_wide_enough(
    volatility: float, scale: float
) -> None:
    assert _told(volatility, 0.2) == (pytest.approx(scale), None)


@given(steps=st.integers(2_001, 9_999))
@settings(max_examples=examples(20), deadline=None)
def test_it_is_the_volatility_itself_where_that_can_be_typed(steps: int) -> None:
    volatility = steps / 10_000
    scale, told = _told(volatility, 0.2)
    assert told == f"target_volatility 0.2 -> {volatility} would invest it all"
    assert scale < 1
    assert _told(volatility, volatility) == (1.0, None)
