"""Days of a range in order: as the daily run gives them, going on where it was stopped, held without scores."""

import shutil
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from sizing import RebalancingLimits
from sizing.pipeline import Rebalance
from sql.errors import PublishRejectedError
from tasks.config.settings import Settings
from tasks.runs.ingest import ingest_range
from tasks.runs.multi_day import backfill
from tasks.runs.multi_day.backfill_report import DayDone
from tests.helpers import warehouse_days
from tests.helpers.warehouse_days import ask, copy_of, run_rows

DAYS = tuple(date(2025, 6, day) for day in (2, 3, 4, 5, 6))
LIMITS = {"core": RebalancingLimits(), "income": RebalancingLimits(replacement_margin=0.05, max_total_positions=6)}
OTHER = LIMITS | {"core": RebalancingLimits(max_single_position=0.12)}


@pytest.fixture(scope="module")
def ingested(tmp_path_factory: pytest.TempPathFactory, sample: Path) -> Settings:
    """The files of five days in a warehouse; on the third, income's positions are not what was published."""
    folder = tmp_path_factory.mktemp("ingested")
    shutil.copytree(sample, folder / "inbox")
    rows = f"date,portfolio_id,asset,current_weight\n{DAYS[2]},income,AMZN,0.2\n{DAYS[2]},income,V,0.1\n"
    (folder / "inbox" / f"positions_{DAYS[2]}.csv").write_text(rows)
    settings = Settings(inbox=folder / "inbox", warehouse=folder / "warehouse.duckdb", max_reject_share=0.2)
    ingest_range(settings, DAYS, {})
    return settings


@pytest.fixture(scope="module")
def published(ingested: Settings, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The five days published; to be copied."""
    settings = copy_of(ingested, tmp_path_factory.mktemp("published") / "warehouse.duckdb")
    assert _states(_backfill(settings)) == ["published"] * 5
    return settings


@pytest.fixture
def settings(ingested: Settings, tmp_path: Path) -> Settings:
    return copy_of(ingested, tmp_path / "warehouse.duckdb")


def _backfill(
    settings: Settings,
    days: tuple[date, ...] = DAYS,
    limits: dict[str, RebalancingLimits] = LIMITS,
    *,
    keep_going: bool = False,
) -> list[DayDone]:
    return warehouse_days.backfill(settings, days, limits, keep_going=keep_going)


def _states(done: list[DayDone]) -> list[str]:
    return [one.state for one in done]


def _correct_scores(settings: Settings, day: date, drop: int) -> Settings:
    """Deliver the day's scores again without the first `drop` of them."""
    inbox = settings.warehouse.with_name("corrected")
    shutil.copytree(settings.inbox, inbox)
    scores = inbox / f"scores_{day}.csv"
    header, *rows = scores.read_text().splitlines(keepends=True)
    scores.write_text(header + "".join(rows[drop:]))
    corrected = settings.at({"inbox": inbox})
    ingest_range(corrected, (day,), {})
    return corrected


@pytest.mark.slow
def test_days_together_equal_days_one_by_one(settings: Settings, published: Settings) -> None:
    for day in DAYS:
        assert _states(_backfill(settings, (day,))) == ["published"]
    assert run_rows(published) == run_rows(settings)
    held = f"FROM decisions JOIN runs USING (run_id) WHERE as_of_date = '{DAYS[2]}' AND is_held"
    assert ask(published, f"SELECT portfolio_id, count(*) {held} GROUP BY ALL ORDER BY 1") == [
        ("core", 6),
        ("income", 2),
    ]


@pytest.mark.slow
def test_a_backfill_resumes_and_keeps_what_is_published(settings: Settings) -> None:
    _backfill(settings, DAYS[:2])
    assert _states(_backfill(settings)) == ["unchanged"] * 2 + ["published"] * 3
    before = run_rows(settings)
    assert _states(_backfill(settings)) == ["unchanged"] * 5
    assert run_rows(settings) == before


@pytest.mark.slow
def test_a_late_correction_gives_the_result_of_an_early_one(
    settings: Settings, published: Settings, tmp_path: Path
) -> None:
    fresh, settings = settings, copy_of(published, tmp_path / "published.duckdb")
    corrected = _correct_scores(settings, DAYS[1], drop=1)
    ingest_range(fresh.at({"inbox": corrected.inbox}), DAYS[1:2], {})
    done = _backfill(corrected)
    assert _states(done)[:2] == ["unchanged", "published"]
    assert [one.run_id for one in _backfill(fresh)] == [one.run_id for one in done]
    superseded = ask(settings, "SELECT as_of_date FROM latest_runs WHERE state = 'superseded' ORDER BY 1")
    assert superseded == [(one.day,) for one in done if one.state == "published"]


@pytest.mark.slow
def test_limits_that_come_back_show_the_runs_of_then_again(published: Settings, tmp_path: Path) -> None:
    settings = copy_of(published, tmp_path / "warehouse.duckdb")
    first = ask(settings, "SELECT run_id FROM runs ORDER BY as_of_date")
    assert _states(_backfill(settings, limits=OTHER)) == ["published"] * 5
    again = _backfill(settings)
    assert _states(again) == ["published"] * 5
    assert [(one.run_id,) for one in again] == first
    assert ask(settings, "SELECT count(*) FROM visible_runs JOIN runs USING (run_id)") == [(10,)]


@pytest.mark.slow
def test_a_held_day_is_the_end(settings: Settings) -> None:
    short = _correct_scores(settings, DAYS[2], drop=25)
    done = _backfill(short)
    assert _states(done) == ["published", "published", "held"]
    assert "names of the last universe" in done[2].reason
    assert ask(short, "SELECT state, reason FROM latest_runs LIMIT 1") == [("held", done[2].reason)]


@pytest.mark.slow
def test_days_after_a_held_one_start_from_the_retained_targets(settings: Settings) -> None:
    short = _correct_scores(settings, DAYS[2], drop=25)
    done = _backfill(short, keep_going=True)
    assert _states(done) == ["published", "published", "held", "published", "published"]
    sources = f"SELECT held_run_id FROM run_portfolios WHERE run_id = '{done[3].run_id}' AND portfolio_id = 'core'"
    assert ask(short, sources) == [(done[1].run_id,)]
    assert _states(_backfill(short, keep_going=True)) == ["unchanged", "unchanged", "held", "unchanged", "unchanged"]


@pytest.mark.slow
def test_a_day_that_fails_a_check_leaves_the_days_before_it(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest, stretch = backfill.rebalance, backfill.find_stretch

    def spoil(result: Rebalance) -> Rebalance:
        is_spoilt = (pl.col("as_of_date") == DAYS[1]) & pl.col("is_cash")
        return result._replace(targets=result.targets.filter(~is_spoilt))

    monkeypatch.setattr(backfill, "rebalance", lambda inputs: spoil(honest(inputs)))
    monkeypatch.setattr(
        backfill, "find_stretch", lambda *of: (found := stretch(*of))._replace(result=spoil(found.result))
    )
    with pytest.raises(PublishRejectedError, match="one_cash_row"):
        _backfill(settings)
    assert ask(settings, "SELECT as_of_date, state FROM latest_runs ORDER BY 1") == [
        (DAYS[0], "published"),
        (DAYS[1], "rejected"),
    ]
