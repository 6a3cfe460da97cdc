"""A frame too large for one batch is sized as if there were none."""

import polars as pl
import pytest

from sizing import RebalancingLimits, size_portfolios

NAMES = [f"p{number:02}" for number in range(12)]
LIMITS = {name: RebalancingLimits(max_single_position=0.1 + 0.01 * number) for number, name in enumerate(NAMES)}
EMPTY = ("a_first", "p05_empty", "z_last")


@pytest.fixture
def selected() -> pl.DataFrame:
    """Portfolios of 1 to 12 assets, rows shuffled."""
    rows = [
        (name, f"A{asset}", f"b{asset % 3}", 0.6 + asset / 40, asset % 2 == 0)
        for size, name in enumerate(NAMES, start=1)
        for asset in range(size)
    ]
    frame = pl.DataFrame(rows, schema=["portfolio_id", "asset", "bucket", "score", "is_held"], orient="row")
    return frame.sample(fraction=1.0, shuffle=True, seed=7)


@pytest.mark.parametrize("rows", [1, 7, 30, 77])
def test_batches_change_nothing(selected: pl.DataFrame, monkeypatch: pytest.MonkeyPatch, rows: int) -> None:
    limits = LIMITS | dict.fromkeys(EMPTY, RebalancingLimits())
    whole = size_portfolios(selected, limits)
    monkeypatch.setattr("sizing.weights.batches._BATCH_ROWS", rows)
    batched = size_portfolios(selected, limits)
    assert batched.positions.equals(whole.positions)
    assert batched.portfolios.equals(whole.portfolios)
    assert set(EMPTY) <= set(batched.portfolios["portfolio_id"])


def test_one_set_of_limits_serves_every_batch(selected: pl.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = size_portfolios(selected, RebalancingLimits())
    monkeypatch.setattr("sizing.weights.batches._BATCH_ROWS", 10)
    batched = size_portfolios(selected, RebalancingLimits())
    assert batched.positions.equals(whole.positions)
    assert batched.portfolios.equals(whole.portfolios)
