"""Days that are computed at once are the days computed one by one, to the last bit."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from itertools import accumulate, zip_longest

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from sizing import RebalancingLimits
from sizing.errors import ContractError
from sizing.frames.day_inputs import DayFrames, DayInputs
from sizing.multi_day.day_chain import find_held_days, rebalance_days
from sizing.multi_day.next_day import NO_GROWTH
from sizing.multi_day.stacked_days import named
from sizing.pipeline import Rebalance, rebalance
from sizing.selection.score_coverage import find_missing_scores
from sizing.trading.marking import mark_books
from sizing.trading.targets import holdings_of

FIRST = date(2025, 6, 2)
ASSETS = [f"A{number}" for number in range(8)]
LIMITS = (
    RebalancingLimits(max_missing_score_share=1, min_buckets_represented=0),
    RebalancingLimits(replacement_margin=0.05, max_total_positions=3, enable_bucket_diversification=True),
    RebalancingLimits(model="growth", residual_strategy="proportional", exclude_assets=("A1",), max_score_age_days=1),
    RebalancingLimits(max_turnover=0.08, min_trade_weight=0.01, rebalance_band=0.3),
)

score = st.one_of(st.none(), st.integers(500, 1000).map(lambda thousandths: thousandths / 1000))
growth = st.one_of(st.none(), *[st.integers(60, 160).map(lambda percent: percent / 100)] * 9)
growth_of_a_day = st.lists(growth, min_size=8, max_size=8)
scores_of_a_day = st.lists(score, min_size=16, max_size=16)
restriction = st.tuples(
    st.sampled_from([None, "p0", "p1"]), st.sampled_from(ASSETS), st.sampled_from(["no_buy", "no_trade", "must_sell"])
)


def _scores(day: int, drawn: list[list[float | None]]) -> pl.DataFrame:
    """Return the scores of the day and of the three before it, of two models."""
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


def _first_day(
    drawn: list[list[float | None]],
    restrictions: list[tuple[str | None, str, str]],
    limits: Sequence[RebalancingLimits] = LIMITS,
) -> DayInputs:
    names = dict.fromkeys(("portfolio_id", "asset", "restriction"), pl.String)
    return DayInputs(
        as_of_date=FIRST,
        limits={f"p{number}": one for number, one in enumerate(limits)},
        scores=_scores(0, drawn),
        assets=pl.DataFrame({"asset": ASSETS[1:], "bucket": ["x", "y", "z"] * 2 + ["x"]}),
        holdings=pl.DataFrame(
            schema={"portfolio_id": pl.String, "asset": pl.String, "current_weight": pl.Decimal(10, 8)}
        ),
        restrictions=pl.DataFrame(restrictions, schema=names, orient="row").with_columns(reason=pl.lit("because")),
    )


def _growth(moves: list[list[float | None]]) -> pl.DataFrame:
    """Return what 1 of each asset becomes until a day; what is not known has no row."""
    rows = [
        (FIRST + timedelta(number), asset, one)
        for number, own in enumerate(moves, 1)
        for asset, one in zip(ASSETS, own, strict=True)
    ]
    return pl.DataFrame(rows, schema=NO_GROWTH.schema, orient="row").drop_nulls()


def _days(first: DayInputs, drawn: list[list[float | None]], growth: pl.DataFrame = NO_GROWTH) -> list[DayInputs]:
    """Return days that follow each other one by one; on the third, p1 starts from holdings that it is given."""
    marked = [name for name, one in first.limits.items() if one.mark_to_market]

    def next_day(before: DayInputs, number: int) -> DayInputs:
        left, until = holdings_of(rebalance(before).targets), growth.filter(as_of_date=FIRST + timedelta(number))
        moved = left.filter(pl.col("portfolio_id").is_in(marked)).join(until.drop("as_of_date"), on="asset", how="left")
        holdings = pl.concat([left.filter(~pl.col("portfolio_id").is_in(marked)), mark_books(moved)])
        if number == 2:
            given = pl.DataFrame([("p1", "A2", Decimal("0.3"))], schema=holdings.schema, orient="row")
            holdings = pl.concat([holdings.filter(pl.col("portfolio_id") != "p1"), given])
        day = FIRST + timedelta(number)
        return replace(before, as_of_date=day, scores=_scores(number, drawn), holdings=holdings)

    return list(accumulate(range(1, len(drawn)), next_day, initial=first))


def _told_only_what_is_given(days: list[DayInputs]) -> list[DayFrames]:
    nothing = days[0].holdings.clear()
    given = [days[0].holdings, nothing, days[2].holdings.filter(pl.col("portfolio_id") == "p1")]
    return [
        day.frames._replace(holdings=holdings)
        for day, holdings in zip_longest(days, given[: len(days)], fillvalue=nothing)
    ]


def _on(result: Rebalance, day: date) -> Rebalance:
    frames = {name: frame.filter(pl.col("as_of_date") == day) for name, frame in result._asdict().items()}
    return Rebalance(*(frame if name == "targets" else frame.drop("as_of_date") for name, frame in frames.items()))


@pytest.mark.slow
@pytest.mark.parametrize("n_portfolios", [3, 4], ids=["all at once", "a turnover limit walks"])
@settings(max_examples=3, deadline=None)
@given(
    st.lists(st.tuples(scores_of_a_day, growth_of_a_day), min_size=3, max_size=5),
    st.lists(restriction, max_size=3),
    st.sets(st.integers(0, 3)),
)
def test_days_at_once_are_days_one_by_one(
    n_portfolios: int,
    drawn: list[tuple[list[float | None], list[float | None]]],
    restrictions: list[tuple[str | None, str, str]],
    marked: set[int],
) -> None:
    scores, growth = [own for own, _ in drawn], _growth([own for _, own in drawn[1:]])
    limits = [one.model_copy(update={"mark_to_market": n in marked}) for n, one in enumerate(LIMITS[:n_portfolios])]
    days = _days(_first_day(scores, restrictions, limits), scores, growth)
    restarted = frozenset({named(FIRST + timedelta(2), "p1")})
    together, result = rebalance_days(_told_only_what_is_given(days), restarted, growth)
    for day in days:
        for at_once, alone in zip(_on(result, day.as_of_date), rebalance(day), strict=True):
            assert_frame_equal(at_once, alone, check_exact=True)
    assert find_held_days(together) == tuple(day.as_of_date for day in days if find_missing_scores(day))


def test_the_trades_of_many_days_add_up_to_the_last_book() -> None:
    drawn = [[0.58 + 0.01 * ((place * 7 + day * day) % 41) for place in range(16)] for day in range(30)]
    first = _first_day(list(drawn), [("p0", "A3", "no_buy"), (None, "A4", "must_sell")])
    days = [
        first.frames._replace(as_of_date=FIRST + timedelta(number), scores=_scores(number, list(drawn)))
        for number in range(30)
    ]
    targets = rebalance_days(days).result.targets
    books = targets.group_by("portfolio_id", "as_of_date").agg(pl.col("^(current|target|post_trade)_weight$").sum())
    total = pl.Series([Decimal("0.95")], dtype=pl.Decimal(10, 8)).item()
    assert all((books[name] == total).all() for name in ("current_weight", "target_weight", "post_trade_weight"))
    trades = targets.group_by("portfolio_id", "as_of_date").agg(pl.col("trade_weight").sum())["trade_weight"]
    assert (trades == Decimal(0)).all()
    traded = targets.filter(~pl.col("is_cash")).group_by("portfolio_id", "asset").agg(book=pl.col("trade_weight").sum())
    last = targets.filter(pl.col("as_of_date") == days[-1].as_of_date, ~pl.col("is_cash"))
    compared = traded.join(last, on=["portfolio_id", "asset"], how="left")
    assert (compared["book"] == compared["post_trade_weight"].fill_null(Decimal(0))).all()
    assert (targets["trade_weight"] != 0).sum() > 100


def test_days_with_other_asset_lists_are_not_put_together() -> None:
    days = [day.frames for day in _days(_first_day([[0.7] * 16] * 3, []), [[0.7] * 16] * 3)]
    other = days[1]._replace(assets=days[1].assets.head(2))
    with pytest.raises(ContractError, match=f"1 of 3 days have another asset list than {FIRST}"):
        rebalance_days([days[0], other, days[2]])
