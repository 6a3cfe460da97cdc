"""docs/sizing.md 3 and 9: without growth limits and floors the sizer is the Kullback-Leibler projection.

cvxpy knows nothing of stages: it minimises sum w log(w / r) under w <= c, the bucket sums <= B, and sum w = what can
be reached. Many portfolios make one problem, since the objective is a sum over all of them.
"""

from importlib import import_module
from random import Random

import numpy as np
import pytest

from sizing import RebalancingLimits
from tests.helpers.examples import ALL_EXAMPLES
from tests.properties.strategies import weight_between
from tests.sizing.cases import Asked, Case, size_all
from tests.sizing.reference.portfolio import Line, limit_of_bucket

SOLVER_TOLERANCE = 1e-7  # an interior-point solution; the largest difference seen is below 1e-9
PORTFOLIOS_PER_PROBLEM = 50
PROBLEMS = 6 if ALL_EXAMPLES else 2


def make_free_portfolio(rng: Random) -> Asked:
    n, buckets = rng.randint(1, 12), [f"bucket{number}" for number in range(rng.randint(1, 4))]
    lines = [Line(f"A{number:02d}", rng.choice(buckets), 0.01 + 0.99 * rng.random() ** 3) for number in range(n)]
    cap = weight_between(rng, min(0.9, 0.7 / n), 1) if rng.random() < 0.3 else round(min(1, 1.2 / n), 4)
    return lines, RebalancingLimits(
        target_total_allocation=rng.choice((1.0, 0.95, weight_between(rng, 0.05, 1))),
        sizing_mode=rng.choice(("score_weighted", "equal_weight")),
        max_single_position=cap,
        min_position_size=0,
        residual_strategy="proportional",
        max_residual_per_asset=1,
        max_residual_multiple=None,
        enable_bucket_diversification=rng.random() < 0.8,
        max_allocation_per_bucket=weight_between(rng, 0.1, 1),
        max_allocation_by_bucket={name: weight_between(rng, 0.05, 1) for name in buckets if rng.random() < 0.3},
    )


def bucket_members(case: Case) -> dict[str, list[int]]:
    members: dict[str, list[int]] = {}
    for index, row in enumerate(case.rows):
        members.setdefault(row["bucket"] if case.limits.enable_bucket_diversification else "", []).append(index)
    return members


def bucket_limit(case: Case, bucket: str) -> float:
    return limit_of_bucket(case.limits, bucket) if case.limits.enable_bucket_diversification else 1.0


def reachable_total(case: Case) -> float:
    cap = case.limits.max_single_position
    most = sum(min(bucket_limit(case, name), len(held) * cap) for name, held in bucket_members(case).items())
    return min(case.limits.target_total_allocation, most)


def project(cases: list[Case]) -> list[np.ndarray]:
    """Solve all the projections as one problem."""
    cp = import_module("cvxpy")  # a second, which the test workers without this test need not spend
    variables, terms, constraints = [], [], []
    for case in cases:
        raw = np.array([row["raw_weight"] for row in case.rows])
        w = cp.Variable(len(raw), nonneg=True)
        variables.append(w)
        terms.append(cp.sum(cp.kl_div(w, raw)))
        constraints += [w <= case.limits.max_single_position, cp.sum(w) == reachable_total(case)]
        constraints += [
            cp.sum(w[members]) <= bucket_limit(case, name) for name, members in bucket_members(case).items()
        ]
    problem = cp.Problem(cp.Minimize(cp.sum(cp.hstack(terms))), constraints)
    problem.solve(solver=cp.CLARABEL, tol_gap_abs=1e-12, tol_gap_rel=1e-12, tol_feas=1e-12)
    assert problem.status in {cp.OPTIMAL, cp.OPTIMAL_INACCURATE}
    return [variable.value for variable in variables]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(PROBLEMS))
def test_proportional_sizing_is_the_projection_that_cvxpy_finds(seed: int) -> None:
    rng = Random(seed)
    cases = size_all([make_free_portfolio(rng) for _ in range(PORTFOLIOS_PER_PROBLEM)])
    assert any(case.summary["residual_placed"] > SOLVER_TOLERANCE for case in cases)
    for case, expected in zip(cases, project(cases), strict=True):
        got = [row["stage2_weight"] + row["residual_weight"] for row in case.rows]
        assert got == pytest.approx(list(expected), abs=SOLVER_TOLERANCE), case
