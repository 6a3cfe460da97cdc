"""Risk-parity weights that other libraries compute: theirs are solved, ours are closed, where both mean the same.

Made once, of the covariance C of volatilities .1 .2 .3 .4 and the correlations below, with numpy 2.4.6:

    # Riskfolio-Lib 7.4.0, vanilla risk parity
    port = rp.Portfolio(returns=pd.DataFrame(np.zeros((2, 4)), columns=list("abcd")))
    port.cov, port.mu = pd.DataFrame(C, list("abcd"), list("abcd")), pd.DataFrame(np.zeros((1, 4)))
    port.solvers = ["CLARABEL"]
    port.sol_params = {"CLARABEL": {"tol_gap_abs": 1e-14, "tol_gap_rel": 1e-14, "tol_feas": 1e-12}}
    port.rp_optimization(model="Classic", rm="MV", rf=0, b=None, hist=True)

    # PyPortfolioOpt 1.6.0, the risk parity objective of its cookbook; C x 1000, since SLSQP stops at 1e-6
    def deviation_risk_parity(w, cov):
        parts = w * (cov @ w)
        return ((parts - parts.reshape(-1, 1)) ** 2).sum()
    ef = EfficientFrontier(None, pd.DataFrame(1000 * C, list("abcd"), list("abcd")))
    ef.nonconvex_objective(deviation_risk_parity, ef.cov_matrix)

PyPortfolioOpt ships no other risk parity but the hierarchical one, which is something else: of uncorrelated names it
holds the inverse variances, .7024 .1756 .0780 .0439.
"""

from collections.abc import Mapping
from itertools import combinations

import pytest

from sizing import RebalancingLimits
from sizing.pipeline import rebalance
from tests.sizing.risk.days import FREE, audit, made_of, risk_day, weights_of

RISKFOLIO_TOLERANCE = 2e-7
PYPORTFOLIOOPT_TOLERANCE = 2e-5
"""How near their solvers come to equal shares: without blocks these are .48 .24 .16 .12 exactly."""

VOLATILITIES = {"a": 0.1, "b": 0.2, "c": 0.3, "d": 0.4}
PAIRS = tuple(combinations("abcd", 2))
BLOCKS = {("a", "b"): 0.8, ("c", "d"): -0.5}

RISKFOLIO = {
    "uncorrelated": (0.48000004, 0.24000001, 0.15999997, 0.11999998),
    "all at 0.5": (0.48000008, 0.24000003, 0.15999996, 0.11999992),
    "all at 0.2": (0.48000000, 0.24000000, 0.16000000, 0.12000000),
    "two blocks": (0.38361251, 0.19180625, 0.24261785, 0.18196339),
}
PYPORTFOLIOOPT = {
    "uncorrelated": (0.47999952, 0.24000012, 0.16000026, 0.12000010),
    "all at 0.5": (0.48000012, 0.24000046, 0.15999944, 0.11999998),
    "all at 0.2": (0.48000203, 0.23999971, 0.15999989, 0.11999836),
    "two blocks": (0.38362356, 0.19180660, 0.24261002, 0.18195982),
}
RHO: Mapping[str, Mapping[tuple[str, str], float]] = {
    "uncorrelated": {},
    "all at 0.5": dict.fromkeys(PAIRS, 0.5),
    "all at 0.2": dict.fromkeys(PAIRS, 0.2),
    "two blocks": BLOCKS,
}
INVERSE = {
    **FREE, "max_single_position": 1, "target_total_allocation": 1, "volatility_mode": "inverse",
    "max_volatility_multiplier": 10, "min_volatility_multiplier": 0.1, "min_crowding": 0.1,
}  # fmt: skip


@pytest.mark.parametrize(
    ("case", "correlation_mode"), [*((case, "crowding") for case in RHO), *((case, "none") for case in list(RHO)[:3])]
)
def test_weights_are_those_of_other_libraries(case: str, correlation_mode: str) -> None:
    limits = RebalancingLimits(**INVERSE, correlation_mode=correlation_mode)
    result = rebalance(risk_day(limits, made_of(VOLATILITIES, RHO[case])))
    found = [weights_of(result)[asset] for asset in "abcd"]
    assert found == pytest.approx(RISKFOLIO[case], abs=RISKFOLIO_TOLERANCE)
    assert found == pytest.approx(PYPORTFOLIOOPT[case], abs=PYPORTFOLIOOPT_TOLERANCE)
    assert [row["risk_share"] for row in audit(result).values()] == pytest.approx([0.25] * 4, abs=1e-7)
