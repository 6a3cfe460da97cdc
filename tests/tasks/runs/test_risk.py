"""Days whose limits read returns or volatilities: the daily run, a backfill and a replay agree in every row."""

import json
import math
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path

import pytest

from sizing import RebalancingLimits
from tasks.config.settings import Settings
from tasks.runs.ingest import ingest_range
from tasks.runs.run_record import OpenRun, start_run
from tasks.trading_calendar import find_calendar
from tests.helpers.warehouse_days import (
    ask,
    read_inbox,
    require_agreement,
    run_daily,
)

DAYS = tuple(date(2025, 6, day) for day in (2, 3, 4, 5))
SESSIONS = find_calendar("XNYS").between(date(2025, 4, 1), DAYS[-1])
ASSETS = ("AAA", "BBB", "CCC", "DDD", "EEE")
_OFF = RebalancingLimits(
    min_buckets_represented=1,
    max_single_position=0.4,
    max_new_positions=2,
    max_missing_score_share=1.0,
    max_missing_volatility_share=1.0,
)
_OF_PRICES = {"volatility_mode": "inverse", "volatility_window_days": 25, "min_observations": 20}
LIMITS = {
    "crowded": _OFF.model_copy(update=_OF_PRICES | {"correlation_mode": "crowding", "target_volatility": 0.1}),
    "lasting": _OFF.model_copy(update=_OF_PRICES | {"min_holding_days": 2, "volatility_window_days": 30}),
    "off": _OFF,
    "scored": _OFF.model_copy(update={"volatility_source": "scores", "max_position_risk": 0.05, "model": "rich"}),
    "turned": _OFF.model_copy(update=_OF_PRICES | {"max_turnover": 0.2, "mark_to_market": True}),
}


def _close(number: int, asset: str) -> float:
    place = ASSETS.index(asset) + 1
    return round(100 * math.exp(0.01 * place * math.sin(number * (1 + place / 3))), 4)


def _prices(change: Mapping[tuple[date, str], str] | None = None) -> str:
    """Return closes of every session; DDD has none in the last but one, EEE begins late."""
    rows = {
        (day, asset): str(_close(number, asset))
        for number, day in enumerate(SESSIONS)
        for asset in (*ASSETS, "unscored")[: len(ASSETS)]
        if (day, asset) != (DAYS[2], "DDD") and (asset != "EEE" or day >= date(2025, 5, 20))
    }
    rows |= {(day, "unscored"): "1" for day in SESSIONS}
    lines = (f"{day},{asset},{close}" for (day, asset), close in sorted((rows | dict(change or {})).items()))
    return "\n".join(["date,asset,close", *lines, ""])


def _scores(day: date) -> str:
    """Return scores of two models; BBB has none on the third day, and no volatility on the second."""
    rows = [
        f"{day},{model},{asset},{round(0.95 - 0.04 * ((day.day + n) % 4), 4)},{'' if (n, day) == (1, DAYS[1]) else vol}"
        for model in ("default", "rich")
        for n, (asset, vol) in enumerate(zip(ASSETS, (0.2, 0.3, 0.4, 0.5, 0.6), strict=True))
        if (n, day) != (1, DAYS[2])
    ]
    return "\n".join(["date,model,asset,score,volatility", *rows, ""])


@pytest.fixture
def settings(migrated: Path) -> Settings:
    inbox = migrated.parent / "inbox"
    inbox.mkdir()
    (inbox / "assets.csv").write_text("asset,bucket\n" + "".join(f"{one},b{n % 3}\n" for n, one in enumerate(ASSETS)))
    (inbox / "prices.csv").write_text(_prices())
    for day in DAYS:
        (inbox / f"scores_{day}.csv").write_text(_scores(day))
    return read_inbox(migrated, SESSIONS)


@pytest.mark.slow
def test_daily_run_backfill_and_replay_agree_in_every_row(settings: Settings) -> None:
    require_agreement(settings, DAYS, LIMITS)


