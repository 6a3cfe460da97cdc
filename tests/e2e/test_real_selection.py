"""The pure rules over ten weeks of real scores, each day from the targets before. Skipped where the data is not.

No engine and no warehouse: what is proved is that decisions hold their limits day after day, do not flip where
thresholds and margins keep them from it, and stay valid on days with gaps.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from sizing import RebalancingLimits
from sizing.frames.day_inputs import DayInputs
from sizing.pipeline import Rebalance, decide, rebalance, select_candidates
from sizing.selection.score_coverage import find_missing_scores
from tests.properties.test_selection_agrees_with_reference import differences
from tests.sizing.days import ASSETS, HOLDINGS, RESTRICTIONS, SCORES, Score, by_asset
from tests.sizing.reference.selection import Asked, decide_by_hand

pytestmark = pytest.mark.slow  # ten weeks of days; tests/properties/ proves the rules on days that it draws

FIRST, LAST = date(2024, 1, 2), date(2024, 3, 8)
WINDOW_DAYS = 6
ROUND_TRIP_DAYS = 5

LIMITS = {
    "calm": RebalancingLimits(
        min_score_threshold=0.65,
        min_score_new_position=0.75,
        replacement_margin=0.15,
        max_total_positions=12,
        max_positions_per_bucket=3,
        min_buckets_represented=4,
        target_total_allocation=0.9,
        enable_bucket_diversification=True,
    ),
    "nervous": RebalancingLimits(
        min_score_threshold=0.8,
        min_score_new_position=0.8,
        replacement_margin=0.0,
        max_total_positions=12,
        max_new_positions=12,
        max_positions_per_bucket=3,
    ),
    "wide": RebalancingLimits(
        max_total_positions=20,
        max_new_positions=5,
        max_positions_per_bucket=5,
        max_positions_by_bucket={"Information Technology": 2, "Financials": 3},
        min_buckets_represented=8,
        exclude_buckets=("Bonds",),
    ),
}

Row = dict[str, Any]
Book = pl.DataFrame
"""What is held, as `DayInputs.holdings`."""


@dataclass(frozen=True)
class Market:
    """The real scores and buckets, or what a test made of them."""

    scores: pl.DataFrame
    assets: pl.DataFrame
    days: tuple[date, ...]

    def inputs(self, day: date, holdings: Book, limits: Mapping[str, RebalancingLimits] = LIMITS) -> DayInputs:
        window = self.days[max(0, self.days.index(day) - WINDOW_DAYS) : self.days.index(day) + 1]
        ages = pl.DataFrame({"score_date": window, "score_age_days": range(len(window) - 1, -1, -1)})
        scores = self.scores.join(ages.cast({"score_age_days": pl.Int32}), on="score_date").select(*SCORES)
        return DayInputs(day, limits, scores, self.assets, holdings, pl.DataFrame(schema=RESTRICTIONS))

    def without(self, gone: pl.Expr) -> "Market":
        return Market(self.scores.filter(~gone), self.assets, self.days)


@dataclass(frozen=True)
class Day:
    """One day of a walk: what came in, what came out; a held day has no result."""

    inputs: DayInputs
    objections: tuple[str, ...]
    result: Rebalance | None = field(repr=False)

    @property
    def decided(self) -> Rebalance:
        assert self.result is not None, f"{self.inputs.as_of_date} was held: {self.objections}"
        return self.result

    @property
    def book(self) -> Book:
        """What is held in the evening."""
        if self.result is None:
            return self.inputs.holdings
        held = self.result.targets.filter(~pl.col("is_cash") & (pl.col("target_weight") > 0))
        return held.select("portfolio_id", "asset", current_weight="target_weight")


def read_market(folder: Path) -> Market:
    scores = pl.read_parquet(folder / "scores.parquet").select(
        pl.lit("default").alias("model"),
        "asset",
        pl.lit(None, pl.Float64).alias("score"),
        "technical_score",
        pl.lit(None, pl.Float64).alias("fundamental_score"),
        score_date="date",
    )
    days = scores["score_date"].unique().sort()
    return Market(scores, pl.read_csv(folder / "assets.csv").select(*ASSETS), tuple(days))


def walk(market: Market, days: tuple[date, ...], holdings: Book | None = None) -> Iterator[Day]:
    """Decide day after day, each from what the day before left."""
    book = pl.DataFrame(schema=HOLDINGS) if holdings is None else holdings
    for day in days:
        inputs = market.inputs(day, book)
        objections = find_missing_scores(inputs)
        one = Day(inputs, objections, None if objections else rebalance(inputs))
        yield one
        book = one.book


@cache
def ten_weeks(folder: Path) -> tuple[Market, list[Day]]:
    market = read_market(folder)
    return market, list(walk(market, tuple(day for day in market.days if FIRST <= day <= LAST)))


@pytest.fixture
def folder(real_inbox: Path) -> Path:
    return real_inbox.parent


@pytest.fixture
def days(folder: Path) -> list[Day]:
    return ten_weeks(folder)[1]


@pytest.fixture
def market(folder: Path) -> Market:
    return ten_weeks(folder)[0]


# Every day -------------------------------------------------------------------------------------------------


def check_valid(day: Day) -> None:
    """Compare thresholds, counts and buckets of a decided day with its limits, and ask the rules' own checks."""
    decisions = day.decided.decisions
    for name, limits in day.inputs.limits.items():
        rows = [row for row in by_asset(decisions, name).values() if row["is_selected"]]
        check_counts(rows, limits)
        check_scores(rows, limits)
    checks = day.decided.constraint_checks
    assert checks.filter(~pl.col("is_ok")).is_empty(), day.inputs.as_of_date
    for row in checks.filter(constraint_name="min_buckets_represented").iter_rows(named=True):
        assert row["slack"] >= 0 or row["reason"].startswith("not attainable"), row
    held = set(day.inputs.holdings.select("portfolio_id", "asset").iter_rows())
    assert held <= set(decisions.select("portfolio_id", "asset").iter_rows())


