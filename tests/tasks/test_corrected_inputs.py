"""Visible targets that rest on inputs corrected since: whatever kept the day from being run again, until it is."""

import shutil
from collections.abc import Iterator, Mapping
from datetime import date
from itertools import product
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sizing.pipeline import rebalance
from sql.warehouse import Warehouse
from tasks.config.portfolios import load_portfolios
from tasks.inputs.day_inputs import read_days
from tasks.inputs.day_sources import find_sources
from tasks.inputs.source_record import read_record, recorded_sources
from tasks.inputs.warnings.superseded_holdings import find_corrected, find_superseded, warn_of_corrected_inputs
from tasks.reports.html.data import read_day
from tasks.reports.html.headline import judge
from tasks.runs.ingest import ingest_range
from tasks.runs.run_record import OpenRun, start_run, stored_limits
from tests.helpers.examples import examples
from tests.helpers.installation import installed_in

FIRST, NEXT, LAST = DAYS = tuple(date(2025, 6, day) for day in (2, 3, 4))
PORTFOLIOS = """
portfolios:
  core: {min_buckets_represented: 1, max_score_age_days: 1}
  income: {min_buckets_represented: 1, max_score_age_days: 1, model: alt}
"""
ASSETS = ("AAA", "BBB", "CCC")
HEADERS = {
    "assets": "asset,bucket",
    "restrictions": "portfolio_id,asset,restriction,valid_until",
    "positions": "date,portfolio_id,asset,current_weight",
    "scores": "date,model,asset,score",
}

Row = tuple[str, date, str, date | None]
"""Portfolio, day, kind, and the day of the input where it is scores."""


class Installation:
    """An inbox whose files can be delivered again, and days that can be run."""

    def __init__(self, folder: Path, empty_warehouse: Path) -> None:
        shutil.rmtree(folder / "inbox", ignore_errors=True)
        (folder / "inbox").mkdir()
        shutil.copy(empty_warehouse, folder / "warehouse.duckdb")
        (folder / "portfolios.yaml").write_text(PORTFOLIOS)
        self.settings = installed_in(folder, folder / "inbox", folder / "portfolios.yaml")
        self.limits = load_portfolios(self.settings.config)
        self.deliver("assets", None, *(f"{asset},Tech" for asset in ASSETS))
        for day in DAYS:
            self.score(day)

    def deliver(self, kind: str, day: date | None, *rows: str) -> None:
        """Write a file of the inbox; what is of a day stands there with it."""
        name = f"{kind}_{day}.csv" if day else f"{kind}.csv"
        lines = [HEADERS[kind], *(f"{day},{row}" if day else row for row in rows)]
        (self.settings.inbox / name).write_text("\n".join(lines) + "\n")

    def score(self, day: date, **changed: float) -> None:
        """Deliver the scores of a day, 0.8 where nothing else is said: `AAA` of model default, `alt_AAA` of alt."""
        scores = {name: changed.get(name, 0.8) for asset in ASSETS for name in (asset, f"alt_{asset}")}
        rows = (f"{'alt' if name.startswith('alt_') else 'default'},{name[-3:]},{one}" for name, one in scores.items())
        self.deliver("scores", day, *rows)

    def start(self, warehouse: Warehouse, day: date, *names: str) -> OpenRun:
        limits = {name: self.limits[name] for name in names or self.limits}
        return start_run(warehouse, "XNYS", day, limits, list(self.limits), by="test")

    def run(self, day: date, *names: str) -> None:
        """Read the inbox for the day, and publish it."""
        ingest_range(self.settings, [day], {})
        with self.settings.open_warehouse().kept_open() as warehouse:
            run = self.start(warehouse, day, *names)
            warehouse.publish(run.run_id, rebalance(run.inputs)._asdict(), "test", run.warnings)

    def found(self) -> set[Row]:
        with self.settings.open_warehouse().connected() as con:
            rows = con.sql("FROM targets_on_corrected_inputs").pl()
        keys = rows.select("portfolio_id", "as_of_date", "kind", "input_date").rows()
        assert len(set(keys)) == len(keys)
        return {(*key[:3], key[3] if key[2] == "scores" else None) for key in keys}


@pytest.fixture
def installed(tmp_path: Path, empty_warehouse: Path, monkeypatch: pytest.MonkeyPatch) -> Installation:
    monkeypatch.setattr(Warehouse, "migrate", lambda _: ())
    return Installation(tmp_path, empty_warehouse)


@pytest.mark.slow
def test_a_correction_is_reported_until_the_day_is_run_again(installed: Installation) -> None:
    installed.run(FIRST)
    assert installed.found() == set()
    installed.score(FIRST, AAA=0.3, alt_BBB=0.3)
    installed.run(FIRST, "core")
    both = {("income", FIRST, "scores", FIRST)}
    assert installed.found() == both
    installed.run(NEXT)
    assert installed.found() == both
    installed.run(FIRST)
    assert installed.found() == set()


