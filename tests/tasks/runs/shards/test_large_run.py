"""Runs in shards: the same rows as at once; what an interrupted run left is taken, unless a byte of it is other."""

import os
import random
import shutil
import signal
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from datetime import date
from pathlib import Path
from typing import ParamSpec, TypeVar

import pytest

from sizing import RebalancingLimits
from sizing.pipeline import rebalance
from sql.engine.table_contracts import RUN_TABLES
from sql.warehouse import Warehouse
from tasks.config.settings import Settings
from tasks.errors import WorkerError
from tasks.runs.ingest import ingest_range
from tasks.runs.run_record import OpenRun, start_run
from tasks.runs.shards import processes
from tasks.runs.shards.large_run import (
    compute_in_shards,
    find_shards,
    remove_shards,
    rows_to_publish,
    shard_folder,
)
from tasks.runs.shards.shard import TABLES_OF_SHARDS, find_written, rows_of
from tasks.worker_process import WorkerProcess
from tests.helpers.installation import installed_in
from tests.helpers.warehouse_days import run_daily

P = ParamSpec("P")
R = TypeVar("R")

DAYS = tuple(date(2025, 6, day) for day in (2, 3, 4))
N_PORTFOLIOS = int(os.environ.get("BALLAST_FUZZ_SHARDED", "23"))
SHARD_SIZE = N_PORTFOLIOS // 4


def _limits(drawn: random.Random) -> Mapping[str, RebalancingLimits]:
    """Return limits of every kind for each portfolio."""
    return {
        f"p{number:05}": RebalancingLimits(
            max_total_positions=drawn.randint(2, 8),
            max_new_positions=drawn.randint(1, 8),
            max_single_position=drawn.choice([0.1, 0.2, 0.5]),
            min_buckets_represented=drawn.randint(0, 3),
            replacement_margin=drawn.choice([None, 0.02]),
            sizing_mode=drawn.choice(["adaptive", "score_weighted", "equal_weight"]),
            residual_strategy=drawn.choice(["safe_top_slice", "proportional", "cash_bucket"]),
            max_turnover=drawn.choice([None, 0.2]),
            grace_period_days=drawn.choice([0, 2]),
            min_holding_days=drawn.choice([0, 2]),
            max_position_risk=drawn.choice([None, 0.02]),
            exclude_assets=tuple(drawn.sample([f"A{one:02}" for one in range(20)], 2)),
        )
        for number in range(N_PORTFOLIOS)
    }


@pytest.fixture
def settings(tmp_path: Path, empty_warehouse: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Three days of twenty assets, with a restriction for all and one for a single portfolio."""
    monkeypatch.setattr(Warehouse, "migrate", lambda _: ())
    inbox, drawn = tmp_path / "inbox", random.Random(3)
    inbox.mkdir()
    names = [f"A{number:02}" for number in range(20)]
    listed = [f"{name},b{number % 4}" for number, name in enumerate(names)]
    (inbox / "assets.csv").write_text("\n".join(["asset,bucket", *listed, ""]))
    (inbox / "restrictions.csv").write_text("portfolio_id,asset,restriction\n,A01,no_buy\np00003,A02,must_sell\n")
    for day in DAYS:
        rows = [f"{day},{name},{drawn.randint(55, 99) / 100},{drawn.randint(10, 60) / 100}" for name in names]
        (inbox / f"scores_{day}.csv").write_text("\n".join(["date,asset,score,volatility", *rows, ""]))
    shutil.copy(empty_warehouse, tmp_path / "warehouse.duckdb")
    settings = installed_in(tmp_path, inbox).model_copy(update={"shard_size": SHARD_SIZE})
    ingest_range(settings, DAYS, {})
    return settings


def _open(settings: Settings, seed: int = 1) -> OpenRun:
    """Return the run of the third day, which starts from what two days left."""
    limits = _limits(random.Random(seed))
    run_daily(settings, DAYS[:2], limits)
    with settings.open_warehouse().kept_open() as warehouse:
        return start_run(warehouse, "XNYS", DAYS[2], limits, [], by="test")


def _require_same(settings: Settings, run: OpenRun) -> None:
    expected = rebalance(run.inputs)._asdict()
    computed = compute_in_shards(settings, run)._asdict()
    for table in RUN_TABLES:
        assert computed[table].collect().equals(expected[table]), table


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_shards_have_the_same_rows_as_the_run_at_once(settings: Settings, seed: int) -> None:
    run = _open(settings, seed)
    assert [shard.n_portfolios for shard in find_shards(settings, run.run_id, run.inputs)] == [
        *[SHARD_SIZE] * 4,
        N_PORTFOLIOS % 4,
    ]
    _require_same(settings, run)
    with settings.open_warehouse().kept_open() as warehouse:
        warehouse.publish(run.run_id, rows_to_publish(compute_in_shards(settings, run)), "test")
        targets = warehouse.query("targets_of_runs", run_ids=[run.run_id])
    assert targets["portfolio_id"].n_unique() == N_PORTFOLIOS
    remove_shards(settings, run.run_id)
    assert not shard_folder(settings).exists()


@pytest.mark.slow
def test_shards_that_are_there_are_taken_and_a_damaged_one_is_computed_again(settings: Settings) -> None:
    run = _open(settings)
    compute_in_shards(settings, run)
    first, second, third, *_ = find_shards(settings, run.run_id, run.inputs)
    written = {shard.manifest: shard.manifest.stat().st_mtime_ns for shard in (first, second, third)}
    damaged = Path(rows_of(second, "targets"))
    content = bytearray(damaged.read_bytes())
    content[len(content) // 2] ^= 1
    damaged.write_bytes(content)
    Path(rows_of(third, "decisions")).unlink()
    assert [bool(find_written(shard)) for shard in (first, second, third)] == [True, False, False]
    assert not find_written(first._replace(last=second.last))
    _require_same(settings, run)
    again = {manifest: manifest.stat().st_mtime_ns != before for manifest, before in written.items()}
    assert list(again.values()) == [False, True, True]


class _Dying(WorkerProcess):
    """A process that the system kills while it computes, so many times in all."""

    left = 2

    def submit(self, function: Callable[P, R], *args: P.args, **named: P.kwargs) -> Future[R]:
        future = super().submit(function, *args, **named)
        if type(self).left:
            type(self).left -= 1
            os.kill(self.pid, signal.SIGKILL)
        return future


@pytest.mark.slow
def test_a_process_that_is_killed_is_replaced(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    run = _open(settings)
    monkeypatch.setattr(_Dying, "left", 2)
    monkeypatch.setattr(processes, "WorkerProcess", _Dying)
    _require_same(settings, run)
    assert _Dying.left == 0


@pytest.mark.slow
def test_processes_that_always_die_end_the_run_with_an_error_and_leave_no_half_shard(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = _open(settings)
    monkeypatch.setattr(_Dying, "left", 1_000)
    monkeypatch.setattr(processes, "WorkerProcess", _Dying)
    with pytest.raises(WorkerError):
        compute_in_shards(settings, run)
    monkeypatch.undo()
    for shard in find_shards(settings, run.run_id, run.inputs):
        there = [Path(rows_of(shard, table)).exists() for table in TABLES_OF_SHARDS]
        assert not shard.manifest.exists() or all(there)
    _require_same(settings, run)