def check_counts(rows: list[Row], limits: RebalancingLimits) -> None:
    assert len(rows) <= limits.max_total_positions
    assert sum(not row["is_held"] for row in rows) <= limits.max_new_positions
    buckets = [row["bucket"] for row in rows]
    for bucket in set(buckets):
        free = sum(row["bucket"] == bucket and not row["is_pinned"] for row in rows)
        most = limits.max_positions_by_bucket.get(bucket, limits.max_positions_per_bucket)
        assert buckets.count(bucket) <= most or free == 0, bucket


def check_scores(rows: list[Row], limits: RebalancingLimits) -> None:
    for row in rows:
        least = limits.min_score_threshold if row["is_held"] else limits.min_score_new_position
        assert row["is_pinned"] or row["score"] >= least, row
        assert row["bucket"] not in limits.exclude_buckets, row


def test_thresholds_counts_and_buckets_hold_every_day(days: list[Day]) -> None:
    assert len(days) > 40
    for day in days:
        check_valid(day)


def test_every_close_has_a_gate_and_a_reason(days: list[Day]) -> None:
    closed = 0
    for day in days:
        for name in LIMITS:
            gates = by_asset(day.decided.decisions, name)
            for asset, row in by_asset(day.decided.targets, name).items():
                if row["action"] == "close":
                    closed += 1
                    assert gates[asset]["gate"], f"{name} {asset} {day.inputs.as_of_date}"
                    assert row["target_reason"].strip(), f"{name} {asset} {day.inputs.as_of_date}"
    assert closed > 20


def test_the_entry_scores_of_a_real_day_are_exact(days: list[Day]) -> None:
    day = days[STEADY_DAY]
    told = [row for row in by_asset(day.decided.decisions, "calm").values() if row["entry_score"] is not None]
    asked = [(row["asset"], row["entry_score"] - step) for row in told[::4] for step in (0, 1e-12)]
    selected = rescored(day.inputs, asked)
    assert [asset for asset, is_selected in zip(asked[::2], selected[::2], strict=True) if not is_selected] == []
    assert [asset for asset, is_selected in zip(asked[1::2], selected[1::2], strict=True) if is_selected] == []


