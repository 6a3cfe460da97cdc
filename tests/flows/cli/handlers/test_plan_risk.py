"""Risk limits through commands: a plan over them, and a day that is held since volatility is missing."""

import json
import math
import shutil
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from sizing import RebalancingLimits
from tasks.config.settings import Settings
from tasks.runs.ingest import ingest_range
from tasks.trading_calendar import find_calendar
from tests.helpers.command_line import Ballast
from tests.helpers.installation import installed_in, publish_days, with_limits

pytestmark = pytest.mark.slow

DAY, NEXT = date(2025, 6, 2), date(2025, 6, 3)
SESSIONS = find_calendar("XNYS").between(date(2025, 4, 15), NEXT)
ASSETS = ("AAA", "BBB", "CCC", "DDD", "EEE")
_WIDE: Mapping[str, Any] = {
    "min_buckets_represented": 1,
    "max_single_position": 0.4,
    "enable_bucket_diversification": False,
    "volatility_window_days": 25,
    "min_observations": 20,
    "rebalance_band": 0.0,
}
LIMITS = {
    "plain": RebalancingLimits(**_WIDE),
    "risky": RebalancingLimits(**_WIDE, volatility_mode="inverse", target_volatility=0.3),
}


def _close(number: int, place: int, *, is_split: bool) -> float:
    price = 100 * math.exp(0.01 * (place + 1) * math.sin(number * (1 + (place + 1) / 3)))
    return round(price / (2 if is_split else 1), 4)


def _prices(split_on: date | None = None) -> str:
    """Return closes of every session; on the day of a split, which no factor tells, all are half as large."""
    rows = [
        f"{day},{asset},{_close(number, place, is_split=day == split_on)}"
        for number, day in enumerate(SESSIONS)
        for place, asset in enumerate(ASSETS)
    ]
    return "\n".join(["date,asset,close", *rows, ""])


@pytest.fixture
def settings(tmp_path: Path, empty_warehouse: Path) -> Settings:
    """A day published with a snapshot, and the files of the next one."""
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    (inbox / "assets.csv").write_text("asset,bucket\n" + "".join(f"{one},b{n % 3}\n" for n, one in enumerate(ASSETS)))
    (inbox / "prices.csv").write_text(_prices(split_on=NEXT))
    for day in (DAY, NEXT):
        scores = (f"{day},{asset},{0.95 - 0.05 * n}\n" for n, asset in enumerate(ASSETS))
        (inbox / f"scores_{day}.csv").write_text("date,asset,score\n" + "".join(scores))
    shutil.copy(empty_warehouse, tmp_path / "warehouse.duckdb")
    settings = with_limits(installed_in(tmp_path, inbox), LIMITS)
    ingest_range(settings, SESSIONS, {})
    publish_days(settings, [DAY])
    settings.open_warehouse().snapshot(DAY)
    return settings


def _plan(ballast: Ballast, *words: object) -> dict[str, Any]:
    code, out, _ = ballast("plan", "--as-of", DAY, *words, "--json", "--all-rows")
    assert code == 0
    (row,) = json.loads(out)
    return dict(row)


@pytest.mark.parametrize(
    ("portfolio", "limit", "value", "before"),
    [
        ("plain", "target_volatility", 0.1, None),
        ("risky", "target_volatility", 0.1, 0.3),
        ("risky", "max_position_risk", 0.02, 0.3),
        ("risky", "volatility_strength", 0.0, 0.3),
    ],
)
def test_a_plan_over_a_risk_limit_has_its_volatility_and_names_the_risk_as_cause(
    ballast: Ballast, portfolio: str, limit: str, value: float, before: float | None
) -> None:
    row = _plan(ballast, "--portfolio", portfolio, f"--{limit.replace('_', '-')}", value)
    assert (row["visible_portfolio_volatility"] is None) == (before is None)
    assert row["portfolio_volatility"] <= (value if limit == "target_volatility" else 0.3) + 1e-7
    if limit == "target_volatility":
        assert 0 < row["risk_scale"] < 1
        assert row["portfolio_volatility"] == pytest.approx(value, abs=1e-7)
    if limit != "volatility_strength":
        assert limit in row["binding_limits"]
    assert row["targets"]
    risks = Decimal(0)
    for target in row["targets"]:
        change = Decimal(str(round(target["weight_change"], 8)))
        parts = dict(part.split(" ") for part in (target["causes"] or "").split(", ") if part)
        assert sum(map(Decimal, parts.values()), Decimal(0)) == change
        assert set(parts) <= {"risk", "others", "caps", "residual", "rounding", "positions", "total"}
        risks += abs(Decimal(parts.get("risk", 0)))
    assert risks > Decimal("0.01")


def test_a_plan_shows_volatility_and_scale_where_a_limit_measures_them(ballast: Ballast) -> None:
    _, out, _ = ballast("plan", "--as-of", DAY, "--portfolio", "plain", "--max-total-positions", 3)
    assert "volatility" not in out
    _, out, _ = ballast("plan", "--as-of", DAY, "--portfolio", "risky", "--target-volatility", 0.1)
    assert "→0.1000" in out


def test_a_day_without_volatilities_is_held_and_says_what_to_deliver(ballast: Ballast, settings: Settings) -> None:
    code, out, err = ballast("backfill", "--from", NEXT, "--to", NEXT)
    assert code == 3
    for word in ("risky", "max_missing_volatility_share", "adjustment_factor", "daily_return", *ASSETS):
        assert word in out + err
    settings.open_warehouse().snapshot(NEXT)
    for words in (("status",), ("explain", "risky", "AAA", "--as-of", NEXT)):
        _, out, err = ballast(*words)
        assert f"{NEXT}" in out + err
        assert "deliver their prices" in out + err
    code, out, _ = ballast("targets", "risky")
    assert (code, f"{DAY}" in out) == (0, True)


def test_explain_names_the_suspect_return_of_a_name_that_keeps_its_weight(ballast: Ballast, settings: Settings) -> None:
    with_limits(settings, {"risky": LIMITS["risky"].model_copy(update={"max_missing_volatility_share": 1.0})})
    result = ballast("backfill", "--from", NEXT, "--to", NEXT)
    assert result[0] == 0, result
    code, out, _ = ballast("explain", "risky", "AAA", "--json")
    steps = {row["quantity"]: row for row in json.loads(out) if not row["is_change"]}
    first, second = (_close(len(SESSIONS) - n, 0, is_split=n == 1) for n in (2, 1))
    row = steps["no volatility"]
    assert (code, row["value"], row["limit_value"]) == (0, "suspect_return", "max_plausible_return 0.4")
    assert f"{NEXT}" in row["words"]
    assert f"= {second:.12g} / {first:.12g} - 1 = {second / first - 1:.6f}" in row["words"]
    assert "adjustment_factor" in row["words"]
    assert "daily_return" in row["words"]
    assert steps["target weight"]["value"] == steps["holding"]["value"]
