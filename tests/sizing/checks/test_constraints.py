"""Constraint checks: the right numbers for a good result, and each way of breaking a limit is found."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

import polars as pl
import pytest

from sizing import RebalancingLimits
from sizing.checks.constraints import check_constraints
from sizing.frames.day_inputs import DayInputs
from sizing.frames.schema import STORED_WEIGHT
from sizing.pipeline import Rebalance, SizedPortfolios, rebalance
from tests.sizing.days import WIDE, Rows, a_day, broken, checks, limits

TARGETS = {
    "portfolio_id": pl.String,
    "asset": pl.String,
    "bucket": pl.String,
    "is_cash": pl.Boolean,
    "target_weight": STORED_WEIGHT,
    "current_weight": STORED_WEIGHT,
    "is_pinned": pl.Boolean,
    "post_trade_weight": STORED_WEIGHT,
}
TURNOVER = pl.Decimal(11, 9)
NO_SUMMARY = pl.DataFrame(schema={"portfolio_id": pl.String, "turnover": TURNOVER, "mandatory_turnover": TURNOVER})
DECISIONS = {
    "portfolio_id": pl.String,
    "asset": pl.String,
    "bucket": pl.String,
    "is_held": pl.Boolean,
    "is_locked": pl.Boolean,
    "is_selected": pl.Boolean,
    "gate": pl.String,
    "restriction": pl.String,
}


def _sized(result: Rebalance) -> SizedPortfolios:
    return SizedPortfolios(result.sizing_audit, result.sizing_summary)


def _without_risk(decisions: pl.DataFrame) -> SizedPortfolios:
    nothing = pl.lit(None, pl.Float64)
    names = decisions.select("portfolio_id").unique()
    return SizedPortfolios(
        decisions.select("portfolio_id", "asset", volatility=nothing),
        names.with_columns(risk_scale=nothing, portfolio_volatility=nothing),
    )


@dataclass(frozen=True)
class Held:
    """A position as some result has it; current 0: a new name."""

    asset: str
    target: str
    current: str = "0.1"
    is_pinned: bool = False
    after: str | None = None
    restriction: str | None = None

    @property
    def book(self) -> Decimal:
        return Decimal(self.after or self.target)


@dataclass(frozen=True)
class New(Held):
    current: str = field(default="0", init=False)


def check(
    positions: Sequence[Held],
    asked: RebalancingLimits,
    *,
    waiting: Sequence[str] = (),
    total: str = "0.95",
    basis: str = "target",
) -> Rows:
    """Compare limits with a result made by hand; `waiting` are new names stopped by max_new_positions."""
    cash = Decimal(total) - sum(Decimal(one.target) for one in positions)
    rows = [
        ("P", one.asset, one.asset[0], False, *map(Decimal, (one.target, one.current)), one.is_pinned, one.book)
        for one in positions
    ]
    cash_row = ("P", "CASH", None, True, cash, Decimal(0), False, cash)
    targets = pl.DataFrame([*rows, cash_row], schema=TARGETS, orient="row")
    decided = [
        ("P", one.asset, one.asset[0], one.current != "0", one.is_pinned, True, None, one.restriction)
        for one in positions
    ]
    stopped = [("P", asset, asset[0], False, False, False, "max_new_positions", None) for asset in waiting]
    decisions = pl.DataFrame([*decided, *stopped], schema=DECISIONS, orient="row")
    return checks(
        check_constraints(targets, NO_SUMMARY, decisions, _without_risk(decisions), a_day(asked)), basis=basis
    )


def loose(**changes: object) -> RebalancingLimits:
    return limits(**{**WIDE, "min_buckets_represented": 0, **changes})


def fails(rows: Rows) -> set[str]:
    return {name for name, row in rows.items() if not row["is_ok"]}


# The numbers -----------------------------------------------------------------------------------------------


def test_each_constraint_shows_its_limit_its_value_and_the_slack() -> None:
    asked = limits(enable_bucket_diversification=True, max_allocation_by_bucket={"d": 0.12})
    rows = check([Held("t1", "0.14"), Held("t2", "0.13"), New("t3", "0.05"), New("d1", "0.11")], asked)
    seen = {name: (row["limit_value"], row["value"], round(row["slack"], 12)) for name, row in rows.items()}
    assert seen == {
        "target_total_allocation": (0.95, 0.95, 0),
        "max_single_position": (0.15, 0.14, 0.01),
        "min_position_size": (0.02, 0.05, 0.03),
        "max_allocation_per_bucket": (0.12, 0.11, 0.01),  # d has least slack: t has .40 - .32
        "max_total_positions": (10, 4, 6),
        "max_new_positions": (3, 2, 1),
        "max_positions_per_bucket": (4, 3, 1),
        "min_buckets_represented": (2, 2, 0),
    }
    assert fails(rows) == set()


def test_a_constraint_binds_where_no_slack_is_left() -> None:
    asked = loose(max_new_positions=1, max_total_positions=2)
    rows = check([Held("t1", "0.15"), New("t2", "0.149")], asked)
    binding = {name for name, row in rows.items() if row["is_binding"]}
    assert binding == {
        "target_total_allocation",
        "max_single_position",
        "max_total_positions",
        "max_new_positions",
    }


def test_a_whole_day_gives_the_same_numbers() -> None:
    scores = {"t1": 0.9, "t2": 0.9, "d1": 0.7, "d2": 0.3}
    rows = checks(rebalance(a_day(scores=scores, held={"t1": 0.1, "d2": 0.1})))
    seen = {name: (row["value"], row["is_binding"], row["is_ok"]) for name, row in rows.items()}
    assert seen == {
        "target_total_allocation": (0.95, True, True),
        "max_single_position": (0.15, True, True),
        "min_position_size": (0.15, False, True),
        "max_total_positions": (3, False, True),
        "max_new_positions": (2, False, True),
        "max_positions_per_bucket": (2, False, True),
        "min_buckets_represented": (2, True, True),
    }


def test_without_dynamic_sizing_there_is_no_cap_no_floor_and_no_bucket_limit_to_break() -> None:
    asked = loose(enable_dynamic_sizing=False, enable_bucket_diversification=True)
    rows = check([Held("t1", "0.9"), Held("t2", "0.001")], asked)
    assert fails(rows) == set()
    assert "max_allocation_per_bucket" not in rows


def test_a_portfolio_of_cash_alone_breaks_nothing() -> None:
    assert fails(check([], limits())) == set()


# Weights that are broken -----------------------------------------------------------------------------------


@pytest.mark.parametrize("total", ["0.94999999", "0.95000001", "0.5", "1"])
def test_a_total_that_is_a_unit_off_is_found(total: str) -> None:
    assert fails(check([Held("t1", "0.1")], loose(), total=total)) == {"target_total_allocation"}


def test_a_position_a_unit_above_the_cap_is_found() -> None:
    assert fails(check([Held("t1", "0.15000001"), Held("t2", "0.15")], loose())) == {"max_single_position"}
    assert fails(check([Held("t1", "0.15000001", is_pinned=True)], loose())) == {"max_single_position"}


def test_a_position_a_unit_below_the_minimum_is_found_unless_it_is_pinned() -> None:
    assert fails(check([Held("t1", "0.01999999"), Held("t2", "0.1")], loose())) == {"min_position_size"}
    assert fails(check([Held("t1", "0.01999999", is_pinned=True), Held("t2", "0.1")], loose())) == set()


def test_a_bucket_a_unit_above_its_limit_is_found_pinned_or_not() -> None:
    asked = loose(enable_bucket_diversification=True, max_allocation_per_bucket=0.2)
    for is_pinned in (True, False):
        positions = [Held("t1", "0.1", is_pinned=is_pinned), Held("t2", "0.10000001"), Held("d1", "0.05")]
        assert fails(check(positions, asked)) == {"max_allocation_per_bucket"}


def test_a_bucket_above_a_limit_of_its_own_is_found_behind_fuller_buckets() -> None:
    asked = loose(enable_bucket_diversification=True, max_allocation_by_bucket={"d": 0.05})
    rows = check([Held("t1", "0.15"), Held("t2", "0.15"), Held("d1", "0.06")], asked)
    assert (rows["max_allocation_per_bucket"]["limit_value"], fails(rows)) == (0.05, {"max_allocation_per_bucket"})


# Counts that are broken ------------------------------------------------------------------------------------


def test_a_new_name_above_the_total_is_found() -> None:
    positions = [Held("t1", "0.1"), Held("t2", "0.1"), New("t3", "0.1")]
    assert fails(check(positions, loose(max_total_positions=2))) == {"max_total_positions"}


def test_a_holding_above_the_total_is_found() -> None:
    positions = [Held("t1", "0.1"), Held("t2", "0.1"), Held("t3", "0.1")]
    assert fails(check(positions, loose(max_total_positions=2))) == {"max_total_positions"}


def test_a_free_holding_beside_pinned_ones_above_the_total_is_found() -> None:
    positions = [Held("t1", "0.1", is_pinned=True), Held("t2", "0.1", is_pinned=True), Held("t3", "0.1")]
    assert fails(check(positions, loose(max_total_positions=2))) == {"max_total_positions"}


def test_pinned_holdings_alone_may_be_more_than_the_total_and_than_a_bucket_has_places() -> None:
    positions = [Held(asset, "0.1", is_pinned=True) for asset in ("t1", "t2", "t3")]
    rows = check(positions, loose(max_total_positions=2, max_positions_per_bucket=2))
    assert fails(rows) == set()
    assert (rows["max_total_positions"]["slack"], rows["max_positions_per_bucket"]["slack"]) == (-1, -1)


def test_more_new_names_than_a_day_may_open_are_found() -> None:
    positions = [New("t1", "0.1"), New("t2", "0.1"), Held("t3", "0.1")]
    assert fails(check(positions, loose(max_new_positions=1))) == {"max_new_positions"}


def test_a_bucket_with_too_many_positions_is_found() -> None:
    positions = [Held("t1", "0.1"), Held("t2", "0.1"), Held("t3", "0.1")]
    assert fails(check(positions, loose(max_positions_per_bucket=2))) == {"max_positions_per_bucket"}


def test_overflow_excuses_holdings_and_no_new_name() -> None:
    asked = loose(max_positions_per_bucket=2, allow_bucket_overflow=True)
    held = [Held("t1", "0.1"), Held("t2", "0.1")]
    assert fails(check([*held, Held("t3", "0.1")], asked)) == set()
    assert fails(check([*held, New("t3", "0.1")], asked)) == {"max_positions_per_bucket"}


def test_a_bucket_with_too_many_is_found_behind_a_fuller_one_that_is_excused() -> None:
    pinned = [Held(asset, "0.05", is_pinned=True) for asset in ("t1", "t2", "t3", "t4")]
    free = [New(asset, "0.05") for asset in ("d1", "d2", "d3")]
    assert fails(check([*pinned, *free], loose(max_positions_per_bucket=2))) == {"max_positions_per_bucket"}


def test_a_missing_bucket_is_found_where_a_name_of_it_waited_for_a_second_of_another() -> None:
    positions, asked = [Held("t1", "0.1"), New("t2", "0.1")], loose(min_buckets_represented=2, max_new_positions=1)
    assert fails(check(positions, asked, waiting=["d1"])) == {"min_buckets_represented"}


def test_a_missing_bucket_that_nobody_waits_for_is_not_attainable() -> None:
    asked = loose(min_buckets_represented=2, max_new_positions=1)
    assert fails(check([Held("t1", "0.1"), New("t2", "0.1")], asked, waiting=["t3"])) == set()
    assert fails(check([New("t1", "0.1")], asked, waiting=["d1"])) == set()


# What excuses a limit that is broken ------------------------------------------------------------------------


def test_pinned_holdings_are_the_reason_for_too_many() -> None:
    positions = [Held(asset, "0.1", is_pinned=True) for asset in ("t1", "t2", "t3")]
    rows = check(positions, loose(max_total_positions=2, max_positions_per_bucket=2))
    assert rows["max_total_positions"]["reason"] == "3 pinned holdings may not be sold"
    assert rows["max_positions_per_bucket"]["reason"] == "bucket t: 3 pinned holdings may not be sold"


def test_overflow_is_the_reason_for_a_bucket_with_too_many() -> None:
    asked = loose(max_positions_per_bucket=1, allow_bucket_overflow=True)
    rows = check([Held("t1", "0.1"), Held("t2", "0.1")], asked)
    assert rows["max_positions_per_bucket"]["reason"] == "bucket t: allow_bucket_overflow spares holdings"


def test_a_limit_that_is_kept_or_broken_without_excuse_has_no_reason() -> None:
    rows = check([Held("t1", "0.1"), Held("t2", "0.2"), New("t3", "0.1")], loose(max_total_positions=2))
    assert fails(rows) == {"max_total_positions", "max_single_position"}
    assert {row["reason"] for row in rows.values()} == {None}


def test_a_position_that_the_sizing_held_back_is_not_one_that_may_not_be_sold() -> None:
    # pinned by no_buy, not by its decision: three positions are one too many
    rows = check([Held("t1", "0.1"), Held("t2", "0.1"), Held("t3", "0.1")], loose(max_total_positions=2))
    assert fails(rows) == {"max_total_positions"}


def test_a_bucket_is_held_against_the_number_of_its_own() -> None:
    asked = loose(max_positions_per_bucket=3, max_positions_by_bucket={"d": 1})
    positions = [Held("t1", "0.1"), Held("t2", "0.1"), Held("d1", "0.1")]
    row = check(positions, asked)["max_positions_per_bucket"]
    assert (row["limit_value"], row["value"], row["slack"], row["is_ok"]) == (1, 1, 0, True)
    assert fails(check([*positions, Held("d2", "0.1")], asked)) == {"max_positions_per_bucket"}


def why(day: DayInputs) -> tuple[bool, str | None]:
    row = checks(rebalance(day))["min_buckets_represented"]
    return row["is_ok"], row["reason"]


def test_too_few_buckets_with_qualified_names_are_not_attainable() -> None:
    day = a_day(limits(min_buckets_represented=3), scores={"t1": 0.9, "d1": 0.8, "i1": 0.3})
    assert why(day) == (True, "not attainable: qualified names in 2 buckets only")


def test_too_few_new_names_a_day_are_not_attainable() -> None:
    asked = limits(min_buckets_represented=3, max_new_positions=1)
    day = a_day(asked, scores={"t1": 0.9, "d1": 0.8, "i1": 0.7}, held={"t1": 0.1})
    assert why(day)[1] == (
        "not attainable: qualified names in 3 buckets, and max_new_positions 1 lets no more than 2 in"
    )


def test_pinned_holdings_that_fill_the_portfolio_make_a_bucket_not_attainable() -> None:
    day = a_day(limits(max_total_positions=2), scores={"d1": 0.9}, held={"t1": 0.1, "t2": 0.1})
    assert why(day)[1] == (
        "not attainable: qualified names in 2 buckets, "
        "and 2 pinned holdings leave 0 of max_total_positions 2, which lets no more than 1 in"
    )


def test_more_pinned_buckets_than_the_total_leave_no_place_for_another() -> None:
    asked = limits(min_buckets_represented=3, max_total_positions=1)
    day = a_day(asked, scores={"i1": 0.9}, held={"t1": 0.1, "d1": 0.1})
    assert why(day)[1] == (
        "not attainable: qualified names in 3 buckets, "
        "and 2 pinned holdings leave 0 of max_total_positions 1, which lets no more than 2 in"
    )


def test_a_total_below_the_buckets_asked_for_is_not_attainable() -> None:
    asked = limits(min_buckets_represented=3, max_total_positions=2)
    day = a_day(asked, scores={"t1": 0.9, "d1": 0.8, "i1": 0.7})
    assert why(day)[1] == (
        "not attainable: qualified names in 3 buckets, and max_total_positions 2 lets no more than 2 in"
    )


def test_pinned_holdings_that_each_stand_for_a_bucket_are_not_the_reason() -> None:
    asked = limits(min_buckets_represented=3, max_total_positions=2)
    day = a_day(asked, scores={"d1": 0.8, "i1": 0.7}, held={"t1": 0.1})
    assert why(day)[1] == (
        "not attainable: qualified names in 3 buckets, and max_total_positions 2 lets no more than 2 in"
    )


def test_every_limit_that_keeps_a_bucket_out_is_named() -> None:
    asked = limits(min_buckets_represented=3, max_total_positions=1, max_new_positions=1)
    day = a_day(asked, scores={"t1": 0.9, "d1": 0.8, "i1": 0.8}, held={"t1": 0.1})
    assert why(day)[1] == (
        "not attainable: qualified names in 3 buckets, and max_total_positions 1 lets no more than 1 in, "
        "and max_new_positions 1 lets no more than 2 in"
    )


def test_a_limit_that_alone_would_let_them_in_is_not_named() -> None:
    asked = limits(min_buckets_represented=3, max_total_positions=2, max_new_positions=2)
    day = a_day(asked, scores={"t1": 0.9, "d1": 0.8, "i1": 0.8}, held={"t1": 0.1})
    assert why(day)[1] == (
        "not attainable: qualified names in 3 buckets, and max_total_positions 2 lets no more than 2 in"
    )


def test_too_few_qualified_buckets_of_which_not_all_were_reached_name_both_reasons() -> None:
    held = {f"{letter}1": 0.1 for letter in "abcdefg"}
    asked = limits(min_buckets_represented=12, max_new_positions=0, max_total_positions=20)
    day = a_day(asked, scores=dict.fromkeys([*held, "h1"], 0.9), held=held)
    assert why(day)[1] == (
        "not attainable: qualified names in 8 buckets only, and max_new_positions 0 lets no more than 7 in"
    )


def test_limits_that_let_all_qualified_buckets_in_are_not_named() -> None:
    asked = limits(min_buckets_represented=3, max_total_positions=2, max_new_positions=1)
    day = a_day(asked, scores={"t1": 0.9, "d1": 0.8}, held={"t1": 0.1})
    assert why(day) == (True, "not attainable: qualified names in 2 buckets only")


def test_a_day_without_a_candidate_has_no_qualified_bucket() -> None:
    assert why(a_day()) == (True, "not attainable: qualified names in 0 buckets only")


def test_a_bucket_that_was_selected_and_not_sized_says_so() -> None:
    asked = limits(target_total_allocation=0.02)  # one position of the minimum size
    day = a_day(asked, scores={"t1": 0.9, "d1": 0.8})
    assert why(day) == (True, "not attainable: 1 of 2 selected buckets got no position (see sizing_audit)")


def test_a_bucket_that_was_not_sized_is_reported_besides_the_limits() -> None:
    asked = limits(min_buckets_represented=3, target_total_allocation=0.02)
    day = a_day(asked, scores={"t1": 0.9, "d1": 0.8})
    assert why(day)[1] == (
        "not attainable: qualified names in 2 buckets only, "
        "and 1 of 2 selected buckets got no position (see sizing_audit)"
    )


def test_a_minimum_that_is_met_has_no_reason() -> None:
    assert why(a_day(scores={"t1": 0.9, "d1": 0.8})) == (True, None)


def test_each_portfolio_is_held_against_its_own_limits() -> None:
    result = rebalance(a_day({"P": limits(), "Q": limits()}, scores={"t1": 0.9}))
    day = a_day({"P": limits(max_single_position=0.1), "Q": limits()}, scores={"t1": 0.9})
    found = check_constraints(result.targets, result.trade_summary, result.decisions, _sized(result), day)
    assert broken(found) == {("P", "max_single_position")}


def test_a_kept_place_that_the_sizer_drops_does_not_reject_the_day() -> None:
    # .04 holds two positions of .02: t1 and t2. d1 had its place kept and is dropped, d2 waited for tomorrow
    asked = limits(target_total_allocation=0.04, max_new_positions=2)
    result = rebalance(a_day(asked, scores={"t1": 0.9, "t2": 0.9, "d1": 0.7, "d2": 0.66}, held={"t1": 0.02}))
    assert result.sizing_audit["drop_reason"].to_list() == [None, None, "below_min_position_size"]
    assert broken(result) == set()


# The book after the trades ---------------------------------------------------------------------------------


BUCKETED = {"enable_bucket_diversification": True, "max_allocation_per_bucket": 0.25}


@pytest.mark.parametrize(
    ("after", "found"),
    [
        (("0.15", "0.1"), set()),
        (("0.15000001", "0.05"), {"max_single_position"}),
        (("0.15", "0.10000001"), {"max_allocation_per_bucket"}),
    ],
)
def test_a_book_above_a_limit_is_found_though_its_targets_are_not(after: tuple[str, str], found: set[str]) -> None:
    book = [Held(asset, "0.05", after=weight) for asset, weight in zip(("t1", "t2"), after, strict=True)]
    rows = check(book, loose(**BUCKETED), basis="post_trade")
    assert fails(rows) == found


def test_a_book_that_needs_the_reserve_is_found() -> None:
    book = [Held(f"t{number}", "0.1", after="0.14") for number in range(7)]
    rows = check(book, loose(), basis="post_trade")
    assert (fails(rows), rows["target_total_allocation"]["value"]) == ({"target_total_allocation"}, 0.98)


@pytest.mark.parametrize("basis", ["target", "post_trade"])
def test_what_no_trade_alone_holds_above_a_limit_is_excused_and_says_so(basis: str) -> None:
    held = Held("t1", "0.26", current="0.26", is_pinned=True, restriction="no_trade")
    rows = check([held, Held("d1", "0.1")], loose(**BUCKETED), basis=basis)
    assert fails(rows) == set()
    for name in ("max_single_position", "max_allocation_per_bucket"):
        assert (rows[name]["is_ok"], rows[name]["reason"]) == (True, "broken by no_trade")
        assert rows[name]["slack"] < 0


@pytest.mark.parametrize("basis", ["target", "post_trade"])
def test_what_may_be_traded_beside_it_is_not_excused(basis: str) -> None:
    held = Held("t1", "0.26", current="0.26", is_pinned=True, restriction="no_trade")
    rows = check([held, Held("t2", "0.02"), Held("d1", "0.16")], loose(**BUCKETED), basis=basis)
    assert fails(rows) == {"max_single_position", "max_allocation_per_bucket"}


@pytest.mark.parametrize(
    ("turnover", "mandatory", "seen"),
    [("0.1", "0", (True, False)), ("0.100000001", "0.05", (False, False)), ("0.12", "0.12", (True, True))],
)
def test_turnover_is_compared_where_it_is_limited(turnover: str, mandatory: str, seen: tuple[bool, bool]) -> None:
    day = a_day(loose(max_turnover=0.1), scores={"t1": 0.9})
    result = rebalance(day)
    summary = result.trade_summary.with_columns(
        turnover=pl.lit(Decimal(turnover)).cast(TURNOVER), mandatory_turnover=pl.lit(Decimal(mandatory)).cast(TURNOVER)
    )
    found = check_constraints(result.targets, summary, result.decisions, _sized(result), day)
    row = checks(found, basis="post_trade")["max_turnover"]
    assert (row["is_ok"], row["reason"] is not None, row["value"]) == (*seen, float(turnover))


def test_without_max_turnover_there_is_no_such_check() -> None:
    assert "max_turnover" not in check([Held("t1", "0.1")], loose(), basis="post_trade")
