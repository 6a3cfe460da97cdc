"""Books that move with prices between days: the daily run, a backfill and a replay agree to the unit."""

import json
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from itertools import pairwise
from pathlib import Path

import pytest

from sizing import RebalancingLimits
from tasks.config.settings import Settings
from tasks.runs.ingest import ingest_range
from tests.helpers.warehouse_days import (
    ask,
    backfill,
    copy_of,
    read_inbox,
    require_agreement,
    run_daily,
)

MON, TUE, WED, THU, FRI, NEXT = SESSIONS = tuple(date(2025, 6, day) for day in (2, 3, 4, 5, 6, 9))
DAYS = (MON, TUE, THU, FRI, NEXT)
"""Days that are run: Wednesday is missed."""

MARKED = RebalancingLimits(min_buckets_represented=1, max_single_position=0.4, mark_to_market=True)
LIMITS = {
    "core": MARKED,
    "damped": MARKED.model_copy(update={"max_turnover": 0.1}),
    "given": MARKED,
    "still": MARKED.model_copy(update={"mark_to_market": False}),
}
CLOSES: Mapping[str, Sequence[str]] = {
    "AAA": ("100", "110,1,", "99", "101.5", "103", "104"),
    "BBB": ("50", "49", "51", "25.25,2,", "26", "12"),
    "CCC": ("10", "10.2", "9.9", "10.1", ",,-0.625", "4"),
    "other": ("1", "1", "1", "1", "1", "1"),
}
"""Of each session: BBB was split on Thursday, CCC has a return alone on Friday, BBB is suspect on Monday."""

GROWTH = {
    TUE: {"AAA": Decimal("1.1"), "BBB": Decimal("0.98"), "CCC": Decimal("1.02")},
    THU: {
        "AAA": Decimal("101.5") / 110,
        "BBB": Decimal("50.5") / 49,
        "CCC": Decimal("10.1") / Decimal("10.2"),
    },
    FRI: {"AAA": Decimal(103) / Decimal("101.5"), "BBB": Decimal(26) / Decimal("25.25"), "CCC": Decimal("0.375")},
    NEXT: {},
}
UNIT = Decimal("0.00000001")

Weights = dict[str, Decimal]


def _scores(day: date) -> str:
    rows = (f"{day},{asset},{0.9 - 0.02 * ((day.day + n) % 4)}" for n, asset in enumerate(("AAA", "BBB", "CCC")))
    return "\n".join(["date,asset,score", *rows, ""])


def _prices(closes: Mapping[str, Sequence[str]] = CLOSES) -> str:
    rows = (
        f"{day},{asset},{one}{',' * (2 - one.count(','))}"
        for asset, own in closes.items()
        for day, one in zip(SESSIONS, own, strict=True)
    )
    return "\n".join(["date,asset,close,adjustment_factor,daily_return", *rows, ""])


@pytest.fixture
def settings(migrated: Path) -> Settings:
    """The files of all days in a warehouse; on Friday `given` has positions."""
    inbox = migrated.parent / "inbox"
    inbox.mkdir()
    (inbox / "assets.csv").write_text("asset,bucket\nAAA,x\nBBB,y\nCCC,z\nother,z\n")
    (inbox / "prices.csv").write_text(_prices())
    (inbox / f"positions_{FRI}.csv").write_text(
        f"date,portfolio_id,asset,current_weight\n{FRI},given,AAA,0.3\n{FRI},given,BBB,0.2\n"
    )
    for day in DAYS:
        (inbox / f"scores_{day}.csv").write_text(_scores(day))
    return read_inbox(migrated, DAYS)


def _backfill(settings: Settings, days: Sequence[date] = DAYS) -> list[str]:
    return [one.state for one in backfill(settings, days, LIMITS)]


