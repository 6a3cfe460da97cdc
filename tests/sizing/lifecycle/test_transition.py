"""The state of a holding, case by case: what a positions file makes of it, and what the day's trades do."""

from dataclasses import replace

import polars as pl
import pytest

from sizing.frames.holding_states import MOST_DAYS_SINCE_CLOSE, count_days
from sizing.lifecycle.transition import advance_states, correct_states
from tests.sizing.days import holding_frame, limits
from tests.sizing.lifecycle.states import (
    DUST,
    SESSIONS,
    State,
    Traded,
    advanced,
    corrected,
    file_frame,
    gone,
    on,
    state_frame,
    states_of,
)

IN_GRACE = State(grace=3, count=1, entry_weight="0.12")
CLOSED_TODAY = replace(IN_GRACE, is_held=False, is_confirmed=False, closed=(9, 2))
OPENED_TODAY = State(is_confirmed=False, opened=9, term=9)


# Corrected by a file ---------------------------------------------------------------------------------------


def test_a_file_confirms_what_is_held() -> None:
    assert corrected(replace(IN_GRACE, is_confirmed=False), held={"a": "0.1"}, file_of=10) == [IN_GRACE]


def test_a_file_withdraws_a_close_with_all_its_clocks() -> None:
    assert corrected(CLOSED_TODAY, held={"a": "0.1"}, file_of=10) == [replace(IN_GRACE, closed=(2,))]


def test_a_file_confirms_a_close_and_clears_its_clocks() -> None:
    assert corrected(CLOSED_TODAY, held={}, file_of=10) == [gone(9, 2)]


def test_a_confirmed_close_is_not_withdrawn() -> None:
    found = State(opened=None, term=10, closed=(9,))
    assert corrected(gone(9), held={"a": "0.1"}, file_of=10) == [found]


def test_an_opening_that_is_not_in_the_file_never_was() -> None:
    """Example 11: opened Monday, not in Tuesday's positions: no cooldown."""
    assert corrected(OPENED_TODAY, held={}, file_of=10) == []


def test_an_opening_that_never_was_leaves_the_closes_before_it() -> None:
    assert corrected(replace(OPENED_TODAY, closed=(5, 2)), held={}, file_of=10) == [gone(5, 2)]


def test_what_is_gone_without_our_close_is_closed_on_the_session_of_the_file() -> None:
    assert corrected(replace(IN_GRACE, closed=(2,)), held={}, file_of=8) == [gone(8, 2)]


def test_what_is_there_without_our_open_has_no_known_opening() -> None:
    assert corrected(held={"a": "0.1"}, file_of=8) == [State(opened=None, term=8)]


@pytest.mark.parametrize(("weight", "is_held"), [("0.00010000", True), ("0.00009999", False), ("0", False)])
def test_a_rest_below_the_dust_counts_as_gone(weight: str, *, is_held: bool) -> None:
    assert corrected(State(), held={"a": weight}, file_of=8) == ([State()] if is_held else [gone(8)])


@pytest.mark.parametrize("state", [CLOSED_TODAY, OPENED_TODAY, State(), gone(2)])
def test_without_a_file_no_state_moves(state: State) -> None:
    assert corrected(state, held={"a": "0.1"}, file_of=None) == [state]
    assert corrected(state, held={}, file_of=None) == [state]


def test_a_holding_without_a_state_gets_one_without_a_file_too() -> None:
    assert corrected(held={"a": "0.1", "b": "0.00009999"}, file_of=None) == [
        State(is_confirmed=False, opened=None, term=None)
    ]


def test_a_file_corrects_only_its_portfolio() -> None:
    theirs = replace(OPENED_TODAY, portfolio_id="Q")
    assert corrected(OPENED_TODAY, theirs, held={}, file_of=10) == [theirs]


# Advanced by the trades ------------------------------------------------------------------------------------


def test_a_new_name_opens() -> None:
    assert advanced(day=9, traded={"a": Traded("0", "0.1")}) == [OPENED_TODAY]


