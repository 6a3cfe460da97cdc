"""The flow of a day: sample files in, published targets out, with a reason for everything."""

import asyncio
import json
import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import date
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import polars as pl
import prefect.artifacts
import pytest
from prefect import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterType
from prefect.client.schemas.objects import State
from prefect.client.schemas.sorting import ArtifactSort

from flows.backfill import BackfillConfig, backfill
from flows.daily_rebalance import daily_rebalance
from sizing import RebalancingLimits
from sizing.frames.day_inputs import DayInputs
from sizing.pipeline import Rebalance, rebalance
from sql.engine.connections import DatabaseFile
from sql.engine.locks import exclusive
from sql.engine.table_contracts import RUN_TABLES
from sql.errors import PublishRejectedError
from sql.records import Publication
from sql.warehouse import Warehouse
from tasks.config.portfolios import load_portfolios
from tasks.config.settings import RebalanceConfig, Settings
from tasks.errors import SourceError
from tasks.inputs.day_inputs import read_days
from tasks.inputs.day_sources import find_sources
from tasks.runs import compute
from tests.helpers.installation import installed_in, with_limits
from tests.helpers.without_engine import Shown, without_engine

pytestmark = pytest.mark.slow

DAYS = tuple(date(2025, 6, day) for day in (2, 3, 4, 5, 6, 9))

Run = Callable[..., State[object]]


def run_day(settings: Settings, day: date, limits: dict[str, RebalancingLimits] | None = None) -> State[object]:
    own = with_limits(settings, limits) if limits else settings
    config = RebalanceConfig(as_of_date=day, settings=own)
    return asyncio.run(daily_rebalance(config, return_state=True))


def run_days(settings: Settings, days: tuple[date, ...]) -> list[str | None]:
    return [run_day(settings, day).name for day in days]


def _ask(settings: Settings, query: str) -> list[tuple[object, ...]]:
    return settings.open_warehouse().query_snapshot(query).rows()


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory, sample: Path, sample_week: Settings) -> Settings:
    """All six days of the sample for the tests that only look: the week, and its last day by the flow."""
    folder = tmp_path_factory.mktemp("published") / "own"
    shutil.copytree(sample_week.warehouse.parent, folder)
    settings = installed_in(folder, sample)
    with without_engine():
        assert run_day(settings, DAYS[-1]).name == "Published"
    return settings


def test_the_flow_publishes_the_same_on_every_day(published: Settings, tmp_path: Path, sample: Path) -> None:
    settings = installed_in(tmp_path, sample)
    assert run_days(settings, DAYS) == ["Published"] * len(DAYS)
    targets, week = (
        one.open_warehouse().query("targets_of_days", days=list(DAYS), first=None, last=None)
        for one in (settings, published)
    )
    assert targets.drop("published_at", strict=False).equals(week.drop("published_at", strict=False))


def test_every_portfolio_adds_up_to_its_total_exactly_as_decimal(published: Settings) -> None:
    totals = _ask(published, "SELECT portfolio_id, sum(target_weight) FROM current_targets GROUP BY 1 ORDER BY 1")
    assert totals == [("core", Decimal("0.95")), ("income", Decimal("0.95")), ("opportunity", Decimal("0.90"))]


def test_six_days_leave_six_published_runs(published: Settings) -> None:
    runs = _ask(published, "SELECT as_of_date, state FROM latest_runs ORDER BY as_of_date")
    assert runs == [(day, "published") for day in DAYS]


def test_a_day_starts_from_the_book_that_the_day_before_left(published: Settings) -> None:
    def weights(column: str, day: date) -> list[tuple[object, ...]]:
        query = (
            f"SELECT portfolio_id, asset, {column} FROM targets "
            f"WHERE as_of_date = DATE '{day}' AND NOT is_cash AND {column} > 0 ORDER BY ALL"
        )
        return _ask(published, query)

    for yesterday, today in pairwise(DAYS):
        assert weights("current_weight", today) == weights("post_trade_weight", yesterday)


