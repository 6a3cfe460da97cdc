"""A plan is what the day then becomes, to the unit, and leaves everything as it was."""

import errno
import shutil
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import polars as pl
import pytest

from sizing import RebalancingLimits
from sizing.approval import ApprovalPolicy
from sizing.pipeline import Rebalance, rebalance
from sql.errors import WarehouseError
from tasks.config.limit_overrides import change_limits
from tasks.config.portfolios import load_portfolios
from tasks.config.settings import Settings
from tasks.errors import SourceError
from tasks.inputs.portfolio_groups import Group
from tasks.preflight import what_if
from tasks.preflight.what_if import Plan, PlannedResult, plan_day
from tasks.runs.ingest import ingest_range
from tasks.runs.multi_day.backfill import publish_days
from tasks.runs.multi_day.day_stretches import Book
from tasks.runs.run_record import gather
from tests.helpers.installation import installed_in

ROOT = Path(__file__).parents[3]
DAYS = (date(2025, 6, 2), date(2025, 6, 3))
DAY, NEXT_DAY = DAYS[1], date(2025, 6, 4)
LIMITS = load_portfolios(ROOT / "deployments" / "portfolios.yaml")


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory, sample: Path, empty_warehouse: Path) -> Settings:
    """Two days of the sample published, with a snapshot and exports; to be read, or copied."""
    folder = tmp_path_factory.mktemp("published")
    shutil.copytree(sample, folder / "inbox")
    shutil.copy(empty_warehouse, folder / "warehouse.duckdb")
    settings = installed_in(folder, folder / "inbox")
    ingest_range(settings, DAYS, {})
    _publish(settings, DAYS)
    settings.open_warehouse().snapshot(DAY)
    return settings


@pytest.fixture(scope="module")
def plans(published: Settings) -> dict[str, Plan]:
    """Three plans, after which every file is as it was: of the next day, of the published one, and of another cap."""
    before = _files(published.inbox.parent)
    made = {
        "next day": _plan(published, NEXT_DAY),
        "same": _plan(published),
        "capped": _plan(published, limits=change_limits(LIMITS, {"max_single_position": 0.1})),
    }
    assert len(before) > 8
    assert _files(published.inbox.parent) == before, "a plan writes"
    return made


@pytest.fixture
def own(published: Settings, tmp_path: Path) -> Settings:
    """The same, to be changed."""
    shutil.copytree(published.inbox.parent, tmp_path / "own")
    names = {
        "inbox": "inbox",
        "warehouse": "warehouse.duckdb",
        "snapshot": "snapshot.duckdb",
        "export_folder": "targets",
    }
    return published.at({name: tmp_path / "own" / path for name, path in names.items()})


def _publish(settings: Settings, days: tuple[date, ...], limits: Mapping[str, RebalancingLimits] = LIMITS) -> None:
    with settings.open_warehouse().kept_open() as warehouse:
        publish_days(Book(warehouse, "XNYS", limits, "test", None), days, keep_going=False)


def _plan(
    settings: Settings,
    day: date = DAY,
    limits: Mapping[str, RebalancingLimits] = LIMITS,
    policies: Mapping[str, ApprovalPolicy] | None = None,
) -> Plan:
    return plan_day(settings, day, [Group("XNYS", dict(limits), dict(policies or {}))], LIMITS, {})


def _plan_group(plan: Plan) -> PlannedResult:
    [result] = plan.results
    return result


def _files(folder: Path) -> dict[Path, tuple[int, bytes]]:
    files = (path for path in [folder, *folder.rglob("*")])
    return {path: (path.stat().st_mtime_ns, path.read_bytes() if path.is_file() else b"") for path in files}


def _weights(rows: pl.DataFrame) -> list[tuple[Any, ...]]:
    columns = ["portfolio_id", "asset", "target_weight", "current_weight", "trade_weight", "action", "target_reason"]
    return sorted(rows.filter(pl.col("action").is_not_null()).select(columns).rows())


@pytest.mark.slow
def test_a_plan_is_what_the_day_then_becomes_to_the_unit(own: Settings, plans: dict[str, Plan]) -> None:
    plan = plans["next day"]
    ingest_range(own, [NEXT_DAY], {})
    _publish(own, (NEXT_DAY,))
    targets = own.open_warehouse().query("targets_of_days", days=[NEXT_DAY], first=None, last=None)
    assert _weights(plan.targets) == _weights(targets)
    assert set(targets["run_id"]) == {_plan_group(plan).run_id}
    own.open_warehouse().snapshot(NEXT_DAY)
    traded = own.open_warehouse().query_snapshot(
        f"SELECT portfolio_id, turnover, n_positions, n_open, n_close FROM turnover WHERE as_of_date = '{NEXT_DAY}'"
    )
    assert plan.portfolios.select(traded.columns).rows() == traded.sort("portfolio_id").rows()


