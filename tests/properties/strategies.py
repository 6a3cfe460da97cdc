"""Portfolios to prove things on: one maker, fed by a seeded generator or by hypothesis (which then shrinks).

The corners are drawn on purpose: m = c, c = 1, B < m, T = 1, a bucket below one position, ties, all 0, all 1.
"""

import os
from functools import cache
from random import Random

from hypothesis import strategies as st

from sizing import RebalancingLimits
from tests.helpers.examples import ALL_EXAMPLES
from tests.sizing.cases import Asked, Case, size_all
from tests.sizing.reference.portfolio import Line

FUZZ_PORTFOLIOS = int(os.environ.get("BALLAST_FUZZ_PORTFOLIOS", "1200"))
PORTFOLIOS_PER_CALL = 300
LARGEST_PORTFOLIO = 5_000
NAMES = tuple(f"{head}{number}" for head in ("A", "b", "É", "Z-", "10", "9") for number in range(1_000))


def weight_between(rng: Random, low: float, high: float) -> float:
    """Draw a weight that can be stored: eight decimals at most, sometimes two."""
    digits = rng.choice((2, 4, 8))
    return min(high, max(low, round(rng.uniform(low, high), digits)))


def storable(weight: float) -> float:
    return min(1.0, max(1e-8, round(weight, 8)))


def make_limits(rng: Random, buckets: list[str], n: int) -> RebalancingLimits:
    """Draw limits; `even` and its multiples, and the multiples of c, meet totals exactly: ties."""
    total = rng.choice((0.95, 1.0, 0.9, 0.5, 0.6, 0.05, weight_between(rng, 1e-6, 1)))
    even = storable(total / max(1, n))
    c = rng.choice((0.15, 0.1, 0.05, 0.2, 0.3, 0.5, 1.0, total, even, 2 * even, weight_between(rng, 1e-6, 1)))
    c = storable(c)
    m = rng.choice((0.02, 0.0, 0.0, 0.05, 0.01, c, even, weight_between(rng, 0, c)))
    ties = (c, 2 * c, 3 * c, even, 2 * even, 3 * even, m or c)
    maximum = storable(rng.choice((0.40, 0.1, 0.2, 0.25, 1.0, 0.3, weight_between(rng, 1e-6, 1), *ties)))
    own = {name: weight_between(rng, 1e-6, 1) for name in buckets if rng.random() < 0.3}
    return RebalancingLimits(
        target_total_allocation=total,
        enable_dynamic_sizing=rng.random() < 0.93,
        sizing_mode=rng.choice(("adaptive", "equal_weight", "score_weighted")),
        max_single_position=c,
        min_position_size=min(m, c),
        residual_strategy=rng.choice(("safe_top_slice", "proportional", "cash_bucket")),
        max_residual_per_asset=rng.choice((0.05, 1.0, 1.0, 0.01, 0.0, weight_between(rng, 0, 1))),
        max_residual_multiple=rng.choice((0.5, None, None, 2.0, 0.1, 0.0, rng.uniform(0, 3))),
        score_tiers=make_tiers(rng),
        incumbent_bias=rng.choice((0.02, 0.0, 1.0, rng.random())),
        enable_bucket_diversification=rng.random() < 0.7,
        max_allocation_per_bucket=maximum,
        max_allocation_by_bucket=rng.choice((own, {})),
    )


def make_tiers(rng: Random) -> tuple[tuple[float, str, float], ...]:
    """Draw tiers whose multiplier does not rise while the score falls: else guarantee 3 cannot hold."""
    if rng.random() < 0.4:
        return ((0.9, "max", 1.5), (0.8, "standard", 1.2), (0.7, "base", 1.0), (0.6, "light", 0.8))
    scores = sorted({round(rng.random(), 2) for _ in range(rng.randint(1, 6))} | {0.0}, reverse=True)
    scores = scores[: rng.randint(1, len(scores))]
    multipliers = sorted(
        (rng.choice((0.0, 0.5, 1.0, 3.0, round(rng.uniform(0, 100), 6))) for _ in scores), reverse=True
    )
    return tuple(
        (score, f"tier{number}", multiplier)
        for number, (score, multiplier) in enumerate(zip(scores, multipliers, strict=True))
    )


def make_scores(rng: Random, n: int) -> list[float]:
    style = rng.choice(("any", "high", "cents", "few", "alike", "zero", "one", "tiny", "steep", "faint"))
    faintest = rng.choice((3, 8, 12))  # fainter: test_sizing_faint_scores.py
    few = [round(rng.random(), 1) for _ in range(3)]
    draw = {
        "any": rng.random,
        "high": lambda: rng.uniform(0.6, 1),
        "cents": lambda: round(rng.random(), 2),
        "few": lambda: rng.choice(few),
        "alike": lambda: few[0],
        "zero": lambda: 0.0,
        "one": lambda: 1.0,
        "tiny": lambda: rng.choice((1e-9, 1e-6, 0.0, 0.5)),
        "steep": lambda: 0.5 ** rng.randint(0, 20),
        "faint": lambda: 10.0 ** -rng.uniform(0, faintest),
    }[style]
    return [round(draw(), 12) for _ in range(n)]