def test_the_first_day_of_income_starts_from_its_positions_file(published: Settings, sample: Path) -> None:
    file = pl.read_csv(sample / "positions_2025-06-02.csv", schema_overrides={"current_weight": pl.Decimal(10, 8)})
    held = _ask(
        published,
        "SELECT asset, current_weight FROM decisions JOIN runs USING (run_id) "
        "WHERE is_held AND portfolio_id = 'income' AND runs.as_of_date = DATE '2025-06-02' ORDER BY asset",
    )
    assert held == file.select("asset", "current_weight").sort("asset").rows()


def test_a_stale_holding_is_pinned_and_not_sold(published: Settings) -> None:
    rows = _ask(
        published,
        "SELECT is_pinned, is_score_stale, action, target_weight = current_weight FROM targets "
        "WHERE portfolio_id = 'income' AND asset = 'TMUS' AND as_of_date = DATE '2025-06-06'",
    )
    assert rows == [(True, True, "hold", True)]


def test_a_holding_that_must_be_sold_is_closed_with_its_reason(published: Settings) -> None:
    [(action, reason)] = _ask(
        published,
        "SELECT action, target_reason FROM targets "
        "WHERE portfolio_id = 'income' AND asset = 'LLY' AND as_of_date = DATE '2025-06-05'",
    )
    assert action == "close"
    assert "must be sold. Restriction must_sell:" in str(reason)


def test_the_bad_rows_of_the_sample_are_kept_with_the_rule_they_broke(published: Settings) -> None:
    rules = _ask(published, "SELECT rule, count(*) FROM rejected_rows GROUP BY 1 ORDER BY 1")
    assert rules == [
        ("primary_key", 2),
        ("technical_score|max", 1),
    ]


def test_the_new_listing_of_the_sample_waits_for_its_bucket(published: Settings) -> None:
    rows = _ask(
        published,
        "SELECT DISTINCT as_of_date, bucket, gate FROM decisions JOIN runs USING (run_id) WHERE asset = 'CRCL'",
    )
    assert sorted(rows) == [(day, "unclassified", "no_bucket") for day in DAYS[3:]]


def test_rows_read_are_rows_accepted_and_rows_rejected(published: Settings) -> None:
    counts = _ask(
        published, "SELECT sum(rows_read) = sum(rows_accepted) + sum(rows_rejected), sum(rows_rejected) FROM ingests"
    )
    assert counts == [(True, 3)]


def test_a_list_that_does_not_change_is_one_ingest(published: Settings) -> None:
    assert _ask(published, "SELECT kind, count(*) FROM ingests WHERE kind <> 'scores' GROUP BY 1 ORDER BY 1") == [
        ("accounts", 1),
        ("assets", 1),
        ("positions", 1),
        ("prices", 1),
        ("restrictions", 1),
    ]


def test_the_export_of_a_day_is_what_the_table_says(published: Settings) -> None:
    export = pl.read_parquet(published.export_folder / "as_of_date=2025-06-09" / "targets.parquet")
    table = _ask(published, "SELECT portfolio_id, asset, target_weight FROM current_targets ORDER BY ALL")
    assert export.select("portfolio_id", "asset", "target_weight").sort("portfolio_id", "asset").rows() == table


def test_the_tables_hold_what_the_rules_give_without_any_engine(published: Settings) -> None:
    warehouse = published.open_warehouse()
    limits = load_portfolios(published.config)
    sources = find_sources(warehouse, published.exchange, DAYS[-1:], limits)
    inputs = DayInputs(*read_days(warehouse, published.exchange, DAYS[-1:], limits, sources)[DAYS[-1]])
    targets = rebalance(inputs).targets.sort("portfolio_id", "asset")
    stored = warehouse.query("current_targets").sort("portfolio_id", "asset")
    assert stored.select(targets.columns).equals(targets)


