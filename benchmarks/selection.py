"""What selection costs, counterfactuals included, against a sort of the same frame in the same run.

    make bench                  # 1,000 portfolios x 3,000 candidates
    make bench PORTFOLIOS=100   # quicker

The sort is that of all candidates by portfolio_id, score descending and asset, from a shuffled frame. Every figure
is the best of its repeats, measured in this one process, so that the machine's mood divides out.
"""

import argparse
import resource
import sys
from datetime import date
from typing import Any

import numpy as np
import polars as pl
from rich.console import Console
from rich.table import Table
from timing import best

from sizing import RebalancingLimits
from sizing.frames.day_inputs import DayInputs
from sizing.frames.schema import STORED_WEIGHT
from sizing.pipeline import decide, select_candidates

ASSETS, BUCKETS, HOLDINGS, RESTRICTED = 3_000, 11, 12, 20
AS_OF = date(2026, 11, 20)
GROUPS: tuple[dict[str, Any], ...] = (
    {"replacement_margin": 0.05},
    {"replacement_margin": 0.1, "max_total_positions": 20, "max_new_positions": 5, "min_buckets_represented": 4},
    {"replacement_margin": 0.05, "max_positions_per_bucket": 2, "exclude_buckets": ("b03",), "model": "growth"},
    {"replacement_margin": 0.02, "max_positions_by_bucket": {"b01": 2}, "include_buckets": ("b00", "b01", "b02")},
    {"technical_score_weight": 0.5, "fundamental_score_weight": 0.5, "max_total_positions": 12, "model": "growth"},
)
"""Limits of the portfolios, in turn: four of five replace holdings."""


def make_day(portfolios: int) -> DayInputs:
    """Return a day of `portfolios`, each with its own limits and holdings, over two models; seeded."""
    random = np.random.default_rng(20251122)
    names = [f"A{number:05}" for number in range(ASSETS)]
    ids = [f"p{number:06}" for number in range(portfolios)]
    held = random.random((portfolios, ASSETS)).argsort(axis=1)[:, :HOLDINGS]
    return DayInputs(
        as_of_date=AS_OF,
        limits={name: RebalancingLimits(**GROUPS[number % len(GROUPS)]) for number, name in enumerate(ids)},
        scores=pl.concat(make_scores(model, names, random) for model in ("default", "growth")),
        assets=pl.DataFrame({"asset": names, "bucket": [f"b{number % BUCKETS:02}" for number in range(ASSETS)]}),
        holdings=pl.DataFrame(
            {
                "portfolio_id": np.repeat(ids, HOLDINGS),
                "asset": np.take(names, held.ravel()),
                "current_weight": np.full(portfolios * HOLDINGS, 0.05),
            }
        ).with_columns(pl.col("current_weight").cast(STORED_WEIGHT)),
        restrictions=make_restrictions(names, ids, random),
    )


def make_scores(model: str, names: list[str], random: np.random.Generator) -> pl.DataFrame:
    """Return one model's scores of today: combined, in parts, or one part alone."""
    parts = random.uniform(0.3, 1.0, (3, ASSETS)).round(4)
    kind = random.integers(0, 4, ASSETS)
    return pl.DataFrame({"model": model, "asset": names, "score_date": AS_OF}).with_columns(
        score_age_days=pl.lit(0, pl.Int32),
        score=pl.Series(np.where(kind == 0, parts[0], np.nan)).fill_nan(None),
        technical_score=pl.Series(np.where(kind > 0, parts[1], np.nan)).fill_nan(None),
        fundamental_score=pl.Series(np.where(kind > 1, parts[2], np.nan)).fill_nan(None),
    )


def make_restrictions(names: list[str], ids: list[str], random: np.random.Generator) -> pl.DataFrame:
    """Restrict twenty assets for all portfolios, and one more for each."""
    kinds = ("no_buy", "no_trade", "must_sell")
    assets = random.choice(names, RESTRICTED + len(ids))
    return pl.DataFrame(
        {
            "portfolio_id": [*[None] * RESTRICTED, *ids],
            "asset": assets,
            "restriction": random.choice(kinds, len(assets)),
            "reason": "by hand",
        },
        schema_overrides={"portfolio_id": pl.String},
    )


def run(portfolios: int, repeats: int) -> Table:
    """Measure selection and sort, and return the table."""
    day = make_day(portfolios)
    select = best(repeats, lambda: select_candidates(day))
    qualified = select_candidates(day)
    decide_seconds = best(repeats, lambda: decide(qualified, day))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    decisions = decide(qualified, day)
    shuffled = decisions.select("portfolio_id", "score", "asset").sample(fraction=1, shuffle=True, seed=1)
    sort = best(repeats, lambda: shuffled.sort("portfolio_id", "score", "asset", descending=[False, True, False]))
    table = Table(title=f"{decisions.height:,} decisions of {portfolios:,} portfolios", title_justify="left")
    for name in ("", "seconds", "sorts"):
        table.add_column(name, justify="right" if name else "left")
    for name, seconds in (
        ("select_candidates", select),
        ("decide, counterfactuals included", decide_seconds),
        ("both", select + decide_seconds),
    ):
        table.add_row(name, f"{seconds:.2f}", f"{seconds / sort:.1f}")
    gates = decisions["gate"].fill_null("selected").value_counts(sort=True).iter_rows()
    table.caption = (
        f"one sort of all candidates: {sort:.2f} s; peak {peak:.1f} GB\n"
        f"{', '.join(f'{gate} {count:,}' for gate, count in gates)}"
    )
    return table


def main() -> None:
    """Run the benchmark and print its table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--portfolios", type=int, default=1_000, help="portfolios of 3,000 assets; default: 1,000")
    parser.add_argument("--repeats", type=int, default=2, help="repeats of each measurement; default: 2")
    options = parser.parse_args()
    Console(width=None if sys.stdout.isatty() else 140).print(run(options.portfolios, options.repeats))


if __name__ == "__main__":
    main()
