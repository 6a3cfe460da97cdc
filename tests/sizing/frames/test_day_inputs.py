"""What a day refuses to start with, and what the refusal says."""

from datetime import date

import polars as pl
import pytest

from sizing import RebalancingLimits, size_portfolios
from sizing.errors import BallastError, ContractError
from sizing.frames.day_inputs import DayInputs
from sizing.pipeline import rebalance
from tests.sizing.days import (
    AS_OF,
    ASSETS,
    Ban,
    Score,
    a_day,
    holding_frame,
    limits,
    restriction_frame,
    score_frame,
    targets,
)


def refusal(**frames: pl.DataFrame) -> str:
    """Return what the day says about frames that are wrong, the others being right."""
    right = {
        "scores": score_frame({"t1": 0.9}),
        "assets": pl.DataFrame([("t1", "t")], schema=ASSETS, orient="row"),
        "holdings": holding_frame({"t1": 0.1}),
        "restrictions": restriction_frame([Ban("t1", "no_buy")]),
    }
    DayInputs(as_of_date=AS_OF, limits={"P": limits()}, **right)
    with pytest.raises(ContractError) as error:
        DayInputs(as_of_date=AS_OF, limits={"P": limits()}, **{**right, **frames})
    return str(error.value)


def assets(*rows: tuple[str | None, str | None]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=ASSETS, orient="row")


@pytest.mark.parametrize("frame", ["scores", "assets", "holdings", "restrictions"])
def test_a_frame_without_a_column_is_rejected_with_the_columns_it_has(frame: str) -> None:
    text = refusal(**{frame: pl.DataFrame({"asset": ["t1"]})})
    assert text.startswith(f"the day's {frame}: ")
    assert "got columns asset: String" in text


def test_a_column_of_another_type_is_rejected() -> None:
    wrong = holding_frame({"t1": 0.1}).with_columns(pl.col("current_weight").cast(pl.Float64))
    assert "current_weight: Float64" in refusal(holdings=wrong)


@pytest.mark.parametrize("value", [-0.01, 1.01, float("nan"), float("inf")])
@pytest.mark.parametrize("part", ["score", "technical", "fundamental"])
def test_a_score_outside_0_to_1_is_rejected_with_its_row(part: str, value: float) -> None:
    text = refusal(scores=score_frame([Score("t1", **{part: value}), Score("t2", 0.5)]))
    assert "the day's scores: 1 of 2 rows break" in text
    assert "'asset': 't1'" in text


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_a_score_of_0_and_of_1_is_accepted(value: float) -> None:
    assert a_day(scores={"t1": value}).scores["score"].to_list() == [value]


def test_two_scores_of_one_asset_model_and_day_are_rejected() -> None:
    assert "2 of 2 rows break primary_key" in refusal(scores=score_frame([Score("t1", 0.5), Score("t1", 0.6)]))


def test_a_score_of_the_future_is_rejected() -> None:
    assert "score_age_days|min" in refusal(scores=score_frame([Score("t1", 0.5, age=-1)]))


def test_a_score_of_cash_is_rejected() -> None:
    assert "CASH" in refusal(scores=score_frame({"CASH": 0.1}))


def test_an_asset_in_two_buckets_is_rejected() -> None:
    assert "2 of 2 rows break primary_key" in refusal(assets=assets(("t1", "t"), ("t1", "d")))


@pytest.mark.parametrize(("bucket", "rule"), [(None, "bucket|nullability"), ("", "bucket|min_length")])
def test_an_asset_without_a_bucket_is_rejected(bucket: str | None, rule: str) -> None:
    assert rule in refusal(assets=assets(("t1", bucket)))


def test_a_holding_that_comes_twice_is_rejected() -> None:
    twice = pl.concat([holding_frame({"t1": 0.1}), holding_frame({"t1": 0.2})])
    assert "2 of 2 rows break primary_key" in refusal(holdings=twice)


def test_one_asset_held_by_two_portfolios_is_accepted() -> None:
    day = a_day({"P": limits(), "Q": limits()}, held={("P", "t1"): 0.1, ("Q", "t1"): 0.1})
    assert day.holdings.height == 2


def test_a_negative_holding_is_rejected() -> None:
    assert "current_weight|min" in refusal(holdings=holding_frame({"t1": -0.1}))


def test_cash_among_the_holdings_is_rejected_by_the_rule_of_that_name() -> None:
    assert "cash_is_not_held (1 rows)" in refusal(holdings=holding_frame({"t1": 0.1, "CASH": 0.1}))


def test_a_restriction_of_an_unknown_kind_is_rejected_with_the_kind() -> None:
    text = refusal(restrictions=restriction_frame([Ban("t1", "no_sell"), Ban("t2", "no_buy")]))
    assert "the day's restrictions: 1 of 2 rows break restriction|known_restriction (1 rows)" in text
    assert "'restriction': 'no_sell'" in text


def test_a_restriction_without_a_kind_is_rejected() -> None:
    wrong = restriction_frame([Ban("t1", "no_buy")]).with_columns(restriction=pl.lit(None, pl.String))
    assert "restriction|nullability" in refusal(restrictions=wrong)


def test_a_rejection_is_an_error_that_a_user_can_act_on() -> None:
    assert issubclass(ContractError, BallastError)
    assert issubclass(ContractError, ValueError)


def test_a_day_of_nothing_is_all_cash() -> None:
    assert set(targets(a_day())) == {"CASH"}


def test_a_day_for_no_portfolio_has_no_targets() -> None:
    assert rebalance(a_day({}, scores={"t1": 0.9}, held={("P", "t1"): 0.1})).targets.is_empty()


def test_the_day_is_that_of_the_targets() -> None:
    assert {row["as_of_date"] for row in targets(a_day(scores={"t1": 0.9})).values()} == {date(2026, 11, 20)}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"score": [1.2, 0.8]}, "score of at most 1"),
        ({"score": [-0.2, 0.8]}, "score of at least 0"),
        ({"score": [float("nan"), 0.8]}, "score of at most 1, score that is a number"),
        ({"asset": ["a", "a"]}, "each portfolio_id, asset once"),
        ({"asset": ["a", ""]}, "asset that is not empty"),
        ({"bucket": ["t", None]}, "bucket that is given"),
        ({"asset": ["a", "CASH"]}, "cash is not scored"),
    ],
)
def test_rows_that_cannot_be_sized_are_reported_with_what_is_expected(
    changes: dict[str, list[object]], expected: str
) -> None:
    row = {"portfolio_id": ["P", "P"], "asset": ["a", "b"], "bucket": ["t", "t"], "score": [0.9, 0.8]}
    frame = pl.DataFrame(row | changes).with_columns(is_held=False)
    with pytest.raises(ContractError) as caught:
        size_portfolios(frame, RebalancingLimits())
    assert str(caught.value).endswith(f"; expected {expected}: correct these rows, or leave them out")


def test_a_frame_of_other_columns_is_reported_with_those_that_are_expected() -> None:
    with pytest.raises(ContractError) as caught:
        size_portfolios(pl.DataFrame({"asset": ["a"]}), RebalancingLimits())
    assert (
        "score: Float64, is_held: Boolean, pinned_weight: Float64, is_immovable: Boolean, is_locked: Boolean, "
        "is_rounded_down: Boolean, starts_term: Boolean, volatility: Float64, risk_multiplier: Float64: name and cast "
        "them so" in str(caught.value)
    )