def test_a_backfill_of_the_days_gives_the_same_runs_with_the_same_rows(published: Settings, tmp_path: Path) -> None:
    again = published.at(
        {
            "warehouse": tmp_path / "warehouse.duckdb",
            "snapshot": tmp_path / "snapshot.duckdb",
            "export_folder": tmp_path / "targets",
        }
    )
    config = BackfillConfig(first=DAYS[0], last=DAYS[-1], settings=again)
    state = asyncio.run(backfill(config, return_state=True))
    told = f"{DAYS[0]} to {DAYS[-1]}: 6 published; 3 rows rejected, see rejected_rows"
    assert (state.name, state.message) == ("Published", told)
    queries = [f"SELECT * FROM {table} ORDER BY ALL" for table in RUN_TABLES]
    queries += ["SELECT * EXCLUDE (flow_run_id, created_at) FROM runs ORDER BY ALL"]
    queries += [f"FROM {table} ORDER BY ALL" for table in ("run_portfolios", "limit_sets")]
    queries.append("SELECT run_id, state, reason FROM run_events ORDER BY ALL")
    queries.append("SELECT * EXCLUDE (published_at) FROM current_targets ORDER BY ALL")
    for query in queries:
        assert _ask(again, query) == _ask(published, query)
    for day in DAYS:
        one, other = (
            pl.read_parquet(folder / f"as_of_date={day}" / "targets.parquet").drop("published_at")
            for folder in (again.export_folder, published.export_folder)
        )
        assert one.equals(other)


@pytest.mark.server
@pytest.mark.usefixtures("connected")
def test_the_same_day_again_is_a_recorded_no_op(settings: Settings) -> None:
    assert run_days(settings, (DAYS[0], DAYS[0])) == ["Published", "Unchanged"]
    events = _ask(settings, "SELECT state FROM run_events ORDER BY event_id")
    assert events == [("started",), ("published",), ("unchanged",)]


def test_a_day_that_is_run_late_shows_its_own_targets(settings: Settings, shown: Shown) -> None:
    run_days(settings, (DAYS[1], DAYS[0]))
    [*_, table] = [one.data for one in shown if one.type == "table"]
    # The three best scores of its first day: AMZN 0.9195, LLY 0.8839, FCX 0.8578
    assert [row["asset"] for row in json.loads(str(table)) if row["portfolio_id"] == "opportunity"] == [
        "AMZN",
        "FCX",
        "LLY",
        "CASH",
    ]


def test_a_changed_limit_supersedes_the_day_and_says_which_days_rest_on_it(settings: Settings, shown: Shown) -> None:
    limits = load_portfolios(settings.config)
    tighter = limits | {"core": limits["core"].model_copy(update={"max_single_position": 0.12})}
    runs = [run_day(settings, day, of) for day, of in ((DAYS[0], limits), (DAYS[1], limits), (DAYS[0], tighter))]
    assert [one.name for one in runs] == ["Published"] * 3
    assert str(runs[2].message).endswith(
        "\nwarning: 1 later day, 2025-06-03, rests on targets that this run replaced: "
        "`ballast backfill --from 2025-06-03 --to 2025-06-03` (with --approver and --note where a portfolio asks for "
        "approval) brings it up to date"
    )
    assert "later day" not in str(runs[1].message)
    assert _ask(settings, "SELECT state FROM latest_runs") == [("published",), ("published",), ("superseded",)]
    resting = (
        "the holdings of core rest on targets of 2025-06-02 that were replaced since, see superseded_holdings: "
        "`ballast backfill --from 2025-06-03 --to 2025-06-04` (with --approver and --note where a portfolio asks for "
        "approval) brings them up to date"
    )
    following, again = (run_day(settings, DAYS[2], limits) for _ in range(2))
    assert following.name == "Published"
    assert again.name == "Unchanged"
    assert all(str(one.message).endswith(f"\nwarning: {resting}") for one in (following, again))
    [*_, page] = [str(one.data) for one in shown if one.key == "daily-rebalance"]
    assert "- **Warning:** the holdings of core rest on targets of 2025-06-02" in page
    largest = "SELECT max(target_weight) <= 0.12 FROM targets_for WHERE portfolio_id = 'core' AND NOT is_cash"
    targets_of_the_day = f"(FROM targets SEMI JOIN visible_runs USING (run_id) WHERE as_of_date = DATE '{DAYS[0]}')"
    assert _ask(settings, largest.replace("targets_for", targets_of_the_day)) == [(True,)]


