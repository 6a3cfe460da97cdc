"""What trading costs: trade_portfolios against a sort of the same rows, shuffled, as a ratio in one run.

    make bench                  # the whole of it: 1 million positions
    make bench POSITIONS=1e5    # quicker

Both are the best of their repeats, measured in this one process, so that the machine's mood divides out.
"""

import argparse
import sys

import numpy as np
import polars as pl
from rich.console import Console
from rich.table import Table
from timing import best

from sizing import RebalancingLimits
from sizing.trading.trades import trade_portfolios

ASSETS, BUCKETS = 40, 8
REPEATS = 5
TOTAL = 0.95
UNITS = 10**8
SHARES = {"held": 0.7, "targeted": 0.8, "small change": 0.6, "no_trade": 0.01}
"""Parts of the assets that are held, that have a target, of holdings that change within the band or not at all."""

Limits = dict[str, RebalancingLimits]


def make_books(count: int) -> pl.DataFrame:
    """Return `count` portfolios of 40 assets in eight buckets, held and aimed at TOTAL in all; seeded.

    Neither the portfolios nor the assets of one stand in order; the rows of a portfolio stand together.
    """
    random = np.random.default_rng(20261129)
    shape = (count, ASSETS)
    number = random.permuted(np.tile(np.arange(ASSETS), (count, 1)), axis=1)
    held = _units(random.uniform(0.5, 1.5, shape) * (random.random(shape) < SHARES["held"]), TOTAL)
    is_small = (random.random(shape) < SHARES["small change"]) & (held > 0)
    is_immovable = (random.random(shape) < SHARES["no_trade"]) & (held > 0)
    kept = np.where(is_small, held * random.uniform(0.96, 1.02, shape), 0).astype(np.int64)
    kept = np.where(is_immovable, held, kept)
    wanted = random.uniform(0.5, 1.5, shape) * (random.random(shape) < SHARES["targeted"]) * (kept == 0)
    left = np.clip(TOTAL - kept.sum(axis=1, keepdims=True) / UNITS, 0, None)
    frame = pl.DataFrame(
        {
            "portfolio": np.repeat(random.permutation(count), ASSETS),
            "number": number.ravel(),
            "current": held.ravel(),
            "target": (kept + _units(wanted, left)).ravel(),
            "is_immovable": is_immovable.ravel(),
        }
    )
    unit = pl.lit("0.00000001").cast(pl.Decimal(10, 8))
    weights = (
        (pl.col(name).cast(pl.Decimal(20, 0)) * unit).cast(pl.Decimal(10, 8)).alias(f"{name}_weight")
        for name in ("current", "target")
    )
    return frame.select(
        pl.format("p{}", pl.col("portfolio").cast(pl.String).str.zfill(6)).alias("portfolio_id"),
        pl.format("A{}", pl.col("number").cast(pl.String).str.zfill(2)).alias("asset"),
        pl.format("b{}", pl.col("number") % BUCKETS).alias("bucket"),
        *weights,
        "is_immovable",
        must_close=(pl.col("target") == 0) & (pl.col("number") == 0),
    )


def _units(weights: np.ndarray, total: np.ndarray | float) -> np.ndarray:
    """Scale each portfolio to the total, in units."""
    return (weights / np.maximum(weights.sum(axis=1, keepdims=True), 1) * total * UNITS).astype(np.int64)


def make_limits(frame: pl.DataFrame) -> Limits:
    """Limit buckets everywhere, and the turnover of every third portfolio."""
    base = {
        "max_single_position": 0.06,
        "enable_bucket_diversification": True,
        "max_allocation_per_bucket": 0.20,
        "rebalance_band": 0.05,
        "target_total_allocation": TOTAL,
    }
    free = RebalancingLimits(**base)
    limited = RebalancingLimits(**base, max_turnover=0.10, min_trade_weight=0.001)
    names = frame["portfolio_id"].unique(maintain_order=True)
    return {name: limited if number % 3 == 0 else free for number, name in enumerate(names)}


def run(positions: int) -> Table:
    """Measure both and give the table."""
    frame = make_books(positions // ASSETS)
    limits = make_limits(frame)
    shuffled = frame.sample(fraction=1.0, shuffle=True, seed=1)
    sort = best(REPEATS, lambda: shuffled.sort("portfolio_id", "asset"))
    near = best(REPEATS, lambda: frame.sort("portfolio_id", "asset"))
    seconds = best(REPEATS, lambda: trade_portfolios(frame, limits))
    totals = trade_portfolios(frame, limits).portfolios.select(pl.col("n_trades", "n_held_back", "n_released").sum())
    table = Table(title=f"{frame.height:,} positions, {len(limits):,} portfolios", title_justify="left")
    for name in ("seconds", "sorts", "sorts of grouped rows", "trades", "held back", "released"):
        table.add_column(name, justify="right")
    ratios = (f"{seconds / one:.1f}" for one in (sort, near))
    table.add_row(f"{seconds:.2f}", *ratios, *(f"{one:,}" for one in totals.row(0)))
    table.caption = (
        f"one sort by portfolio and asset: {sort:.2f} s, where each portfolio's rows stand together {near:.2f} s"
    )
    return table


def main() -> None:
    """Run the benchmark and print its table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--positions", type=float, default=1e6, help="positions in all; default: 1e6")
    Console(width=None if sys.stdout.isatty() else 140).print(run(int(parser.parse_args().positions)))


if __name__ == "__main__":
    main()