@pytest.mark.slow
def test_a_day_reads_the_sessions_of_its_longest_window(settings: Settings) -> None:
    for run, day in zip(run_daily(settings, DAYS, LIMITS), DAYS, strict=True):
        assert run.inputs.sessions == find_calendar("XNYS").until(day, 30)
        returns = run.inputs.returns
        assert set(returns["asset"]) == set(ASSETS)
        assert returns["session"].is_between(run.inputs.sessions[0], day).all()
        assert returns.filter(asset="AAA").height == 30
        first = find_calendar("XNYS").before(day, 30)
        [(record,)] = ask(settings, f"SELECT inputs FROM runs WHERE run_id = '{run.run_id}'")
        assert json.loads(record)["returns_since"] == first.isoformat()
        reading = f"SELECT portfolio_id FROM run_portfolios WHERE run_id = '{run.run_id}' AND reads_returns ORDER BY 1"
        assert ask(settings, reading) == [("crowded",), ("lasting",), ("turned",)]
        [(oldest, newest)] = ask(
            settings,
            f"SELECT min(ingests.as_of_date), max(ingests.as_of_date) FROM runs, ingests WHERE run_id = '{run.run_id}' "
            "AND list_contains(json_extract(inputs, '$.prices')::BIGINT[], ingest_id)",
        )
        assert (oldest, newest) == (first, day)


@pytest.mark.slow
def test_limits_that_read_no_return_read_no_price(settings: Settings) -> None:
    only = {name: LIMITS[name] for name in ("off", "scored")}
    runs = run_daily(settings, DAYS, only)
    assert all(run.inputs.returns.is_empty() and not run.inputs.sessions for run in runs)
    assert ask(settings, "SELECT count(*) FROM runs WHERE json_exists(inputs, '$.prices')") == [(0,)]
    assert {*runs[1].inputs.volatilities["model"]} == {"rich"}
    missing = "SELECT asset, as_of_date, missing_reason FROM risk_estimates WHERE volatility IS NULL ORDER BY ALL"
    # On the third day its score of the second counts, which came without a volatility.
    assert ask(settings, missing) == [("BBB", DAYS[1], "no_returns"), ("BBB", DAYS[2], "no_returns")]


@pytest.mark.slow
def test_prices_corrected_in_the_window_are_told_where_returns_are_read(settings: Settings) -> None:
    run_daily(settings, DAYS, {name: LIMITS[name] for name in ("crowded", "off")})
    corrected = (
        "SELECT portfolio_id, as_of_date, kind, input_date, n_changed FROM targets_on_corrected_inputs ORDER BY ALL"
    )
    assert ask(settings, corrected) == []
    for changed, found in (("unscored", []), ("EEE", [("crowded", day, "prices", DAYS[0], 1) for day in DAYS])):
        (settings.inbox / "prices.csv").write_text(_prices({(DAYS[0], changed): "77"}))
        ingest_range(settings, SESSIONS, {})
        assert ask(settings, corrected) == found


def _told(run: OpenRun) -> Sequence[str]:
    return [one for one in run.warnings if one.startswith("volatility")]


def test_what_has_no_volatility_is_told_with_what_to_deliver(settings: Settings) -> None:
    (settings.inbox / "prices.csv").write_text(_prices({(DAYS[0], "AAA"): "500"}))
    ingest_range(settings, SESSIONS, {})
    only = {"lasting": LIMITS["lasting"], "off": LIMITS["off"]}
    with settings.open_warehouse().kept_open() as warehouse:
        told = _told(start_run(warehouse, "XNYS", DAYS[0], only, [], by="test"))
    assert len(told) == 2
    assert all(word in told[0] for word in ("AAA", str(DAYS[0]), "adjustment_factor", "daily_return"))
    assert "EEE" in told[1]
    assert "min_observations 20" in told[1]


@pytest.mark.slow
def test_a_report_reads_why_names_have_no_volatility_and_what_it_was(settings: Settings) -> None:
    run = run_daily(settings, DAYS, LIMITS)[0]
    with settings.open_warehouse().kept_open() as kept:
        named = {"portfolio_ids": sorted(LIMITS)}
        missing = kept.query("chart_missing_volatilities", run_ids=[run.run_id], **named, most_rows=5)
        history = kept.query("chart_history", run_id=run.run_id, **named, most_days=60)
    told = missing.select("portfolio_id", "asset", "is_held", "missing_reason", "n_returns", "window_days").rows()
    assert told == [
        ("crowded", "EEE", False, "too_few_returns", 8, 25),
        ("lasting", "EEE", False, "too_few_returns", 8, 30),
        ("turned", "EEE", False, "too_few_returns", 8, 25),
    ]
    assert history["portfolio_id"].to_list() == sorted(LIMITS)
    volatility = history.drop_nulls("portfolio_volatility")
    assert volatility["portfolio_id"].to_list() == ["crowded", "lasting", "turned"]
    crowded = volatility.row(0, named=True)
    assert crowded["target_volatility"] == 0.1
    assert 0 < crowded["risk_scale"] <= 1
    assert crowded["portfolio_volatility"] <= 0.1 + 1e-7
    assert volatility["target_volatility"].null_count() == 2
