"""Which sessions that limits read the returns of have no prices, in files and in the warehouse."""

from datetime import date

from sizing import RebalancingLimits
from tasks.preflight.price_coverage import describe_missing_prices
from tasks.trading_calendar import find_calendar

DAY = date(2025, 6, 6)
READS = RebalancingLimits(volatility_mode="inverse", volatility_window_days=25, min_observations=20)
CALENDARS = {"XNYS": {"core": READS, "still": RebalancingLimits()}}
WINDOW = find_calendar("XNYS").until(DAY, 26)


def test_prices_of_the_window_and_the_session_before_it_are_enough() -> None:
    assert describe_missing_prices(DAY, CALENDARS, WINDOW) == ()
    assert describe_missing_prices(DAY, {"XNYS": {"still": RebalancingLimits()}}, ()) == ()


def test_a_session_without_prices_is_told() -> None:
    for missing in (WINDOW[0], DAY):
        [told] = describe_missing_prices(DAY, CALENDARS, set(WINDOW) - {missing})
        assert "core" in told
        assert "still" not in told
        assert f"1 session of {WINDOW[0]} to {DAY} has no prices ({missing})" in told
        assert "No name" not in told


def test_too_few_prices_for_any_volatility_are_told() -> None:
    enough, told = (describe_missing_prices(DAY, CALENDARS, WINDOW[-n:])[0] for n in (21, 20))
    assert "No name has a volatility" not in enough
    assert "6 sessions of" in told
    assert "No name has a volatility" in told
