"""What sizing costs, as ratios in one run: against a sort of the same frame, ffn.limit_weights, and a Python loop.

    make bench                  # the whole of it: 10 million positions
    make bench POSITIONS=1e6    # quicker

Every figure is the best of its repeats, all measured in this one process, so that the machine's mood divides out.
"""

import argparse
import logging
import resource
import sys
import warnings
from typing import Any

import numpy as np
import polars as pl
from ffn.core import limit_weights
from pandas import Series
from plain_loop import size_portfolio
from rich.console import Console
from rich.table import Table
from timing import best

from sizing import RebalancingLimits, size_portfolios

ASSETS, HELD_SHARE = 40, 0.3
BUCKET_SIZES = (8, 7, 6, 5, 4, 3, 3, 2, 1, 1)
"""Ten buckets as uneven as real sectors are: the large ones meet their limit, the small ones do not."""

BUCKETS = [bucket for bucket, size in enumerate(BUCKET_SIZES) for _ in range(size)]
LARGE_PORTFOLIO = 3_000
FFN_PORTFOLIOS, LOOP_PORTFOLIOS = 300, 3_000
NANOSECONDS = 1e9
SAME_WEIGHT = 1e-12
"""Two weights closer than this are the same: float noise."""

REPEATS = 3
LIMITS: dict[str, Any] = {
    "enable_bucket_diversification": True,
    "max_single_position": 0.05,
    "min_position_size": 0.01,
    "max_allocation_per_bucket": 0.15,
}


def make_portfolios(count: int) -> pl.DataFrame:
    """Return `count` portfolios of 40 assets in ten buckets, rows shuffled; seeded."""
    random = np.random.default_rng(20251122)
    rows = count * ASSETS
    asset = np.arange(rows) % ASSETS
    frame = pl.DataFrame(
        {
            "portfolio": np.arange(rows) // ASSETS,
            "number": asset,
            "score": random.uniform(0.6, 1.0, rows).round(4),
            "is_held": random.random(rows) < HELD_SHARE,
        }
    )
    named = frame.select(
        pl.format("p{}", pl.col("portfolio").cast(pl.String).str.zfill(6)).alias("portfolio_id"),
        pl.format("A{}", pl.col("number").cast(pl.String).str.zfill(2)).alias("asset"),
        pl.format("b{}", pl.lit(pl.Series(BUCKETS)).gather("number")).alias("bucket"),
        "score",
        "is_held",
    )
    return named[random.permutation(rows)]


def per_position_by_ffn(frame: pl.DataFrame) -> float:
    """Seconds a position of ffn.limit_weights, portfolio by portfolio: one cap, no bucket, no floor, no residual."""
    weights = [
        Series(part["score"].to_numpy() / part["score"].sum(), index=part["asset"].to_numpy())
        for part in frame.head(FFN_PORTFOLIOS * ASSETS).partition_by("portfolio_id")
    ]
    seconds = best(REPEATS, lambda: [limit_weights(one, LIMITS["max_single_position"]) for one in weights])
    return seconds / (len(weights) * ASSETS)


def per_position_by_loop(frame: pl.DataFrame) -> float:
    """Seconds a position of the same stages on lists, portfolio by portfolio (plain_loop.py): the same weights."""
    limits = RebalancingLimits(**LIMITS)
    sample = frame.sort("portfolio_id").head(LOOP_PORTFOLIOS * ASSETS)
    portfolios = [
        part.select("asset", "bucket", "score", "is_held").rows()
        for part in sample.partition_by("portfolio_id", maintain_order=True)
    ]
    weights = np.concatenate([size_portfolio(rows, limits) for rows in portfolios])
    exact = size_portfolios(sample, limits).positions.select(pl.col("stage2_weight") + pl.col("residual_weight"))
    assert np.abs(weights - exact.to_series().to_numpy()).max() < SAME_WEIGHT, "the loop sizes differently"
    return best(REPEATS, lambda: [size_portfolio(rows, limits) for rows in portfolios]) / sample.height


def run(positions: int) -> Table:
    """Measure everything once and give the table of ratios."""
    of_one = large()
    frame = make_portfolios(positions // ASSETS)
    tenth = make_portfolios(positions // ASSETS // 10)
    ffn, loop = per_position_by_ffn(tenth.sort("portfolio_id")), per_position_by_loop(tenth)
    sort = best(REPEATS, lambda: frame.sort("portfolio_id", "score"))
    table = Table(title=f"{frame.height:,} positions, {frame.height // ASSETS:,} portfolios", title_justify="left")
    for name in ("residual_strategy", "seconds", "sorts", "x ffn", "x loop", "10x portfolios", "peak GB"):
        table.add_column(name, justify="left" if name == "residual_strategy" else "right")
    for strategy in ("safe_top_slice", "proportional"):
        limits = RebalancingLimits(residual_strategy=strategy, **LIMITS)
        small = best(REPEATS, lambda limits=limits: size_portfolios(tenth, limits))
        seconds = best(REPEATS, lambda limits=limits: size_portfolios(frame, limits))
        each = seconds / frame.height
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
        table.add_row(
            strategy,
            f"{seconds:.1f}",
            f"{seconds / sort:.1f}",
            f"{ffn / each:.0f}",
            f"{loop / each:.1f}",
            f"{seconds / small:.1f}",
            f"{peak:.1f}",
        )
    table.caption = (
        f"one sort by portfolio and score: {sort:.2f} s; a position costs ffn {ffn * NANOSECONDS:,.0f} ns, "
        f"the loop {loop * NANOSECONDS:,.0f} ns; one portfolio of {LARGE_PORTFOLIO:,} assets: {of_one:.0f} ms"
    )
    return table


def large() -> float:
    """Milliseconds of one portfolio of 3,000 assets."""
    frame = make_portfolios(LARGE_PORTFOLIO // ASSETS).with_columns(
        portfolio_id=pl.lit("one"), asset=pl.concat_str("portfolio_id", "asset")
    )
    limits = RebalancingLimits(**(LIMITS | {"max_single_position": 0.001, "min_position_size": 0}))
    return best(20, lambda: size_portfolios(frame, limits)) * 1e3


def main() -> None:
    """Run the benchmark and print its table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--positions", type=float, default=1e7, help="positions in all; default: 1e7")
    positions = int(parser.parse_args().positions)
    logging.captureWarnings(capture=True)
    warnings.simplefilter("ignore")
    Console(width=None if sys.stdout.isatty() else 140).print(run(positions))


if __name__ == "__main__":
    main()
