"""Days that are computed at once are the days computed one by one, to the last bit."""

from dataclasses import replace
from datetime import date, timedelta
from itertools import accumulate

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from sizing import RebalancingLimits
from sizing.breaker import find_missing_scores
from sizing.inputs import DayInputs
from sizing.many_days import find_held_days, rebalance_days
from sizing.pipeline import Rebalance, holdings_after, rebalance

FIRST = date(2025, 6, 2)
ASSETS = [f"A{number}" for number in range(8)]
LIMITS = (
    RebalancingLimits(max_missing_score_share=1, min_buckets_represented=0),
    RebalancingLimits(replacement_margin=0.05, max_total_positions=3, enable_bucket_diversification=True),
    RebalancingLimits(model="growth", residual_strategy="proportional", exclude_assets=("A1",), max_score_age_days=1),
)

score = st.one_of(st.none(), st.integers(500, 1000).map(lambda thousandths: thousandths / 1000))
scores_of_a_day = st.lists(score, min_size=16, max_size=16)
restriction = st.tuples(
    st.sampled_from([None, "p0", "p1"]), st.sampled_from(ASSETS), st.sampled_from(["no_buy", "no_trade", "must_sell"])
)


def _scores(day: int, drawn: list[list[float | None]]) -> pl.DataFrame:
    """Give the scores of the day and of the three before it, of two models."""
    rows = [
        (model, asset, FIRST + timedelta(scored), day - scored, value)
        for scored in range(max(0, day - 3), day + 1)
        for (model, asset), value in zip(
            ((model, asset) for model in ("default", "growth") for asset in ASSETS), drawn[scored], strict=True
        )
        if value is not None
    ]
    columns = {"model": pl.String, "asset": pl.String, "score_date": pl.Date, "score_age_days": pl.Int32}
    parts = dict.fromkeys(("technical_score", "fundamental_score"), pl.Float64)
    frame = pl.DataFrame(rows, schema=columns | {"score": pl.Float64}, orient="row")
    return frame.with_columns(pl.lit(None, dtype).alias(name) for name, dtype in parts.items())


def _first_day(drawn: list[list[float | None]], restrictions: list[tuple[str | None, str, str]]) -> DayInputs:
    names = dict.fromkeys(("portfolio_id", "asset", "restriction"), pl.String)
    return DayInputs(
        as_of_date=FIRST,
        limits={f"p{number}": one for number, one in enumerate(LIMITS)},
        scores=_scores(0, drawn),
        assets=pl.DataFrame({"asset": ASSETS[1:], "bucket": ["x", "y", "z"] * 2 + ["x"]}),
        holdings=pl.DataFrame(
            schema={"portfolio_id": pl.String, "asset": pl.String, "current_weight": pl.Decimal(10, 8)}
        ),
        restrictions=pl.DataFrame(restrictions, schema=names, orient="row").with_columns(reason=pl.lit("because")),
    )


def _days(drawn: list[list[float | None]], restrictions: list[tuple[str | None, str, str]]) -> list[DayInputs]:
    """Give days that follow each other; the last one has another asset list."""

    def next_day(before: DayInputs, number: int) -> DayInputs:
        day = FIRST + timedelta(number)
        return replace(before, as_of_date=day, scores=_scores(number, drawn), holdings=holdings_after(before))

    *days, last = accumulate(range(1, len(drawn)), next_day, initial=_first_day(drawn, restrictions))
    other = last.assets.with_columns(pl.col("bucket").replace({"y": "x"}))
    return [*days, replace(last, assets=other)]


def _at_once(result: Rebalance, day: date) -> Rebalance:
    frames = {name: frame.filter(pl.col("as_of_date") == day) for name, frame in result._asdict().items()}
    return Rebalance(
        **{name: frame if name == "targets" else frame.drop("as_of_date") for name, frame in frames.items()}
    )


@settings(max_examples=5, deadline=None)
@given(st.lists(scores_of_a_day, min_size=3, max_size=4), st.lists(restriction, max_size=3))
def test_days_at_once_are_days_one_by_one(
    drawn: list[list[float | None]], restrictions: list[tuple[str | None, str, str]]
) -> None:
    days = _days(drawn, restrictions)
    result = rebalance_days(days)
    for day in days:
        for at_once, alone in zip(_at_once(result, day.as_of_date), rebalance(day), strict=True):
            assert_frame_equal(at_once, alone, check_exact=True)
    held = tuple(day.as_of_date for day in days if find_missing_scores(day))
    assert find_held_days(days) == held


@pytest.mark.parametrize("number", range(3))
def test_what_a_day_leaves_are_the_positions_of_its_targets(number: int) -> None:
    drawn = [[0.6 + 0.02 * ((place * 7 + day * 3) % 20) for place in range(16)] for day in range(4)]
    day = _days(list(drawn), [("p0", "A3", "no_trade"), (None, "A4", "no_buy")])[number]
    positions = rebalance(day).targets.filter(~pl.col("is_cash") & (pl.col("target_weight") > 0))
    left = positions.select("portfolio_id", "asset", current_weight="target_weight").sort("portfolio_id", "asset")
    assert left.height > 0
    assert_frame_equal(holdings_after(day), left, check_exact=True)
