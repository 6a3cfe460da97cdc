"""The shipped sample: it can be made again, and shows what it was made to show."""

import csv
import runpy
import sys
from collections import Counter
from datetime import date
from itertools import pairwise
from pathlib import Path

import exchange_calendars
import pytest
import yaml

from sizing.limits.model import RebalancingLimits
from tasks.config.settings import Settings

Row = dict[str, str]

DEPLOYMENTS = Path(__file__).parents[2] / "deployments"
SCRIPT = DEPLOYMENTS / "sample" / "make_sample.py"
INBOX = DEPLOYMENTS / "sample" / "inbox"
CONFIG = DEPLOYMENTS / "portfolios.yaml"
LISTED_WITHOUT_BUCKET = "CRCL"


def read_rows(path: Path) -> list[Row]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def read_days() -> dict[date, list[Row]]:
    paths = sorted(INBOX.glob("scores_*.csv"))
    return {date.fromisoformat(path.stem.removeprefix("scores_")): read_rows(path) for path in paths}


DAYS = read_days()
BUCKETS = {row["asset"]: row["bucket"] for row in read_rows(INBOX / "assets.csv")}
HOLDINGS = read_rows(INBOX / "positions_2025-06-02.csv")
HELD = {row["asset"] for row in HOLDINGS}
RESTRICTIONS = {row["restriction"]: row for row in read_rows(INBOX / "restrictions.csv")}
every_day = pytest.mark.parametrize("day", DAYS, ids=str)


def faults(day: date) -> Counter[str]:
    """Count the bad rows of a day by what is wrong; of a duplicate, the second row is the bad one."""
    found: Counter[str] = Counter()
    seen: set[str] = set()
    for row in DAYS[day]:
        parts = [float(row[name]) for name in ("technical_score", "fundamental_score") if row[name]]
        found["nan"] += any(part != part for part in parts)  # noqa: PLR0124 - only NaN differs from itself
        found["out_of_range"] += any(part < 0 or part > 1 for part in parts)
        found["duplicate"] += row["asset"] in seen
        seen.add(row["asset"])
    return +found


def scores(day: date) -> dict[str, float]:
    """Combine the parts of the good rows, 0.6 technical and 0.4 fundamental."""
    rows = Counter(row["asset"] for row in DAYS[day])
    combined = {}
    for row in DAYS[day]:
        technical = float(row["technical_score"] or "nan")
        fundamental = float(row["fundamental_score"]) if row["fundamental_score"] else technical
        if row["asset"] in BUCKETS and rows[row["asset"]] == 1 and 0 <= technical <= 1:
            combined[row["asset"]] = 0.6 * technical + 0.4 * fundamental
    return combined