def test_without_dynamic_sizing_every_name_gets_the_same(settings: Settings) -> None:
    limits = {"plain": RebalancingLimits(enable_dynamic_sizing=False, max_new_positions=4)}
    run_day(settings, DAYS[0], limits)
    assert _ask(settings, "SELECT target_weight FROM current_targets WHERE NOT is_cash") == [(Decimal("0.2375"),)] * 4


def _inbox_without(sample: Path, folder: Path, missing: int) -> Path:
    """Copy two days of the sample; on the second, the first `missing` of its scores are gone."""
    folder.mkdir()
    for name in ("assets.csv", "scores_2025-06-02.csv"):
        (folder / name).write_bytes((sample / name).read_bytes())
    header, *rows = (sample / "scores_2025-06-03.csv").read_text().splitlines(keepends=True)
    (folder / "scores_2025-06-03.csv").write_text(header + "".join(rows[missing:]))
    return folder


def test_too_many_missing_scores_hold_the_run_and_the_targets_stay(
    settings: Settings, tmp_path: Path, sample: Path
) -> None:
    short = settings.at({"inbox": _inbox_without(sample, tmp_path / "short", missing=20)})
    assert run_day(short, DAYS[0]).name == "Published"
    before = short.open_warehouse().query("current_targets")
    state = run_day(short, DAYS[1])
    assert state.name == "Held"
    assert "of 60 names of the last universe, more than max_missing_score_share 0.2" in str(state.message)
    assert str(state.message).endswith("; deliver the missing scores and run the day again")
    assert short.open_warehouse().query("current_targets").equals(before)
    assert _ask(short, "SELECT DISTINCT as_of_date FROM current_targets") == [(DAYS[0],)]
    assert _ask(short, "SELECT state, reason IS NOT NULL FROM latest_runs LIMIT 1") == [("held", True)]
    assert [name for _, name in _states(short)] == ["held", "published"]


def _states(settings: Settings) -> list[tuple[date, str]]:
    # The live file: a run that failed early makes no snapshot.
    return settings.open_warehouse().query("latest_runs").select("as_of_date", "state").rows()


def test_a_missing_file_fails_the_run_and_leaves_nothing(settings: Settings) -> None:
    state = run_day(settings, date(2025, 6, 10))
    with pytest.raises(SourceError, match="no scores for 2025-06-10"):
        asyncio.run(state.aresult())
    assert not settings.snapshot.exists()