def _column(settings: Settings, name: str) -> dict[tuple[str, date], Weights]:
    rows = ask(
        settings, f"SELECT portfolio_id, as_of_date, asset, {name} FROM targets WHERE NOT is_cash AND {name} > 0"
    )
    found: dict[tuple[str, date], Weights] = {(name, day): {} for name in LIMITS for day in DAYS}
    for portfolio_id, day, asset, weight in rows:
        found[portfolio_id, day][asset] = weight
    return found


def _moved(book: Weights, growth: Weights) -> Weights:
    value = 1 + sum(weight * (growth[asset] - 1) for asset, weight in book.items())
    return {asset: (book[asset] * growth[asset] / value).quantize(UNIT, ROUND_HALF_UP) for asset in book}


@pytest.mark.slow
def test_daily_run_backfill_and_replay_agree_to_the_unit(settings: Settings) -> None:
    require_agreement(settings, DAYS, LIMITS)


@pytest.mark.slow
def test_a_day_starts_from_the_book_moved_by_the_returns_since(settings: Settings) -> None:
    run_daily(settings, DAYS, LIMITS)
    held, left = _column(settings, "current_weight"), _column(settings, "post_trade_weight")
    for before, day in pairwise(DAYS):
        for name in ("core", "damped", "given"):
            if (name, day) != ("given", FRI):
                assert held[name, day] == (
                    _moved(left[name, before], GROWTH[day]) if day != NEXT else left[name, before]
                )
        assert held["still", day] == left["still", before]
    assert held["given", FRI] == {"AAA": Decimal("0.3"), "BBB": Decimal("0.2")}
    assert held["core", TUE] != left["core", MON]


@pytest.mark.slow
def test_a_run_records_what_each_book_was_and_which_prices_it_read(settings: Settings) -> None:
    run_daily(settings, DAYS, LIMITS)
    recorded = {
        day: {name: book for name, book in json.loads(books).items() if book}
        for day, books in ask(
            settings,
            "SELECT as_of_date, to_json(map(list(portfolio_id), list(book))) FROM runs JOIN run_portfolios USING "
            "(run_id) GROUP BY ALL",
        )
    }
    marked = dict.fromkeys(("core", "damped", "given"), "post_trade_marked") | {"still": "post_trade"}
    assert recorded == {
        MON: {},
        TUE: marked,
        THU: marked,
        FRI: marked | {"given": "positions"},
        NEXT: dict.fromkeys(LIMITS, "post_trade"),
    }
    read = "SELECT runs.as_of_date, ingests.as_of_date FROM runs, ingests WHERE kind = 'prices' AND "
    read += "list_contains(json_extract(inputs, '$.prices')::BIGINT[], ingest_id) ORDER BY ALL"
    assert ask(settings, read) == [
        *((TUE, day) for day in (MON, TUE)),
        *((THU, day) for day in (TUE, WED, THU)),
        *((FRI, day) for day in (THU, FRI)),
        *((NEXT, day) for day in (FRI, NEXT)),
    ]
    warnings = dict(ask(settings, "SELECT as_of_date, warnings FROM run_health"))
    assert not any("mark_to_market" in one for day in (MON, TUE, THU, FRI) for one in warnings[day])
    told = [one for one in warnings[NEXT] if one.startswith("mark_to_market")]
    assert all("BBB" in one and str(NEXT) in one and "CCC" in one for one in told)
    assert {name for name in LIMITS if any(name in one for one in told)} == {"core", "damped", "given"}


def test_portfolios_that_are_not_marked_read_no_price(settings: Settings) -> None:
    runs = run_daily(settings, (MON, TUE), {"still": LIMITS["still"]})
    assert all(run.inputs.prices.is_empty() for run in runs)
    assert ask(settings, "SELECT count(*) FROM runs WHERE json_extract(inputs, '$.prices') IS NOT NULL") == [(0,)]