@pytest.mark.parametrize("traded", [Traded("0", "0"), Traded("0.00005", "0.00005"), Traded("0.00005", "0.00002")])
def test_what_does_not_grow_does_not_open(traded: Traded) -> None:
    assert advanced(day=9, traded={"a": traded}) == []


def test_dust_that_grows_opens() -> None:
    assert advanced(day=9, traded={"a": Traded("0.00005", "0.00006")}) == [OPENED_TODAY]


def test_a_closed_name_opens_again_and_remembers_its_closes() -> None:
    assert advanced(CLOSED_TODAY, day=12, traded={"a": Traded("0", "0.1", count=None)}) == [
        State(is_confirmed=False, opened=12, term=12, closed=(9, 2))
    ]


def test_a_holding_stays_with_its_clocks() -> None:
    before = State(opened=None, term=2, is_confirmed=False, closed=(1,))
    assert advanced(before, day=9, traded={"a": Traded("0.1", "0.2")}) == [before]


def test_a_holding_closes() -> None:
    assert advanced(State(closed=(2,)), day=9, traded={"a": Traded("0.1", "0", is_selected=False)}) == [
        State(is_held=False, is_confirmed=False, closed=(9, 2))
    ]


def test_a_close_in_parts_is_one_on_the_day_it_reaches_0() -> None:
    leaving = Traded("0.1", "0.04", is_selected=False)
    (after,) = advanced(State(), day=9, traded={"a": leaving})
    assert after == State()
    (after,) = advanced(after, day=10, traded={"a": replace(leaving, before="0.04", after="0")})
    assert (after.is_held, after.closed) == (False, (10,))


def test_what_is_not_traded_is_as_it_was() -> None:
    lasting = [replace(CLOSED_TODAY, asset="b"), gone(2, asset="c")]
    assert advanced(*lasting, day=9, traded={}) == lasting


def test_what_a_marked_book_has_no_unit_of_any_more_closes() -> None:
    assert advanced(State("a"), day=9, traded={}) == [State("a", is_held=False, is_confirmed=False, closed=(9,))]


def test_a_row_of_dust_leaves_a_closed_state_as_it_was() -> None:
    assert advanced(CLOSED_TODAY, day=10, traded={"a": Traded("0.00005", "0", count=3)}) == [CLOSED_TODAY]


# Grace -----------------------------------------------------------------------------------------------------


def test_grace_begins_at_the_current_weight() -> None:
    assert advanced(State(), day=9, traded={"a": Traded("0.12", "0.11", count=0)}) == [
        State(grace=9, count=0, entry_weight="0.12")
    ]


def test_grace_goes_on_with_the_weight_it_began_at() -> None:
    assert advanced(IN_GRACE, day=9, traded={"a": Traded("0.096", "0.0768", count=2)}) == [replace(IN_GRACE, count=2)]


def test_grace_goes_on_while_a_score_is_missing() -> None:
    missing = Traded("0.096", "0.096", count=1, is_locked=True, score_age=None)
    assert advanced(IN_GRACE, day=9, traded={"a": missing}) == [IN_GRACE]


def test_grace_ends_where_nothing_is_counted() -> None:
    assert advanced(IN_GRACE, day=9, traded={"a": Traded("0.096", "0.12")}) == [State()]


def test_a_close_keeps_the_count_of_its_day() -> None:
    after = advanced(IN_GRACE, day=9, traded={"a": Traded("0.096", "0", count=5, is_selected=False)})
    assert after == [replace(IN_GRACE, is_held=False, is_confirmed=False, count=5, closed=(9,))]


def test_grace_that_begins_on_the_day_of_a_close_is_kept_for_its_withdrawal() -> None:
    closed = advanced(State(), day=9, traded={"a": Traded("0.12", "0", count=0, is_selected=False)})
    assert corrected(*closed, held={"a": "0.12"}, file_of=10) == [State(grace=9, count=0, entry_weight="0.12")]


