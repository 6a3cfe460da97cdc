"""One shard: its part of the day read back as it was, the same bytes whoever computes it, and none by other rules."""

import random
import shutil
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from types import MappingProxyType

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from sizing import RebalancingLimits
from sizing.frames.day_inputs import DayInputs
from sizing.pipeline import rebalance
from tasks.config.settings import Settings
from tasks.errors import WorkerError
from tasks.inputs.fingerprints import code_fingerprint
from tasks.runs.shards.day_files import read_part, write_day
from tasks.runs.shards.large_run import find_shards
from tasks.runs.shards.shard import TABLES_OF_SHARDS, Shard, compute_shard, find_written, rows_of

DAY = date(2025, 6, 4)
NAMES = tuple(f"A{number:02}" for number in range(20))
PORTFOLIOS = ("a b", "p1", "p10", "p2", "Ä", "\U0001f600")
SHARD_SIZE = 2
RECORD = dict.fromkeys(("input_fingerprint", "config_fingerprint", "code_fingerprint"), "f") | {
    "run_id": "run",
    "inputs": "{}",
}


@pytest.fixture
def day() -> DayInputs:
    """Return a day of portfolios with odd names, of which most hold something and two share their limits."""
    drawn = random.Random(5)
    shared = RebalancingLimits(max_single_position=0.2, reentry_score=0.1 + 0.2)
    own = {name: RebalancingLimits(max_total_positions=drawn.randint(2, 8)) for name in PORTFOLIOS[2:]}
    scores = {"model": "", "score_date": DAY, "score_age_days": 0, "technical_score": None, "fundamental_score": None}
    held = [(name, asset, "0.1") for name in PORTFOLIOS[1:] for asset in drawn.sample(NAMES, 4)]
    restrictions = [(None, "A01", "no_buy", None), ("p1", "A02", "must_sell", "a reason")]
    return DayInputs(
        as_of_date=DAY,
        limits=dict.fromkeys(PORTFOLIOS[:2], shared) | own,
        scores=pl.DataFrame({"asset": NAMES, "score": [drawn.randint(55, 99) / 100 for _ in NAMES]}).select(
            *(pl.lit(value).alias(name) for name, value in scores.items() if name in {"model", "score_date"}),
            "asset",
            "score",
            score_age_days=pl.lit(0, pl.Int32),
            technical_score=pl.lit(None, pl.Float64),
            fundamental_score=pl.lit(None, pl.Float64),
        ),
        assets=pl.DataFrame({"asset": NAMES, "bucket": [f"b{number % 4}" for number in range(20)]}),
        holdings=pl.DataFrame(held, ["portfolio_id", "asset", "current_weight"], orient="row").with_columns(
            pl.col("current_weight").str.to_decimal(scale=8).cast(pl.Decimal(10, 8))
        ),
        restrictions=pl.DataFrame(
            restrictions,
            dict.fromkeys(("portfolio_id", "asset", "restriction", "reason"), pl.String),
            orient="row",
        ),
        renamed={"OLD": "A03"},
        has_entry_scores=False,
    )


@pytest.fixture
def shards(tmp_path: Path, day: DayInputs) -> Sequence[Shard]:
    settings = Settings(warehouse=tmp_path / "w.duckdb", shard_size=SHARD_SIZE)
    found = find_shards(settings, "run", day)
    write_day(day.frames, RECORD, found[0].day)
    return found


def test_the_part_of_a_shard_is_what_its_portfolios_have_of_the_day(day: DayInputs, shards: Sequence[Shard]) -> None:
    assert [(shard.first, shard.last) for shard in shards] == [("a b", "p1"), ("p10", "p2"), ("Ä", "\U0001f600")]
    for shard in shards:
        own = [name for name in PORTFOLIOS if shard.first <= name <= shard.last]
        assert len(own) == shard.n_portfolios
        part, expected = read_part(shard.day, shard.first, shard.last), day.frames
        of_own = pl.col("portfolio_id").is_in(own)
        expected = expected._replace(
            limits={name: day.limits[name] for name in own},
            holdings=day.holdings.filter(of_own),
            states=day.states.filter(of_own),
            restrictions=day.restrictions.filter(of_own | pl.col("portfolio_id").is_null()),
        )
        for field in part._fields:
            got, wanted = getattr(part, field), getattr(expected, field)
            if isinstance(wanted, pl.DataFrame):
                assert_frame_equal(got, wanted, check_row_order=False)
            else:
                assert got == (dict(wanted) if isinstance(wanted, MappingProxyType) else wanted), field
    assert part.limits["Ä"] is not part.limits["\U0001f600"]


def test_portfolios_with_the_same_limits_share_them(shards: Sequence[Shard]) -> None:
    part = read_part(shards[0].day, shards[0].first, shards[0].last)
    assert part.limits["a b"] is part.limits["p1"]


def test_the_same_bytes_in_any_order_and_again(day: DayInputs, shards: Sequence[Shard], tmp_path: Path) -> None:
    def contents(order: Sequence[Shard], folder: str) -> dict[str, bytes]:
        moved = [shard._replace(manifest=tmp_path / folder / shard.manifest.name) for shard in order]
        for shard in moved:
            compute_shard(shard, code_fingerprint())
        assert all(map(find_written, moved))
        return {path.name: path.read_bytes() for path in sorted((tmp_path / folder).iterdir())}

    first = contents(shards, "first")
    assert first == contents(shards[::-1], "second")
    assert first == contents([shards[1], shards[0], shards[2]], "first")
    expected = rebalance(replace(day))._asdict()
    for table in TABLES_OF_SHARDS:
        files = [rows_of(shard._replace(manifest=tmp_path / "first" / shard.manifest.name), table) for shard in shards]
        assert pl.read_parquet(files).equals(expected[table]), table


def test_a_worker_with_other_rules_writes_nothing(shards: Sequence[Shard]) -> None:
    before = sorted(shards[0].day.parent.rglob("*"))
    with pytest.raises(WorkerError):
        compute_shard(shards[0], "0" * 64)
    assert sorted(shards[0].day.parent.rglob("*")) == before


def test_a_file_that_is_of_another_shard_or_changed_is_not_done(shards: Sequence[Shard]) -> None:
    first, second, *_ = shards
    for shard in (first, second):
        compute_shard(shard, code_fingerprint())
    assert not find_written(first._replace(last=second.last))
    assert not find_written(first._replace(n_portfolios=1))
    damaged = Path(rows_of(first, "targets"))
    content = bytearray(damaged.read_bytes())
    content[len(content) // 2] ^= 1
    damaged.write_bytes(content)
    assert not find_written(first)
    shutil.copy(rows_of(first, "decisions"), rows_of(second, "decisions"))
    assert not find_written(second)
