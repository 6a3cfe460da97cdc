"""Returns of sessions: of consecutive closes only, given ones first, suspect ones named, nothing filled."""

from datetime import date

import polars as pl
import pytest

from sizing.frames.prices import PRICES, Prices
from sizing.risk.returns import compound_returns, is_suspect, session_returns

MON, TUE, WED, THU = SESSIONS = [date(2025, 6, day) for day in (2, 3, 4, 5)]
SATURDAY = date(2025, 6, 7)

Row = tuple[date, str, float | None, float | None, float | None]


def prices(*rows: Row) -> pl.DataFrame:
    return Prices.validate(pl.DataFrame(rows, schema=PRICES.schema, orient="row"))


def returns(*rows: Row) -> dict[tuple[str, date], tuple[float, bool]]:
    found = session_returns(prices(*rows), SESSIONS).with_columns(is_suspect=is_suspect(0.5)).drop("is_given")
    return {(asset, session): (moved, suspect) for asset, session, moved, suspect in found.iter_rows()}


def test_a_return_is_of_two_consecutive_sessions() -> None:
    found = returns(
        (MON, "A", 100.0, None, None), (TUE, "A", 110.0, None, None), (THU, "A", 121.0, None, None),
        (MON, "B", 10.0, None, None), (WED, "B", 11.0, None, None),
    )  # fmt: skip
    assert found == {("A", TUE): (pytest.approx(0.1), False)}


def test_rows_of_other_days_are_ignored() -> None:
    found = session_returns(prices((THU, "A", 100.0, None, None), (SATURDAY, "A", 110.0, None, None)), SESSIONS)
    assert found.is_empty()


def test_a_factor_makes_up_for_a_split_and_needs_a_close_before_it() -> None:
    found = returns((TUE, "A", 100.0, 3.0, None), (WED, "A", 51.0, 2.0, None))
    assert found == {("A", WED): (pytest.approx(0.02), False)}


def test_a_given_return_wins_needs_no_close_and_is_never_suspect() -> None:
    found = returns(
        (MON, "A", 100.0, None, None), (TUE, "A", 100.0, None, 0.03), (WED, "A", None, None, -0.8),
        (THU, "A", 120.0, None, None),
    )  # fmt: skip
    assert found == {("A", TUE): (0.03, False), ("A", WED): (-0.8, False)}


@pytest.mark.parametrize(
    ("close", "suspect"),
    [(149.99, False), (150.0, True), (200.0, True), (66.67, False), (100 / 1.5, True), (50.0, True)],
)
def test_a_return_outside_the_plausible_is_suspect(close: float, suspect: bool) -> None:  # noqa: FBT001 - a case
    assert returns((MON, "A", 100.0, None, None), (TUE, "A", close, None, None))["A", TUE][1] is suspect


@pytest.mark.parametrize(("bound", "suspect"), [(0.2, True), (0.25, True), (0.26, False)])
def test_which_return_is_plausible_is_a_limit(bound: float, suspect: bool) -> None:  # noqa: FBT001 - a case
    rise_and_fall = prices((MON, "A", 100.0, None, None), (TUE, "A", 125.0, None, None), (WED, "A", 100.0, None, None))
    found = session_returns(rise_and_fall, SESSIONS)
    assert found.select(is_suspect(bound)).to_series().to_list() == [suspect, suspect]


def test_returns_compound_only_where_every_session_has_one_that_is_not_suspect() -> None:
    rows = [
        *((day, "A", close, None, None) for day, close in zip(SESSIONS, (100.0, 110.0, 99.0, 108.9), strict=True)),
        *((day, "gap", close, None, None) for day, close in ((MON, 10.0), (TUE, 11.0), (THU, 12.0))),
        *((day, "split", close, None, None) for day, close in zip(SESSIONS, (90.0, 90.0, 30.0, 33.0), strict=True)),
        *((day, "mad", None, None, 1e4) for day in SESSIONS),
    ]
    spans = [(MON, TUE), (MON, THU), (WED, THU)]
    plausible = session_returns(prices(*rows), SESSIONS).filter(~is_suspect(0.5))
    found = compound_returns(plausible, SESSIONS, spans)
    assert {(asset, since, until): growth for since, until, asset, growth in found.iter_rows()} == {
        ("A", MON, TUE): pytest.approx(1.1),
        ("A", MON, THU): pytest.approx(1.089),
        ("A", WED, THU): pytest.approx(1.1),
        ("gap", MON, TUE): pytest.approx(1.1),
        ("split", MON, TUE): pytest.approx(1.0),
        ("split", WED, THU): pytest.approx(1.1),
        ("mad", MON, TUE): 10_001.0,
        ("mad", WED, THU): 10_001.0,
        ("mad", MON, THU): 1e6,
    }