def test_a_result_that_breaks_a_check_is_rejected_and_not_visible(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_day(settings, DAYS[0])
    before = settings.open_warehouse().query("current_targets")
    honest = Rebalance._asdict

    def tampered(result: Rebalance) -> dict[str, pl.DataFrame]:
        frames = honest(result)
        more = pl.col("target_weight") + pl.lit(Decimal("0.01")).cast(pl.Decimal(10, 8))
        return frames | {"targets": frames["targets"].with_columns(more.cast(pl.Decimal(10, 8)))}

    monkeypatch.setattr(Rebalance, "_asdict", tampered)
    state = run_day(settings, DAYS[1])
    with pytest.raises(PublishRejectedError, match="targets_add_up_to_total"):
        asyncio.run(state.aresult())
    assert settings.open_warehouse().query("current_targets").equals(before)
    assert [name for _, name in _states(settings)] == ["rejected", "published"]


def test_a_run_that_another_flow_publishes_meanwhile_says_unchanged(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = Warehouse.publish

    def second(warehouse: Warehouse, run_id: str, frames: dict[str, pl.DataFrame], *told: str) -> Publication:
        assert honest(warehouse, run_id, frames, *told).is_new
        return honest(warehouse, run_id, frames, *told)

    monkeypatch.setattr(Warehouse, "publish", second)
    state = run_day(settings, DAYS[0])
    assert (state.name, state.message) == (
        "Unchanged",
        f"{_ask(settings, 'SELECT run_id FROM latest_runs')[0][0]} is published already: nothing changed",
    )


@pytest.mark.server
@pytest.mark.usefixtures("connected")
def test_a_rule_that_fails_is_recorded_as_failed_and_not_retried(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []

    def broken(*_: object) -> None:
        calls.append(1)
        msg = "a rule broke"
        raise ZeroDivisionError(msg)

    monkeypatch.setattr("tasks.runs.compute.size_decisions", broken)
    assert run_day(settings, DAYS[0]).is_failed()
    assert len(calls) == 1
    assert [name for _, name in _states(settings)] == ["failed"]


def test_the_warehouse_is_opened_twice_a_day_and_free_meanwhile(
    settings: Settings, shown: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    openings: list[DatabaseFile] = []
    free: list[str] = []
    opened, size, show = DatabaseFile.opened, compute.size_decisions, prefect.artifacts.create_table_artifact

    def require_free(what: str) -> None:
        with exclusive(settings.open_warehouse().file.lock_path, 0):
            free.append(what)

    def count(file: DatabaseFile, timeout_seconds: float) -> AbstractContextManager[Any]:
        openings.append(file)
        return opened(file, timeout_seconds)

    monkeypatch.setattr(DatabaseFile, "opened", count)
    monkeypatch.setattr(compute, "size_decisions", lambda *args: (require_free("rules"), size(*args))[1])
    monkeypatch.setattr(
        prefect.artifacts, "create_table_artifact", lambda *args, **named: (require_free("UI"), show(*args, **named))[1]
    )
    run_day(settings, DAYS[0])
    openings.clear()
    assert run_day(settings, DAYS[1]).name == "Published"
    assert (len(openings), free) == (2, ["rules", "UI"] * 2)
    assert shown


_PAGES = ArtifactFilter(type=ArtifactFilterType(any_=["markdown"]))


@pytest.mark.server
@pytest.mark.usefixtures("connected")
@pytest.mark.parametrize("backfilled", [False, True])
def test_a_refused_file_is_seen_by_readers_and_on_the_page_of_the_run(
    settings: Settings, tmp_path: Path, sample: Path, *, backfilled: bool
) -> None:
    inbox = _inbox_without(sample, tmp_path / "bad", missing=0)
    header, *rows = (inbox / f"scores_{DAYS[0]}.csv").read_text().splitlines(keepends=True)
    bad = [f"{DAYS[0]},BAD{number},high,0.1,0.1\n" for number in range(40)]
    (inbox / f"scores_{DAYS[0]}.csv").write_text("".join([header, *rows, *bad]))
    short = settings.at({"inbox": inbox})
    if backfilled:
        config = BackfillConfig(first=DAYS[0], last=DAYS[0], settings=short)
        state = asyncio.run(backfill(config, return_state=True))
    else:
        state = run_day(short, DAYS[0])
    with pytest.raises(SourceError, match="is rejected: 40 of its"):
        asyncio.run(state.aresult())
    assert _ask(short, "SELECT count(*) FROM rejected_rows WHERE rule <> 'file_refused'") == [(40,)]
    assert _ask(short, "SELECT state, n_refused_files FROM run_health") == [("not_run", 1)]
    with get_client(sync_client=True) as client:
        [artifact] = client.read_artifacts(limit=1, sort=ArtifactSort.CREATED_DESC, artifact_filter=_PAGES)
    assert artifact.key == ("backfill" if backfilled else "daily-rebalance")
    assert "The first 20 of 40 rows." in str(artifact.data)
    assert f"# {DAYS[0]}: rejected, nothing was computed" in str(artifact.data)


def test_a_refusal_that_readers_cannot_be_shown_is_still_the_error(
    settings: Settings, tmp_path: Path, sample: Path
) -> None:
    inbox = _inbox_without(sample, tmp_path / "bad", missing=0)
    (inbox / f"scores_{DAYS[0]}.csv").write_text("what,is,this\n1,2,3\n")
    settings.snapshot.mkdir()
    state = run_day(settings.at({"inbox": inbox}), DAYS[0])
    with pytest.raises(SourceError, match="2025-06-02"):
        asyncio.run(state.aresult())