@pytest.mark.slow
def test_corrected_prices_are_told_until_the_days_are_run_again(settings: Settings) -> None:
    run_daily(settings, DAYS, LIMITS)
    corrected = (
        "SELECT DISTINCT portfolio_id, as_of_date, kind, input_date FROM targets_on_corrected_inputs ORDER BY ALL"
    )
    assert ask(settings, corrected) == []
    untouched = {**CLOSES, "other": ("1", "1", "1", "2", "1", "1")}
    (settings.inbox / "prices.csv").write_text(_prices(untouched))
    ingest_range(settings, DAYS, {})
    assert ask(settings, corrected) == []
    (settings.inbox / "prices.csv").write_text(_prices({**untouched, "AAA": ("100", "110", "99", "102", "103", "104")}))
    ingest_range(settings, DAYS, {})
    expected = [(name, day, "prices", THU) for name in ("core", "damped", "given") for day in (THU, FRI)]
    expected.remove(("given", FRI, "prices", THU))
    assert ask(settings, corrected) == expected
    assert _backfill(settings) == ["unchanged", "unchanged", "published", "published", "published"]
    assert ask(settings, corrected) == []
    assert ask(settings, "SELECT count(*) FROM superseded_holdings") == [(0,)]


@pytest.mark.slow
def test_a_renamed_asset_moves_with_the_prices_of_both_names(settings: Settings) -> None:
    for path in (settings.inbox / "assets.csv", settings.inbox / "prices.csv", settings.inbox / f"scores_{THU}.csv"):
        lines = path.read_text().splitlines()
        is_renamed = [path.name == "assets.csv" or any(str(day) in line for day in SESSIONS[3:]) for line in lines]
        new = [line.replace("BBB", "B.NEW") if one else line for line, one in zip(lines, is_renamed, strict=True)]
        path.write_text("\n".join([*new, ""]))
    (settings.inbox / "renames.csv").write_text(f"old,new,valid_from\nBBB,B.NEW,{THU}\n")
    days, together = (MON, TUE, THU), copy_of(settings, "together.duckdb")
    for one in (settings, together):
        ingest_range(one, days, {})
    run_daily(settings, days, LIMITS)
    assert _backfill(together, days) == ["published"] * 3
    held, left = _column(settings, "current_weight"), _column(settings, "post_trade_weight")
    moved = _moved(left["core", TUE], GROWTH[THU])
    assert held["core", THU] == {"B.NEW" if name == "BBB" else name: weight for name, weight in moved.items()}
    rows = "FROM targets ORDER BY ALL"
    assert ask(together, rows) == ask(settings, rows)


@pytest.mark.slow
def test_prices_that_come_late_are_told_and_mark_the_book(settings: Settings) -> None:
    run_daily(settings, DAYS, LIMITS)
    (settings.inbox / f"prices_{NEXT}.csv").write_text(
        f"date,asset,close,daily_return\n{NEXT},AAA,104,\n{NEXT},BBB,12,-0.5\n{NEXT},CCC,4,0.05\n"
    )
    ingest_range(settings, [NEXT], {})
    told = ask(settings, "SELECT portfolio_id, as_of_date, n_changed FROM targets_on_corrected_inputs ORDER BY ALL")
    assert told == [("core", NEXT, 2), ("damped", NEXT, 2), ("given", NEXT, 2)]
    run_daily(settings, [NEXT], LIMITS)
    left = _column(settings, "post_trade_weight")
    growth = {"AAA": Decimal(104) / 103, "BBB": Decimal("0.5"), "CCC": Decimal("1.05")}
    visible = "FROM current_targets WHERE portfolio_id = 'core' AND NOT is_cash AND current_weight > 0"
    assert dict(ask(settings, f"SELECT asset, current_weight {visible}")) == _moved(left["core", FRI], growth)
    assert ask(settings, "FROM targets_on_corrected_inputs") == []
    assert not any(
        "mark_to_market" in one for (own,) in ask(settings, "SELECT warnings FROM run_health") for one in own
    )
