"""Entry scores of runs that are too large to have them: found when asked, and then what they would have been."""

import random
import shutil
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from sizing import RebalancingLimits
from sizing.pipeline import rebalance
from sql.errors import PublishRejectedError
from sql.snapshot_reader import reading_snapshot
from sql.warehouse import Warehouse
from tasks.config.settings import Settings
from tasks.runs.entry_scores import put_entry_scores
from tasks.runs.ingest import ingest_range
from tasks.runs.replay import replay_runs
from tasks.runs.run_record import start_run
from tests.helpers.installation import installed_in
from tests.helpers.warehouse_days import ask, backfill, copy_of, run_daily, run_rows

DAYS = tuple(date(2025, 6, day) for day in (2, 3, 4, 5))
BASE = RebalancingLimits(max_total_positions=5, max_new_positions=3, max_positions_per_bucket=2)
LIMITS = {
    "plain": BASE,
    "grace": BASE.model_copy(update={"grace_period_days": 2, "reentry_cooldown_days": 1}),
    "margin": BASE.model_copy(update={"replacement_margin": 0.05, "min_buckets_represented": 3}),
}
ASSETS = tuple(f"A{number:02}" for number in range(16))


@pytest.fixture
def settings(tmp_path: Path, empty_warehouse: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Four days of sixteen assets in a warehouse."""
    monkeypatch.setattr(Warehouse, "migrate", lambda _: ())
    inbox, drawn = tmp_path / "inbox", random.Random(5)
    inbox.mkdir()
    listed = [f"{name},b{number % 4}" for number, name in enumerate(ASSETS)]
    (inbox / "assets.csv").write_text("\n".join(["asset,bucket", *listed, ""]))
    for day in DAYS:
        rows = [f"{day},{name},{drawn.randint(50, 99) / 100}" for name in ASSETS]
        (inbox / f"scores_{day}.csv").write_text("\n".join(["date,asset,score", *rows, ""]))
    shutil.copy(empty_warehouse, tmp_path / "warehouse.duckdb")
    settings = installed_in(tmp_path, inbox)
    ingest_range(settings, DAYS, {})
    return settings


@pytest.fixture
def large(settings: Settings) -> Settings:
    """The same days, where two portfolios are few enough and three too many."""
    own = {"entry_scores_up_to": len(LIMITS) - 1, "snapshot": settings.snapshot.with_name("large_snapshot.duckdb")}
    return copy_of(settings, "large.duckdb").model_copy(update=own)


@pytest.mark.slow
def test_a_large_run_has_the_same_targets_and_what_was_left_out_is_found_when_asked(
    settings: Settings, large: Settings
) -> None:
    run_daily(settings, DAYS, LIMITS)
    run_ids = tuple(run.run_id for run in run_daily(large, DAYS, LIMITS))
    ((n_told,),) = ask(large, "SELECT count(entry_score) + count(rival) FROM decisions")
    assert n_told == 0
    for rows in (
        "SELECT * EXCLUDE (target_reason) FROM targets",  # in which a decision speaks
        *("FROM sizing_audit", "FROM trade_summary", "FROM constraint_checks", "FROM lifecycle"),
    ):
        assert ask(large, f"{rows} ORDER BY ALL") == ask(settings, f"{rows} ORDER BY ALL")
    for one in (settings, large):
        one.open_warehouse().snapshot(DAYS[-1])
    names = list(LIMITS)
    with reading_snapshot(settings.open_warehouse()) as small:
        expected = {day: small.query("report_decisions", run_ids=list(run_ids), portfolio_ids=names) for day in DAYS}
        told = small.query("explained", portfolio_id="margin", asset=ASSETS[3], as_of_date=DAYS[-1])
    assert expected[DAYS[0]]["rival"].null_count() < expected[DAYS[0]].height
    for day, run_id in zip(DAYS, run_ids, strict=True):
        with reading_snapshot(large.open_warehouse()) as reader:
            put_entry_scores(reader, "XNYS", names, day)
            found = reader.query("report_decisions", run_ids=[run_id], portfolio_ids=names)
            assert found.equals(expected[day].filter(run_id=run_id))
            if day == DAYS[-1]:
                shown = reader.query("explained", portfolio_id="margin", asset=ASSETS[3], as_of_date=day)
                assert shown.drop("value").equals(told.drop("value"))
    assert [one.n_differences for one in replay_runs(large, run_ids)] == [0] * len(DAYS)


@pytest.mark.slow
def test_a_backfill_leaves_out_the_same(large: Settings) -> None:
    together = copy_of(large, "together.duckdb").model_copy(update={"entry_scores_up_to": len(LIMITS) - 1})
    run_daily(large, DAYS, LIMITS)
    backfill(together, DAYS, LIMITS)
    assert run_rows(together) == run_rows(large)


def test_a_run_that_starts_again_tells_what_it_was_to_tell(settings: Settings, large: Settings) -> None:
    """A setting that changed meanwhile names no other run: what is recorded of it counts."""
    with large.open_warehouse().kept_open() as warehouse:
        first = start_run(warehouse, "XNYS", DAYS[0], LIMITS, [], by="test", entry_scores_up_to=2)
        again = start_run(warehouse, "XNYS", DAYS[0], LIMITS, [], by="test", entry_scores_up_to=3)
    assert first.run_id == again.run_id
    assert (first.inputs.has_entry_scores, again.inputs.has_entry_scores) == (False, False)
    assert run_daily(settings, DAYS[:1], LIMITS)[0].run_id == first.run_id


@pytest.mark.parametrize(("column", "value"), [("entry_score", 0.7), ("rival", "A00")])
def test_a_run_without_entry_scores_is_not_published_with_one(large: Settings, column: str, value: object) -> None:
    with large.open_warehouse().kept_open() as warehouse:
        run = start_run(warehouse, "XNYS", DAYS[0], LIMITS, [], by="test", entry_scores_up_to=0)
        frames = rebalance(run.inputs)._asdict()
        frames["decisions"] = frames["decisions"].with_columns(pl.lit(value).alias(column))
        with pytest.raises(PublishRejectedError, match="selected_reach_their_entry_score"):
            warehouse.publish(run.run_id, frames, "test")