def rescored(inputs: DayInputs, asked: list[tuple[str, float]]) -> list[bool]:
    """Report whether the calm portfolio selects an asset with another score of today; one copy of it for each."""
    scores, books = [], []
    book = inputs.holdings.filter(portfolio_id="calm")
    for number, (asset, score) in enumerate(asked):
        model = pl.lit(str(number))
        changed = pl.when(pl.col("asset") == asset, pl.col("score_age_days") == 0).then(pl.lit(score))
        scores.append(inputs.scores.with_columns(model=model, score=changed))
        books.append(book.with_columns(portfolio_id=model))
    limits = {str(number): LIMITS["calm"].model_copy(update={"model": str(number)}) for number in range(len(asked))}
    day = replace(inputs, limits=limits, scores=pl.concat(scores), holdings=pl.concat(books))
    decisions = decide(select_candidates(day), day)
    return [by_asset(decisions, str(number))[asset]["is_selected"] for number, (asset, _) in enumerate(asked)]


def test_gates_and_places_are_those_of_the_slow_rules_every_fifth_day(market: Market, days: list[Day]) -> None:
    buckets = dict(market.assets.iter_rows())
    for day in days[::5]:
        columns = ("asset", "technical_score", "score_age_days")
        scores = tuple(Score(asset, None, part, age=age) for asset, part, age in day.inputs.scores[columns].iter_rows())
        for name, limits in LIMITS.items():
            held = frozenset(day.inputs.holdings.filter(portfolio_id=name)["asset"])
            asked = Asked(limits, scores, held, frozenset(), buckets)
            rows = by_asset(day.decided.decisions, name)
            answers = decide_by_hand(asked, with_counterfactual=False)
            told = [
                text for text in differences(rows, answers) if " entry_score:" not in text and " rival:" not in text
            ]
            assert told == [], f"{name} {day.inputs.as_of_date}"


# Flipping --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class RoundTrip:
    """A name that was closed and opened again within a week; `spread`: of its score from then to then."""

    asset: str
    closed: date
    opened: date
    spread: float


def round_trips(days: list[Day], name: str) -> list[RoundTrip]:
    found = []
    rows = [by_asset(day.decided.decisions, name) for day in days]
    for number, today in enumerate(rows):
        for asset, row in today.items():
            if row["is_held"] and not row["is_selected"]:
                found += again(days, rows, number, asset)
    return found


def again(days: list[Day], rows: list[dict[str, Row]], closed: int, asset: str) -> list[RoundTrip]:
    for later in range(closed + 1, min(len(rows), closed + ROUND_TRIP_DAYS + 1)):
        if rows[later].get(asset, {}).get("is_selected"):
            scores = [one[asset]["score"] for one in rows[closed : later + 1]]
            closed_on, opened_on = days[closed].inputs.as_of_date, days[later].inputs.as_of_date
            return [RoundTrip(asset, closed_on, opened_on, max(scores) - min(scores))]
    return []


@pytest.mark.parametrize("name", ["calm", "wide"])
def test_nothing_is_closed_and_opened_again_while_its_score_stays_within_the_band(days: list[Day], name: str) -> None:
    low, high = LIMITS[name].min_score_threshold, LIMITS[name].min_score_new_position
    assert [trip for trip in round_trips(days, name) if trip.spread < high - low] == []
    kept = [row for day in days for row in by_asset(day.decided.decisions, name).values() if row["is_selected"]]
    assert sum(row["is_held"] and low <= row["score"] < high for row in kept) > 30  # the band is lived in


def test_without_a_band_and_a_margin_names_do_flip_on_the_same_days(days: list[Day]) -> None:
    assert len(round_trips(days, "nervous")) > 10


# Days with gaps --------------------------------------------------------------------------------------------

STEADY_DAY = 30


def week(market: Market, days: list[Day], length: int = 8) -> tuple[tuple[date, ...], Book]:
    """Return some days in the middle of the stretch, and what is held on the morning of the first."""
    dates = tuple(day.inputs.as_of_date for day in days[STEADY_DAY : STEADY_DAY + length])
    assert dates[0] in market.days
    return dates, days[STEADY_DAY].inputs.holdings