# Term ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("day", "changes", "term"),
    [
        (9, {}, 0),
        (10, {}, 10),
        (11, {}, 11),
        (10, {"is_selected": False}, 0),
        (10, {"is_locked": True}, 0),
        (10, {"score_age": 1}, 0),
        (10, {"score_age": None}, 0),
        (10, {"count": 2}, 10),
    ],
)
def test_a_new_term_begins_where_a_judged_holding_stays(day: int, changes: dict[str, object], term: int) -> None:
    traded = {"a": Traded("0.1", "0.1", **changes)}
    (after,) = advanced(State(), day=day, traded=traded, limits=limits(max_holding_days=10))
    assert (after.opened, after.term) == (0, term)


def test_without_max_holding_days_no_term_is_over() -> None:
    assert advanced(State(), day=500, traded={"a": Traded("0.1", "0.1")}) == [State()]


def test_a_term_of_a_holding_without_one_begins_when_it_is_first_seen() -> None:
    found = State(opened=None, term=None, is_confirmed=False)
    assert advanced(found, day=9, traded={"a": Traded("0.1", "0.1")}) == [replace(found, term=9)]


# How long a close is remembered ----------------------------------------------------------------------------


def test_a_close_is_remembered_for_260_sessions() -> None:
    last = MOST_DAYS_SINCE_CLOSE + 5
    assert advanced(gone(5), day=last, traded={}) == [gone(5)]
    assert advanced(gone(5), day=last + 1, traded={}) == []
    assert advanced(gone(6, 5, 4), day=last, traded={}) == [gone(6, 5)]
    held = State(opened=50, term=50, closed=(5,))
    assert advanced(held, day=last + 1, traded={"a": Traded("0.1", "0.1")}) == [replace(held, closed=())]
    assert advanced(held, day=last + 1, traded={"a": Traded("0.1", "0")})[0].closed == (last + 1,)


# The whole of it -------------------------------------------------------------------------------------------


def test_rows_come_by_portfolio_and_asset() -> None:
    traded = {("Q", "b"): Traded("0", "0.1"), ("P", "c"): Traded("0", "0.1"), ("P", "a"): Traded("0.1", "0.1")}
    states = [State("z", portfolio_id="Q"), State("b")]
    after = advanced(*states, State("a"), day=9, traded=traded, limits=dict.fromkeys("PQ", limits()))
    keys = [("P", "a"), ("P", "b"), ("P", "c"), ("Q", "b"), ("Q", "z")]
    assert [(one.portfolio_id, one.asset) for one in after] == keys
    found = corrected(*states, State("a"), held={("P", "c"): "0.1", ("Q", "b"): "0.1"}, file_of=None)
    assert [(one.portfolio_id, one.asset) for one in found] == keys


def test_nothing_is_nothing() -> None:
    assert corrected(held={}, file_of=10) == []
    assert advanced(day=9, traded={}) == []


def test_the_day_may_come_from_the_name_of_a_row() -> None:
    """As for stacked days: the name of a portfolio begins with its day."""
    name = f"{on(9)}|P"
    counted = count_days(state_frame([State(portfolio_id=name)]), on(9), SESSIONS)
    key = {"portfolio_id": [name, name], "asset": ["a", "b"]}
    decisions = pl.DataFrame(key).with_columns(
        is_selected=True, is_locked=False, score_age_days=pl.lit(0), grace_count=pl.lit(None, pl.Int32)
    )
    weights = {name: pl.Decimal(10, 8) for name in ("current_weight", "post_trade_weight")}
    targets = pl.DataFrame({**key, "is_cash": False, "current_weight": [0.1, 0.0], "post_trade_weight": [0.0, 0.1]})
    as_of = pl.col("portfolio_id").str.head(10).str.to_date("%Y-%m-%d")
    after = advance_states(counted, decisions, targets.cast(weights), {name: limits()}, as_of)
    assert [(one.asset, one.opened, one.closed) for one in states_of(after)] == [("a", 0, (9,)), ("b", 9, ())]


def test_other_columns_of_a_state_do_not_matter() -> None:
    states = count_days(state_frame([State()]), on(9), SESSIONS).with_columns(run_id=pl.lit("r"))
    found = correct_states(states, holding_frame({"a": "0.1"}), file_frame({"P": 9}), DUST)
    assert states_of(found) == [State()]
