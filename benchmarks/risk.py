"""What risk limits cost: multipliers, scale and shares of many portfolios, against a sort of their returns.

    make bench                                  # 1,000 portfolios of 40 of 3,000 names, 252 returns each
    python benchmarks/risk.py --portfolios 100  # quicker

The sort is of one row a position and session, shuffled. All are the best of their repeats, in one process.
"""

import argparse
import sys
from datetime import date, timedelta

import numpy as np
import polars as pl
from rich.console import Console
from rich.table import Table
from timing import best

from sizing import DayInputs, RebalancingLimits
from sizing.frames.day_inputs import DayFrames
from sizing.risk.multipliers import add_multipliers
from sizing.risk.scale import PortfolioReturns
from sizing.risk.volatility import estimate_volatilities

ASSETS, NAMES, SESSIONS, REPEATS = 40, 3_000, 252, 3
DAY = date(2026, 11, 20)
GAPS = 0.01
"""Part of the returns that are missing."""

LIMITS = RebalancingLimits(volatility_mode="inverse", correlation_mode="crowding", target_volatility=0.1)


def make_day(n_portfolios: int) -> tuple[DayInputs, pl.DataFrame]:
    """Return the inputs of a day, and the names that each portfolio selected with their volatilities; seeded."""
    random = np.random.default_rng(20261129)
    names = np.array([f"A{number:04d}" for number in range(NAMES)])
    sessions = [DAY - timedelta(days=age) for age in range(SESSIONS)][::-1]
    market = random.normal(0, 0.01, SESSIONS)
    own = random.normal(0, 1, (SESSIONS, NAMES)) * random.uniform(0.005, 0.03, NAMES)
    returns = pl.DataFrame(
        {
            "asset": np.tile(names, SESSIONS),
            "session": pl.Series(sessions).gather(np.repeat(np.arange(SESSIONS), NAMES)),
            "session_return": (own + market[:, None]).ravel(),
            "is_given": True,
        }
    ).filter(pl.Series(random.random(SESSIONS * NAMES) > GAPS))
    portfolios = [f"p{number:05d}" for number in range(n_portfolios)]
    chosen = np.argsort(random.random((n_portfolios, NAMES)), axis=1)[:, :ASSETS]
    scores = pl.DataFrame({"asset": names}).select(
        "asset", model=pl.lit("default"), score=pl.lit(0.9), score_date=pl.lit(DAY)
    )
    nothing = pl.DataFrame(schema={"portfolio_id": pl.String, "asset": pl.String})
    frames = DayFrames(DAY, dict.fromkeys(portfolios, LIMITS), scores, nothing, nothing, nothing)
    inputs = DayInputs.unvalidated(frames._replace(returns=returns, sessions=sessions))
    selected = pl.DataFrame({"portfolio_id": np.repeat(portfolios, ASSETS), "asset": names[chosen.ravel()]})
    volatility = estimate_volatilities(inputs).select("asset", "volatility")
    return inputs, selected.join(volatility, on="asset", how="left", maintain_order="left").with_columns(
        pinned_weight=pl.lit(None, pl.Float64), is_pinned=pl.lit(value=False), weight=pl.lit(0.95 / ASSETS)
    )


def main() -> None:
    """Print the seconds of each part, and their ratio to a sort."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--portfolios", type=lambda text: int(float(text)), default=1_000)
    count = parser.parse_args().portfolios
    inputs, selected = make_day(count)
    measured = PortfolioReturns.of(inputs)
    n_rows = count * ASSETS * SESSIONS
    rows = pl.select(row=pl.int_range(n_rows).shuffle(seed=1)).with_columns(value=pl.col("row") * 0.5)
    sort = best(REPEATS, lambda: rows.sort("row"))
    parts = {
        "volatilities of all names": lambda: estimate_volatilities(inputs),
        "multipliers, with correlations": lambda: add_multipliers(selected, inputs),
        "scale of the portfolios": lambda: measured.find_scales(selected),
        "shares of the positions": lambda: measured.find_shares(selected),
    }
    times = {name: best(REPEATS, work) for name, work in parts.items()}
    table = Table(title=f"{count:,} portfolios x {ASSETS} of {NAMES:,} names, {SESSIONS} returns: {n_rows:,} rows")
    for heading in ("part", "s", "of a sort"):
        table.add_column(heading)
    for name, seconds in {"sort": sort, **times, "together": sum(times.values())}.items():
        table.add_row(name, f"{seconds:.2f}", f"{seconds / sort:.2f}")
    Console(file=sys.stdout).print(table)


if __name__ == "__main__":
    main()