@pytest.mark.slow
def test_health_page_and_status_name_the_command_that_fixes_it(installed: Installation) -> None:
    installed.run(FIRST)
    installed.score(FIRST, AAA=0.3, alt_BBB=0.3)
    installed.run(FIRST, "core")
    installed.run(NEXT)
    with installed.settings.open_warehouse().kept_open() as warehouse:
        rows = warehouse.query("newest_health", first=FIRST).to_dicts()
        health = {row["as_of_date"]: row["warnings"] for row in rows}
        assert health[NEXT] == []
        assert health[FIRST][0].startswith("targets of income rest on scores corrected since")
        [found] = find_corrected(warehouse, installed.limits)
        assert found == (f"targets of income of {FIRST} rest on scores corrected since", f"ballast run --as-of {FIRST}")
        assert find_corrected(warehouse, ["core"]) == ()
        assert any(found.what in point.text for point in judge(read_day(warehouse, NEXT)).points)
        assert warn_of_corrected_inputs(warehouse, installed.limits)[0].startswith(found.what)
    installed.score(NEXT, AAA=0.3, alt_BBB=0.3)
    ingest_range(installed.settings, [NEXT], {})
    with installed.settings.open_warehouse().kept_open() as warehouse:
        [found] = find_corrected(warehouse, installed.limits)
    assert found.command == f"ballast backfill --from {FIRST} --to {NEXT}"


@pytest.mark.slow
def test_a_day_after_a_corrected_one_is_named_with_the_command_that_fixes_it(installed: Installation) -> None:
    installed.run(FIRST)
    installed.run(NEXT)
    installed.score(FIRST, AAA=0.3, alt_BBB=0.3)
    installed.run(FIRST)
    with installed.settings.open_warehouse().kept_open() as warehouse:
        what = f"holdings of core, income of {NEXT} rest on targets of {FIRST} replaced since"
        assert find_superseded(warehouse, installed.limits) == ((what, f"ballast backfill --from {NEXT} --to {NEXT}"),)
        assert find_superseded(warehouse, ["another"]) == ()


@pytest.mark.slow
@pytest.mark.parametrize("why", ["held", "failed", "rejected", "proposed", "declined", "one portfolio", "not run"])
def test_it_does_not_matter_why_it_was_not_published(installed: Installation, why: str) -> None:
    installed.run(FIRST)
    installed.score(FIRST, AAA=0.3, alt_AAA=0.3)
    ingest_range(installed.settings, [FIRST], {})
    with installed.settings.open_warehouse().kept_open() as warehouse:
        if why in {"held", "failed", "rejected"}:
            warehouse.record_event(installed.start(warehouse, FIRST).run_id, why, "test", "for a test")
        if why in {"proposed", "declined"}:
            run = installed.start(warehouse, FIRST)
            warehouse.propose(run.run_id, rebalance(run.inputs)._asdict(), "test", {"core": "for a test"}, ())
        if why == "declined":
            warehouse.decline(run.run_id, "ann", "not today")
    if why == "one portfolio":
        installed.run(FIRST, "core")
    assert ("income", FIRST, "scores", FIRST) in installed.found()
    installed.run(NEXT)
    assert {row for row in installed.found() if row[1] == FIRST} >= {("income", FIRST, "scores", FIRST)}


CORRECTIONS: Mapping[str, tuple[str, date | None, tuple[str, ...], set[Row]]] = {
    "an asset list": (
        *("assets", None, ("AAA,Energy", "BBB,Tech", "CCC,Tech")),
        {(name, day, "assets", None) for name in ("core", "income") for day in (FIRST, NEXT)},
    ),
    "a restriction of one portfolio": (
        *("restrictions", None, ("core,AAA,no_buy,",)),
        {("core", day, "restrictions", None) for day in (FIRST, NEXT)},
    ),
    "a restriction that ended before": ("restrictions", None, ("core,AAA,no_buy,2025-06-01",), set()),
    "a restriction of the first day": (
        *("restrictions", None, (",AAA,no_buy,2025-06-02",)),
        {(name, FIRST, "restrictions", None) for name in ("core", "income")},
    ),
    "positions of one portfolio": ("positions", FIRST, ("core,AAA,0.5",), {("core", FIRST, "positions", None)}),
    "a portfolio that holds nothing, as before": ("positions", FIRST, ("core,CASH,1",), set()),
}


@pytest.mark.slow
@pytest.mark.parametrize("what", CORRECTIONS)
def test_every_kind_of_corrected_input_names_who_it_affects(installed: Installation, what: str) -> None:
    installed.run(FIRST)
    installed.run(NEXT)
    kind, day, rows, expected = CORRECTIONS[what]
    installed.deliver(kind, day, *rows)
    ingest_range(installed.settings, [FIRST], {})
    assert installed.found() == expected


@pytest.mark.slow
def test_a_dropped_portfolio_and_late_scores_are_corrections(installed: Installation) -> None:
    installed.deliver("positions", NEXT, "core,AAA,0.5", "income,BBB,0.4")
    installed.run(NEXT)
    installed.run(LAST)
    installed.deliver("positions", NEXT, "core,AAA,0.5")
    ingest_range(installed.settings, [FIRST, NEXT], {})
    expected: set[Row] = {(name, NEXT, "scores", FIRST) for name in ("core", "income")}
    assert installed.found() == expected | {("income", NEXT, "positions", None)}