def make(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    monkeypatch.setattr(sys, "argv", [SCRIPT.name, *arguments])
    runpy.run_path(str(SCRIPT), run_name="__main__")


def read_limits() -> dict[str, RebalancingLimits]:
    config = yaml.safe_load(CONFIG.read_text(encoding="utf-8"))
    return {
        portfolio_id: RebalancingLimits(**{**config["defaults"], **own})
        for portfolio_id, own in config["portfolios"].items()
    }


LIMITS = read_limits()


def test_making_the_sample_again_gives_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(monkeypatch, "--out", str(tmp_path))
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {
        path.name: path.read_bytes() for path in INBOX.iterdir()
    }


def test_another_seed_gives_other_scores_of_the_same_assets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(monkeypatch, "--out", str(tmp_path), "--seed", "7")
    name = "scores_2025-06-02.csv"
    other = {row["asset"]: row["technical_score"] for row in read_rows(tmp_path / name)}
    shipped = {row["asset"]: row["technical_score"] for row in read_rows(INBOX / name)}
    assert other.keys() == shipped.keys()
    assert other != shipped


# exchange_calendars 4 reads time zones in a way that pandas 4 will drop
@pytest.mark.filterwarnings("ignore:Series.values returning:pandas.errors.Pandas4Warning")
def test_the_days_are_six_consecutive_trading_days_of_the_nyse() -> None:
    sessions = exchange_calendars.get_calendar("XNYS").sessions_in_range("2025-06-02", "2025-06-09")
    assert list(DAYS) == [session.date() for session in sessions]
    assert len(DAYS) == 6


def test_sixty_assets_lie_in_the_eleven_sectors_at_least_four_in_each() -> None:
    sizes = Counter(BUCKETS.values())
    assert len(BUCKETS) == 60
    assert len(sizes) == 11
    assert min(sizes.values()) >= 4


@every_day
def test_a_file_holds_its_own_day_sorted_by_asset(day: date) -> None:
    assert {row["date"] for row in DAYS[day]} == {day.isoformat()}
    assert [row["asset"] for row in DAYS[day]] == sorted(row["asset"] for row in DAYS[day])


@every_day
def test_numbers_are_written_with_four_decimals(day: date) -> None:
    written = [row[name] for row in DAYS[day] for name in row if name not in ("date", "asset") and row[name]]
    assert [cell for cell in written if cell != "NaN" and len(cell.partition(".")[2]) != 4] == []


@every_day
def test_volatilities_are_those_of_shares(day: date) -> None:
    assert all(0.1 < float(row["volatility"]) < 1 for row in DAYS[day])


@every_day
def test_a_fifth_to_a_third_of_the_assets_qualify_and_a_handful_is_very_good(day: date) -> None:
    assert 12 <= sum(score >= 0.65 for score in scores(day).values()) <= 20
    assert 3 <= sum(score >= 0.80 for score in scores(day).values()) <= 8


def test_the_highest_tier_is_reached_on_some_days_and_not_on_all() -> None:
    reached = [max(scores(day).values()) >= 0.9 for day in DAYS]
    assert 2 <= sum(reached) < len(DAYS)


@pytest.mark.parametrize(("before", "after"), list(pairwise(DAYS)), ids=str)
def test_every_day_some_names_rise_to_a_purchase_and_some_fall_to_a_sale(before: date, after: date) -> None:
    old, new = scores(before), scores(after)
    both = old.keys() & new.keys()
    assert [asset for asset in both if old[asset] < 0.65 <= new[asset]] != []
    assert [asset for asset in both if new[asset] < 0.60 <= old[asset]] != []


@every_day
def test_bad_rows_are_at_most_two_a_file_and_five_percent(day: date) -> None:
    assert faults(day).total() <= min(2, 0.05 * len(DAYS[day]))


def test_every_kind_of_bad_row_occurs_once() -> None:
    found = sum((faults(day) for day in DAYS), Counter())
    assert found == {"out_of_range": 1, "nan": 1, "duplicate": 1}


def test_a_new_listing_is_scored_on_the_last_three_days_and_the_asset_list_does_not_know_it() -> None:
    scored = [day for day in DAYS for row in DAYS[day] if row["asset"] not in BUCKETS]
    assert scored == list(DAYS)[3:]
    assert {row["asset"] for day in DAYS for row in DAYS[day]} - BUCKETS.keys() == {LISTED_WITHOUT_BUCKET}


def test_nobody_holds_or_wants_the_asset_that_comes_twice() -> None:
    rows = Counter((day, row["asset"]) for day in DAYS for row in DAYS[day])
    assets = {asset for (_, asset), times in rows.items() if times > 1}
    assert assets == {"VZ"}
    assert not assets & HELD
    assert max(scores(day).get(asset, 0) for day in DAYS for asset in assets) < 0.60


@every_day
def test_gaps_stay_below_a_fifth_of_the_universe_and_of_the_holdings(day: date) -> None:
    missing = BUCKETS.keys() - scores(day).keys()
    assert len(missing) < 0.2 * len(BUCKETS)
    assert len(missing & HELD) <= 0.2 * len(HELD)


def test_one_holding_is_away_for_longer_than_a_last_score_counts_and_comes_back() -> None:
    away = [day for day in DAYS if all(row["asset"] != "TMUS" for row in DAYS[day])]
    assert "TMUS" in HELD
    assert away == list(DAYS)[1:5]
    assert len(away) > LIMITS["income"].max_score_age_days


def test_fundamental_parts_are_missing_on_some_days_and_technical_parts_of_known_assets_never() -> None:
    without_fundamental = {day for day in DAYS for row in DAYS[day] if not row["fundamental_score"]}
    without_technical = {row["asset"] for day in DAYS for row in DAYS[day] if not row["technical_score"]}
    assert 2 <= len(without_fundamental) < len(DAYS)
    assert without_technical == {LISTED_WITHOUT_BUCKET}


def test_income_starts_with_known_assets_scored_on_the_first_day_and_some_cash() -> None:
    assert {(row["date"], row["portfolio_id"]) for row in HOLDINGS} == {("2025-06-02", "income")}
    assert scores(date(2025, 6, 2)).keys() >= HELD
    assert 0.9 < sum(float(row["current_weight"]) for row in HOLDINGS) < 1


def test_the_asset_not_to_be_bought_would_be_bought_on_each_of_its_days() -> None:
    row = RESTRICTIONS["no_buy"]
    days = [day for day in DAYS if row["valid_from"] <= day.isoformat() <= row["valid_until"]]
    assert len(days) == 3
    assert row["asset"] not in HELD
    assert min(scores(day)[row["asset"]] for day in days) >= 0.80


def test_the_asset_to_be_sold_is_held_at_a_score_that_would_keep_it() -> None:
    row = RESTRICTIONS["must_sell"]
    day = date.fromisoformat(row["valid_from"])
    assert row["portfolio_id"] == "income"
    assert row["asset"] in HELD
    assert scores(day)[row["asset"]] >= 0.80


def test_the_portfolios_show_every_sizing_mode_and_every_residual_strategy() -> None:
    assert {name: (own.sizing_mode, own.residual_strategy) for name, own in LIMITS.items()} == {
        "core": ("adaptive", "safe_top_slice"),
        "income": ("score_weighted", "proportional"),
        "opportunity": ("equal_weight", "cash_bucket"),
    }


@pytest.mark.parametrize("limits", list(LIMITS.values()), ids=list(LIMITS))
def test_the_limits_of_a_portfolio_can_be_met(limits: RebalancingLimits) -> None:
    total = limits.target_total_allocation
    assert limits.max_total_positions * limits.max_single_position >= total
    assert limits.max_total_positions * limits.min_position_size <= total
    assert limits.min_buckets_represented <= limits.max_total_positions
    assert limits.min_score_new_position >= limits.min_score_threshold >= limits.score_tiers[-1].min_score


@pytest.mark.parametrize("limits", list(LIMITS.values()), ids=list(LIMITS))
def test_the_smallest_sectors_a_portfolio_may_end_with_can_carry_it(limits: RebalancingLimits) -> None:
    per_bucket = [
        limits.max_allocation_by_bucket.get(bucket, limits.max_allocation_per_bucket)
        for bucket in set(BUCKETS.values())
    ]
    lowest = sorted(per_bucket)[: limits.min_buckets_represented]
    assert not limits.enable_bucket_diversification or sum(lowest) >= limits.target_total_allocation
    assert set(limits.max_allocation_by_bucket) <= set(BUCKETS.values())


def test_one_day_of_the_week_shows_every_kind_of_trade_and_caps_of_both_stages(sample_week: Settings) -> None:
    warehouse = sample_week.open_warehouse()
    shown = warehouse.query_snapshot(
        "SELECT as_of_date FROM targets JOIN visible_runs USING (run_id, portfolio_id, as_of_date) GROUP BY ALL HAVING "
        "count(*) FILTER (trade_reason = 'held_by_band') > 0 AND count(*) FILTER (trade_reason LIKE '%above_%') > 0 "
        "AND count(*) FILTER (trade_scale < 1 AND trade_weight NOT IN (0, target_weight - current_weight)) > 0"
    )
    capped = warehouse.query_snapshot(
        "SELECT as_of_date FROM sizing_audit JOIN visible_runs USING (run_id, portfolio_id) "
        "WHERE portfolio_id = 'core' GROUP BY ALL HAVING count(DISTINCT stage1_cap) = 2 AND count(stage2_cap) > 0"
    )
    assert date(2025, 6, 4) in {*shown["as_of_date"]} & {*capped["as_of_date"]}