def test_a_plan_without_a_warehouse_makes_none(published: Settings, tmp_path: Path) -> None:
    nowhere = published.at({name: tmp_path / name for name in ("warehouse", "snapshot", "export_folder")})
    plan = _plan(nowhere, DAYS[0])
    assert _plan_group(plan).state == "published"
    assert plan.portfolios["visible_n_positions"].to_list() == [None, None, None]
    assert plan.portfolios["n_positions"].to_list() == [4, 14, 3]
    assert plan.warnings[0] == f"no snapshot at {tmp_path / 'snapshot'}: planned as the very first run"
    assert not list(tmp_path.iterdir())


def test_a_plan_needs_a_sound_snapshot(own: Settings) -> None:
    own.snapshot.unlink()
    with pytest.raises(WarehouseError, match="make it with `ballast db snapshot`"):
        _plan(own)
    own.snapshot.write_text("garbage")
    with pytest.raises(
        WarehouseError, match=r"own/snapshot.duckdb is damaged .* write it again with `ballast db snapshot`"
    ):
        _plan(own)


def test_no_room_for_the_copied_snapshot_is_one_sentence(published: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("sql.warehouse.shutil.copyfile", full)
    with pytest.raises(WarehouseError, match=r"No space left on device.* name another folder in TMPDIR"):
        _plan(published)


def test_a_published_day_with_the_same_limits_would_not_change(plans: dict[str, Plan]) -> None:
    plan = plans["same"]
    assert _plan_group(plan).state == "unchanged"
    assert not plan.targets["is_changed"].any()
    figures = plan.portfolios.select("n_positions", "turnover", "cash_weight", "binding_limits")
    visible = plan.portfolios.select(pl.col("^visible_n_positions|visible_(turnover|cash_weight|binding_limits)$"))
    assert visible.rename(lambda name: name.removeprefix("visible_")).select(figures.columns).equals(figures)


def test_a_cap_of_a_tenth_on_core_is_as_by_hand(plans: dict[str, Plan]) -> None:
    # Published on that day: eight names under a cap of .11, two pairs of them in buckets of .20, which share what the
    # bucket has, the others at .11: .84 are invested and .11 is cash. Four are held at .11 since the first day.
    # Each raw weight is at least .8 x .95 / 8 = .095, so scaled up to .95 all eight meet the cap of .10: .80 are
    # invested and .15 is cash. The four that are held give up .01 each, the four new ones buy .10 each:
    # turnover (4 x .01 + 4 x .10) / 2 = .22.
    plan = plans["capped"]
    core, *_ = plan.portfolios.rows(named=True)
    assert (core["visible_n_positions"], core["visible_cash_weight"]) == (8, Decimal("0.11"))
    assert (core["n_positions"], core["cash_weight"], core["turnover"]) == (8, Decimal("0.15"), 0.22)
    assert (core["n_open"], core["n_close"]) == (4, 0)
    assert "max_single_position" in core["binding_limits"]
    targets = plan.targets.filter(portfolio_id="core")
    positions = targets.filter(pl.col("target_weight") > 0, ~pl.col("is_cash"))
    assert positions["target_weight"].to_list() == [Decimal("0.1")] * 8
    assert sorted(positions["trade_weight"]) == [Decimal("-0.01")] * 4 + [Decimal("0.1")] * 4
    assert (
        targets.filter("is_changed")["change_reason"]
        .str.contains("limit max_single_position 0.11 -> 0.1", literal=True)
        .all()
    )


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
def test_a_plan_with_other_limits_is_that_rebalance(published: Settings, seed: int) -> None:
    rng = Random(seed)
    given = {
        "max_single_position": rng.choice((0.06, 0.12, 0.3)),
        "residual_strategy": rng.choice(("cash_bucket", "proportional", "safe_top_slice")),
        "sizing_mode": rng.choice(("adaptive", "equal_weight", "score_weighted")),
        "max_total_positions": rng.randint(3, 12),
        "max_new_positions": rng.randint(0, 6),
        "max_allocation_by_bucket": {"Financials": rng.choice((0.1, 0.2))},
        "replacement_margin": rng.choice((None, 0.02)),
    }
    limits = change_limits(LIMITS, given)
    plan = _plan(published, limits=limits)
    with published.open_warehouse().kept_open() as warehouse:
        inputs, _ = gather(warehouse, "XNYS", DAY, limits)
    assert _weights(plan.targets) == _weights(rebalance(inputs).targets)


@pytest.mark.slow
def test_a_plan_of_one_portfolio_knows_the_others(published: Settings, plans: dict[str, Plan]) -> None:
    core = [Group("XNYS", {"core": LIMITS["core"]}, {})]
    one = plan_day(published, NEXT_DAY, core, LIMITS, {})
    assert _weights(one.targets) == _weights(plans["next day"].targets.filter(portfolio_id="core"))
    assert not any(warning.startswith("positions") for warning in one.warnings)
    alone = plan_day(published, NEXT_DAY, core, ["core"], {})
    assert "positions taken in earlier: portfolio income is not in this run" in alone.warnings


def test_too_few_scores_would_hold_the_run(own: Settings) -> None:
    header, *rows = (own.inbox / f"scores_{DAY}.csv").read_text().splitlines(keepends=True)
    (own.inbox / f"scores_{DAY}.csv").write_text(header + "".join(rows[20:]))
    plan = _plan(own)
    assert _plan_group(plan).state == "held"
    assert "more than max_missing_score_share 0.2" in _plan_group(plan).reason
    assert not plan.targets["is_changed"].any()
    assert plan.portfolios["n_positions"].to_list() == plan.portfolios["visible_n_positions"].to_list()


def test_halted_portfolios_are_apart_and_say_why(own: Settings) -> None:
    own.open_warehouse().halt(["core"], "Ada", "odd scores")
    own.open_warehouse().snapshot()
    results = {one.portfolio_ids: one for one in _plan(own, NEXT_DAY).results}
    assert {names: one.state for names, one in results.items()} == {
        ("income", "opportunity"): "published",
        ("core",): "halted",
    }
    assert results["core",].reason.endswith("by Ada: odd scores")


def test_targets_that_would_wait_are_shown_with_why(published: Settings) -> None:
    asking = {"core": ApprovalPolicy(max_turnover=0.1)}
    plan = _plan(published, NEXT_DAY, {"core": LIMITS["core"]}, asking)
    assert _plan_group(plan).state == "proposed"
    assert "core: turnover 0." in _plan_group(plan).reason
    assert "is above max_turnover 0.1" in _plan_group(plan).reason
    assert plan.targets["is_changed"].any()


def test_a_check_that_rejects_is_named(published: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def too_much(inputs: Any) -> Rebalance:  # noqa: ANN401 - what rebalance takes
        result = rebalance(inputs)
        return result._replace(
            targets=result.targets.with_columns(trade_weight=pl.col("trade_weight") + Decimal("0.1"))
        )

    monkeypatch.setattr(what_if, "rebalance", too_much)
    plan = _plan(published, NEXT_DAY)
    assert _plan_group(plan).state == "rejected"
    assert "failed: " in _plan_group(plan).reason
    assert not plan.targets["is_changed"].any()


def test_a_group_that_fails_says_so_and_the_others_go_on(published: Settings) -> None:
    unknown = change_limits({"core": LIMITS["core"]}, {"include_buckets": ("Enegry",)})
    groups = [Group("XNYS", unknown, {}), Group("XNYS", {"income": LIMITS["income"]}, {})]
    plan = plan_day(published, NEXT_DAY, groups, LIMITS, {})
    assert [one.state for one in plan.results] == ["failed", "published"]
    assert "did you mean Energy?" in plan.results[0].reason
    assert plan.results[0].run_id == ""


def test_rows_that_would_be_rejected_are_warned_about(own: Settings, plans: dict[str, Plan]) -> None:
    [refused] = [one for one in plans["same"].warnings if one.startswith("rejected: ")]
    assert refused.endswith("/scores_2025-06-03.csv, row 31: technical_score is above 1: got '1.7000'")
    (own.inbox / f"scores_{NEXT_DAY}.csv").write_text("date,asset,technical_score\n")
    with pytest.raises(SourceError, match="has a header but no rows"):
        _plan(own, NEXT_DAY)


def test_a_correction_warns_of_the_days_that_rest_on_it(published: Settings) -> None:
    core = {"core": LIMITS["core"]}
    plan = _plan(published, DAYS[0], change_limits(core, {"max_single_position": 0.1}))
    assert any("1 later day, 2025-06-03, rests on targets that this run replaced" in one for one in plan.warnings)