def make_pins(rng: Random, n: int) -> list[float | None]:
    share = rng.choice((0.0, 0.0, 0.0, 0.1, 0.5, 1.0))
    return [
        rng.choice((0.0, 0.01, 0.15, 1.0, rng.random(), rng.random() / n)) if rng.random() < share else None
        for _ in range(n)
    ]


def make_residual(rng: Random) -> Asked:
    """Draw a portfolio whose weights meet caps one after the other: a residual is left, and there is room for some."""
    n, n_buckets, total = rng.randint(3, 14), rng.randint(1, 4), rng.choice((0.95, 1.0, 0.5))
    buckets = [f"bucket{number}" for number in range(n_buckets)]
    lines = [
        Line(asset, rng.choice(buckets), score, is_held=rng.random() < 0.3)
        for asset, score in zip(rng.sample(NAMES, n), make_scores(rng, n), strict=True)
    ]
    c = storable(total / n * rng.uniform(1.05, 3))
    maximum = storable(total / n_buckets * rng.uniform(1.02, 2))
    limits = RebalancingLimits(
        target_total_allocation=total,
        sizing_mode=rng.choice(("score_weighted", "score_weighted", "adaptive")),
        score_tiers=make_tiers(rng),
        max_single_position=c,
        min_position_size=storable(c * rng.choice((1e-6, 0.1, 0.3))),
        residual_strategy=rng.choice(("safe_top_slice", "proportional")),
        max_residual_per_asset=rng.choice((0.05, 1.0, 0.01, weight_between(rng, 0, c))),
        max_residual_multiple=rng.choice((0.5, None, 2.0)),
        enable_bucket_diversification=rng.random() < 0.8,
        max_allocation_per_bucket=maximum,
        max_allocation_by_bucket={name: storable(maximum * rng.random()) for name in buckets if rng.random() < 0.3},
    )
    return lines, limits


def make_portfolio(rng: Random, largest: int = 60) -> Asked:
    if rng.random() < 0.25:
        return make_residual(rng)
    n = rng.choice((1, 2, rng.randint(0, 6), rng.randint(3, 12), rng.randint(3, 12), rng.randint(0, largest)))
    buckets = [f"bucket{number}" for number in range(rng.randint(1, 6))]
    held = rng.choice((0.0, 0.5, 1.0))
    lines = [
        Line(
            asset=asset,
            bucket=rng.choice(buckets),
            score=None if pin is not None and rng.random() < 0.5 else score,
            is_held=rng.random() < held,
            pinned_weight=pin,
        )
        for asset, score, pin in zip(rng.sample(NAMES, n), make_scores(rng, n), make_pins(rng, n), strict=True)
    ]
    return lines, make_limits(rng, buckets, n)


def make_batch(seed: int, count: int = PORTFOLIOS_PER_CALL, largest: int = 60) -> list[Asked]:
    rng = Random(seed)
    return [make_portfolio(rng, largest) for _ in range(count)]


def make_huge(seed: int, n: int = LARGEST_PORTFOLIO) -> Asked:
    rng = Random(seed)
    buckets = [f"bucket{number}" for number in range(10)]
    scores = make_scores(rng, n)
    lines = [
        Line(asset, rng.choice(buckets), score, is_held=rng.random() < 0.3)
        for asset, score in zip(rng.sample(NAMES, n), scores, strict=True)
    ]
    limits = make_limits(rng, buckets, n)
    tiny = {"max_single_position": 0.001, "min_position_size": rng.choice((0.0, 1e-4, 2e-4))}
    return lines, RebalancingLimits(**{**limits.model_dump(), **tiny})


@cache
def many_cases() -> tuple[Case, ...]:
    """Many random portfolios and a few of thousands of assets, sized once for all properties."""
    batches = [make_batch(seed) for seed in range(max(1, FUZZ_PORTFOLIOS // PORTFOLIOS_PER_CALL))]
    huge = [make_huge(seed) for seed in range(3 if ALL_EXAMPLES else 1)]
    return tuple(case for batch in (*batches, huge) for case in size_all(batch))


def _small(rng: Random) -> Asked:
    return make_portfolio(rng, largest=12)


portfolios = st.randoms(use_true_random=False).map(_small)
frames = st.lists(portfolios, min_size=1, max_size=3)
