"""The answer of `ballast explain` in a sentence: of the book that the trades leave, and of what stops them."""

from datetime import date
from typing import Any

import pytest

from flows.cli.queries.explain_view import answer

DAY = date(2025, 6, 2)


def _story(held: str, target: str, traded: str, **limits: str) -> dict[str, Any]:
    """The steps that the answer is made of: each a number, and the limit that it is compared with."""
    values = {"holding": held, "target weight": target, "trade": traded, "gate": "none", "turnover": "0.1"}
    given = {name: value for name, value in values.items() if name != "turnover" or name in limits}
    return {name: {"value": value, "limit_value": limits.get(name), "words": ""} for name, value in given.items()}


@pytest.mark.parametrize(
    ("story", "sentence"),
    [
        (_story("0", "0.2", "0.2"), "p opens A at 0.2000 on 2025-06-02."),
        (
            _story("0", "0.2", "0.1", turnover="max_turnover 0.1"),
            "p opens A at 0.1000 on 2025-06-02; max_turnover 0.1 keeps it from its target 0.2000.",
        ),
        (
            _story("0.4", "0.2", "-0.1", turnover="max_turnover 0.1", trade="rebalance_band 0.05"),
            "p decreases A from 0.4000 to 0.3000 on 2025-06-02; max_turnover 0.1 keeps it from its target 0.2000.",
        ),
        (
            _story("0.4", "0", "-0.1", turnover="max_turnover 0.1"),
            "p decreases A from 0.4000 to 0.3000 on 2025-06-02; max_turnover 0.1 keeps it from its target 0.0000.",
        ),
        (_story("0.4", "0", "-0.4"), "p closes A, held at 0.4000, on 2025-06-02."),
        (
            _story("0.20", "0.2001", "0", turnover="max_turnover 0.1", trade="rebalance_band 0.05"),
            "p keeps A at 0.2000 on 2025-06-02; rebalance_band 0.05 keeps it from its target 0.2001.",
        ),
        (_story("0.2", "0.2", "0"), "p keeps A at 0.2000 on 2025-06-02."),
        (_story("0.1", "0.2", "0.1"), "p increases A from 0.1000 to 0.2000 on 2025-06-02."),
    ],
)
def test_the_answer_is_of_the_book_after_the_trades(story: dict[str, Any], sentence: str) -> None:
    assert answer("p", "A", DAY, story) == sentence


@pytest.mark.parametrize(
    ("after", "sentence"),
    [
        ("0.0100", "p leaves 0.0100 in cash on 2025-06-02; the targets leave 0.0000: max_single_position binds."),
        ("0", "p leaves 0.0000 in cash on 2025-06-02: max_single_position binds."),
        (None, "p leaves 0.0000 in cash on 2025-06-02: max_single_position binds."),
    ],
)
def test_cash_is_what_the_trades_leave(after: str | None, sentence: str) -> None:
    story = {
        "target weight": {"value": "0.0"},
        "post-trade": {"value": after},
        "reachable weight": {"value": "0.9", "limit_value": "max_single_position"},
    }
    assert answer("p", "CASH", DAY, story) == sentence


def test_cash_of_a_snapshot_from_before_the_trades_is_that_of_the_targets() -> None:
    story = {"target weight": {"value": "0.0"}, "reachable weight": {"value": "0.9", "limit_value": None}}
    assert answer("p", "CASH", DAY, story) == "p leaves 0.0000 in cash on 2025-06-02."