def on(dates: tuple[date, ...], assets: Callable[[pl.Expr], pl.Expr]) -> pl.Expr:
    return pl.col("score_date").is_in(dates) & assets(pl.col("asset"))


def test_a_day_with_a_third_of_the_scores_gone_is_held_and_the_next_goes_on(market: Market, days: list[Day]) -> None:
    dates, book = week(market, days, 3)
    third = sorted(market.assets["asset"])[::3]
    walked = list(walk(market.without(on(dates[1:2], lambda asset: asset.is_in(third))), dates, book))
    assert [bool(day.objections) for day in walked] == [False, True, False]
    assert {text.partition(":")[0] for text in walked[1].objections} == set(LIMITS)
    assert walked[1].book.equals(walked[0].book)
    check_valid(walked[2])


def test_a_holding_without_scores_for_a_week_is_kept_then_pinned_and_never_sold(
    market: Market, days: list[Day]
) -> None:
    dates, book = week(market, days)
    asset = best_holding(days[STEADY_DAY], "calm")
    walked = list(walk(market.without(on(dates[1:6], lambda name: name == asset)), dates, book))
    rows = [by_asset(day.decided.decisions, "calm")[asset] for day in walked]
    assert [row["is_selected"] for row in rows] == [True] * 8
    assert [row["is_pinned"] for row in rows] == [False] * 4 + [True] * 2 + [False] * 2  # 3 days of patience
    assert [row["is_score_stale"] for row in rows] == [row["is_pinned"] for row in rows]
    for before, day, row in zip(walked[3:5], walked[4:6], rows[4:6], strict=True):
        assert row["entry_score"] is None
        assert weight(day, asset) == weight(before, asset) > 0
    for day in walked:
        check_valid(day)


def best_holding(day: Day, name: str) -> str:
    held = [row for row in by_asset(day.decided.decisions, name).values() if row["is_held"] and row["is_selected"]]
    return str(min(held, key=lambda row: row["candidate_rank"])["asset"])


def weight(day: Day, asset: str) -> object:
    return by_asset(day.decided.targets, "calm")[asset]["target_weight"]


def test_a_bucket_that_is_renamed_overnight_leaves_valid_days_and_sells_nothing_for_it(
    market: Market, days: list[Day]
) -> None:
    dates, book = week(market, days)
    renamed = market.assets.with_columns(pl.col("bucket").replace({"Information Technology": "Tech"}))
    walked = list(walk(Market(market.scores, renamed, market.days), dates, book))
    for day in walked:
        check_valid(day)
    before = by_asset(days[STEADY_DAY].decided.decisions, "calm")
    after = by_asset(walked[0].decided.decisions, "calm")
    assert {asset: row["gate"] for asset, row in after.items()} == {asset: row["gate"] for asset, row in before.items()}


def test_a_universe_that_halves_is_held_once_and_then_stays_valid(market: Market, days: list[Day]) -> None:
    dates, book = week(market, days)
    half = sorted(set(market.assets["asset"]) - set(book["asset"]))[::2]
    walked = list(walk(market.without(on(dates[1:], lambda asset: asset.is_in(half))), dates, book))
    assert [bool(day.objections) for day in walked] == [False, True] + [False] * 6
    for day in walked[2:]:
        check_valid(day)
        assert set(half).isdisjoint(day.decided.decisions.filter("is_selected", ~pl.col("is_held"))["asset"])


def test_a_portfolio_that_asks_for_fewer_buckets_closes_what_lies_outside(market: Market, days: list[Day]) -> None:
    dates, book = week(market, days, 3)
    wanted = ("Information Technology", "Industrials", "Financials", "Utilities", "Energy")
    narrow = {name: limits.model_copy(update={"include_buckets": wanted}) for name, limits in LIMITS.items()}
    first = market.inputs(dates[0], book, narrow)
    day = Day(first, (), rebalance(first))
    check_valid(day)
    for row in day.decided.decisions.iter_rows(named=True):
        assert (row["gate"] == "excluded") == (row["bucket"] not in wanted), row
    assert set(day.book["asset"]) <= set(market.assets.filter(pl.col("bucket").is_in(wanted))["asset"])
