"""Which portfolios go through a day together, and what is said of an exchange that is closed."""

from collections.abc import Mapping
from datetime import date

import pytest

from sizing import RebalancingLimits
from sizing.approval import ApprovalPolicy
from tasks.config.portfolios import PortfolioSettings
from tasks.errors import UsageError
from tasks.inputs.portfolio_groups import Group, closed_portfolios, days_of_groups, early_closes, group_portfolios

LIMITS = RebalancingLimits()
ALWAYS = ApprovalPolicy(always=True)
FOURTH_OF_JULY = date(2025, 7, 4)


def _groups(terms: Mapping[str, PortfolioSettings]) -> tuple[Group, ...]:
    return group_portfolios(dict.fromkeys(terms, LIMITS), terms, "XNYS")


def _names(terms: Mapping[str, PortfolioSettings]) -> list[tuple[str, list[str], list[str]]]:
    return [(group.exchange, list(group.limits), list(group.policies)) for group in _groups(terms)]


def test_without_terms_all_portfolios_go_together() -> None:
    assert _names({"b": PortfolioSettings(), "a": PortfolioSettings("XNYS")}) == [("XNYS", ["b", "a"], [])]


def test_groups_are_by_exchange_and_by_approval() -> None:
    terms = {
        "a": PortfolioSettings(),
        "b": PortfolioSettings(None, ALWAYS),
        "c": PortfolioSettings("XLON"),
        "d": PortfolioSettings("XNYS", ALWAYS),
    }
    assert _names(terms) == [("XLON", ["c"], []), ("XNYS", ["a"], []), ("XNYS", ["b", "d"], ["b", "d"])]


def test_a_closed_exchange_is_reported_once_with_its_next_session() -> None:
    groups = _groups({"a": PortfolioSettings(), "b": PortfolioSettings(None, ALWAYS), "c": PortfolioSettings("XLON")})
    assert closed_portfolios(groups, FOURTH_OF_JULY) == (
        "XNYS is closed on 2025-07-04 (Friday), the next session is 2025-07-07: nothing to do for a, b",
    )


def test_an_early_close_is_reported_and_a_usual_one_is_not() -> None:
    groups = _groups({"a": PortfolioSettings(), "c": PortfolioSettings("XLON")})
    assert early_closes(groups, date(2025, 7, 3)) == ("XNYS closes early on 2025-07-03, at 17:00 UTC",)
    assert early_closes(groups, date(2025, 7, 2)) == ()


def test_a_range_has_the_days_on_which_any_exchange_is_open() -> None:
    groups = _groups({"a": PortfolioSettings(), "c": PortfolioSettings("XLON")})
    assert days_of_groups(groups, FOURTH_OF_JULY, date(2025, 7, 6)) == (FOURTH_OF_JULY,)
    with pytest.raises(UsageError, match="no trading day of XLON, XNYS from 2025-07-05"):
        days_of_groups(groups, date(2025, 7, 5), date(2025, 7, 6))