@st.composite
def _corrections(draw: st.DrawFn) -> tuple[str, date | None, tuple[str, ...]]:
    kind, day = draw(st.sampled_from(["scores", "positions", "assets", "restrictions"])), draw(st.sampled_from(DAYS))
    assets = st.sets(st.sampled_from(ASSETS), min_size=1).map(sorted)
    if kind == "assets":
        bucket = draw(st.sampled_from(["Tech", "Energy"]))
        return kind, None, tuple(f"{asset},{bucket if asset == 'AAA' else 'Tech'}" for asset in ASSETS)
    if kind == "restrictions":
        until = draw(st.sampled_from(["", "2025-06-01", "2025-06-02", "2025-06-03"]))
        name = draw(st.sampled_from(["", "core"]))
        return kind, None, tuple(f"{name},{asset},no_buy,{until}" for asset in draw(assets))
    if kind == "scores":
        models = draw(st.sampled_from([["default"], ["default", "alt"]]))
        scores = {one: draw(st.sampled_from([0.7, 0.8])) for one in product(models, ASSETS)}
        return kind, day, tuple(f"{model},{asset},{score}" for (model, asset), score in scores.items())
    names = draw(st.sets(st.sampled_from(["core", "income"]), min_size=1))
    held = {name: draw(st.one_of(st.just(["CASH"]), assets)) for name in sorted(names)}
    weights = {"CASH": "1", "AAA": draw(st.sampled_from(["0.1", "0.2"]))}
    return kind, day, tuple(f"{name},{one},{weights.get(one, '0.1')}" for name in held for one in held[name])


def _holdings_count(warehouse: Warehouse, then: pl.DataFrame, now: pl.DataFrame, name: str) -> bool:
    """Whether positions are what is compared: targets that were replaced are another view's."""
    old, new = (
        one.filter(pl.col("kind").is_in(["positions", "targets"]), portfolio_id=name).rows(named=True)
        for one in (then, now)
    )
    if new and new[0]["kind"] == "positions":
        return True
    if not old or old[0]["kind"] == "targets":
        return False
    with warehouse.connected() as con:
        counted = {row[0] for row in con.sql("SELECT ingest_id FROM effective_ingests").fetchall()}
    return old[0]["ingest_id"] not in counted


def _differing(warehouse: Warehouse, visible: Mapping[str, Any]) -> Iterator[Row]:
    """Compare what the run of a visible day has read with what it would read now, frame by frame."""
    day, name = visible["as_of_date"], visible["portfolio_id"]
    run = warehouse.query("run_by_id", run_id=visible["run_id"]).row(0, named=True)
    limits = stored_limits(warehouse, visible["run_id"])
    then = recorded_sources(warehouse, "XNYS", run, read_record(warehouse, run), limits)
    now = find_sources(warehouse, "XNYS", [day], limits)
    old, new = (read_days(warehouse, "XNYS", [day], limits, sources)[day] for sources in (then, now))
    for scored in DAYS:
        own = [one.scores.filter(model=limits[name].model, score_date=scored).sort(pl.all()) for one in (old, new)]
        if not own[0].equals(own[1]):
            yield name, day, "scores", scored
    own = [one.assets.sort(pl.all()) for one in (old, new)]
    if not own[0].equals(own[1]):
        yield name, day, "assets", None
    is_own = pl.col("portfolio_id").fill_null(name) == name
    own = [one.restrictions.filter(is_own).sort(pl.all()) for one in (old, new)]
    if not own[0].equals(own[1]):
        yield name, day, "restrictions", None
    own = [one.holdings.filter(portfolio_id=name).sort(pl.all()) for one in (old, new)]
    if not own[0].equals(own[1]) and _holdings_count(warehouse, then, now, name):
        yield name, day, "positions", None


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("corrected")


@pytest.mark.slow
@given(data=st.data())
@settings(max_examples=examples(6), deadline=None)
def test_the_view_equals_a_comparison_frame_by_frame(folder: Path, empty_warehouse: Path, data: st.DataObject) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Warehouse, "migrate", lambda _: ())
        installed = Installation(folder, empty_warehouse)
        installed.run(FIRST)
        for _ in range(data.draw(st.integers(2, 6))):
            kind, corrected, rows = data.draw(_corrections())
            installed.deliver(kind, corrected, *rows)
            day = data.draw(st.sampled_from(DAYS))
            if data.draw(st.booleans()):
                installed.run(day, *data.draw(st.sampled_from([[], ["core"], ["income"]])))
            else:
                ingest_range(installed.settings, [day], {})
        with installed.settings.open_warehouse().kept_open() as warehouse:
            visible = warehouse.query("visible_on_days", days=list(DAYS)).rows(named=True)
            expected = {row for one in visible for row in _differing(warehouse, one)}
        assert installed.found() == expected
