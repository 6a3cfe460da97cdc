"""When targets wait for a person: just above a limit, not at it, and every reason is said with what was got."""

from decimal import Decimal

import polars as pl
import pytest
from pydantic import ValidationError

from sizing.approval import ApprovalPolicy, find_approvals, summarise_moves

Trade = tuple[str, str, str]


def _targets(*trades: Trade) -> pl.DataFrame:
    """Build the trades of assets, and of each portfolio the row CASH that makes up for them."""
    rows = [(portfolio_id, False, action, Decimal(weight)) for portfolio_id, action, weight in trades]
    portfolios = dict.fromkeys(portfolio_id for portfolio_id, _, _ in trades)
    cash = [(one, True, "hold", -sum(row[3] for row in rows if row[0] == one)) for one in portfolios]
    schema = {"portfolio_id": pl.String, "is_cash": pl.Boolean, "action": pl.String, "trade_weight": pl.Decimal(10, 8)}
    return pl.DataFrame([*rows, *cash], schema, orient="row")


# Sold 0.1 and bought 0.3: half of 0.4 is traded, 0.2 of cash goes in.
TARGETS = _targets(("core", "close", "-0.1"), ("core", "open", "0.3"), ("core", "hold", "0"), ("quiet", "hold", "0"))


def _asked(*, is_first_day: bool = False, **policy: object) -> list[tuple[object, ...]]:
    moves = summarise_moves(TARGETS).with_columns(is_first_day=pl.lit(is_first_day))
    one = ApprovalPolicy.model_validate(policy)
    return find_approvals(moves, {"core": one, "quiet": one, "gone": one}).rows()


def test_turnover_is_half_of_all_that_is_traded_and_cash_is_what_buys_and_sells_differ_by() -> None:
    assert summarise_moves(TARGETS).rows() == [("core", 0.2, 1, 0.2), ("quiet", 0.0, 0, 0.0)]


@pytest.mark.parametrize("policy", [{"max_turnover": 0.2}, {"max_closes": 1}, {"max_cash_moved": 0.2}])
def test_a_day_at_its_limit_does_not_wait(policy: dict[str, float]) -> None:
    assert _asked(**policy) == []


@pytest.mark.parametrize(
    ("policy", "reason"),
    [
        ({"max_turnover": 0.19999999}, "turnover 0.2 is above max_turnover 0.19999999"),
        ({"max_closes": 0}, "n_close 1 is above max_closes 0"),
        ({"max_cash_moved": 0.1}, "cash_moved 0.2 is above max_cash_moved 0.1"),
        (
            {"max_turnover": 0.1, "max_closes": 0, "four_eyes": True},
            "turnover 0.2 is above max_turnover 0.1; n_close 1 is above max_closes 0",
        ),
    ],
)
def test_a_day_above_a_limit_waits_and_says_by_how_much(policy: dict[str, float], reason: str) -> None:
    assert _asked(**policy) == [("core", reason, policy.get("four_eyes", False))]


def test_the_smallest_stored_weight_above_the_limit_is_seen() -> None:
    moves = summarise_moves(_targets(("core", "open", "0.40000001"))).with_columns(is_first_day=pl.lit(value=False))
    [(_, reason, _)] = find_approvals(moves, {"core": ApprovalPolicy(max_turnover=0.2)}).rows()
    assert reason == "turnover 0.200000005 is above max_turnover 0.2"


def test_always_asks_of_a_day_without_a_trade_too() -> None:
    assert [portfolio_id for portfolio_id, *_ in _asked(always=True)] == ["core", "quiet"]


def test_only_a_first_day_is_a_first_day() -> None:
    assert _asked(first_day=True) == []
    assert _asked(first_day=True, is_first_day=True) == [
        ("core", "first day: nothing earlier is visible", False),
        ("quiet", "first day: nothing earlier is visible", False),
    ]


@pytest.mark.parametrize("policy", [{}, {"four_eyes": True}, {"always": False, "first_day": False}])
def test_a_policy_that_never_asks_is_rejected(policy: dict[str, bool]) -> None:
    with pytest.raises(ValidationError, match="no day would wait"):
        ApprovalPolicy.model_validate(policy)


def test_a_limit_in_percent_is_rejected() -> None:
    with pytest.raises(ValidationError, match="less than or equal to 1"):
        ApprovalPolicy(max_turnover=20)
