"""The guarantees of docs/sizing.md that risk changes, numbered as there, as properties of drawn days."""

import math
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sizing import RebalancingLimits
from sizing.pipeline import rebalance
from tests.sizing.reference.portfolio import UNITS, to_units
from tests.sizing.risk.days import FREE, audit, made_of, risk_day, summary, weights_of
from tests.sizing.risk.drawn import DrawnRisk, days
from tests.sizing.risk.test_risk_guarantees import GOOD, drawn_some, portfolios_of

pytestmark = pytest.mark.slow

UNIT_AND_NOISE = 1.01e-8


@drawn_some
@given(days())
def test_2_a_position_is_between_k_m_and_k_c(drawn: DrawnRisk) -> None:
    for name, limits, rows in portfolios_of(drawn):
        if not limits.reads_volatility:
            continue
        scale = summary(drawn.result, name)["risk_scale"]
        k = round((1.0 if scale is None else scale) * UNITS)
        by_bucket: dict[str, int] = {}
        for row in rows.values():
            units = int(row["target_weight"] * UNITS)
            by_bucket[row["bucket"]] = by_bucket.get(row["bucket"], 0) + units
            if row["pinned_weight"] is not None or row["drop_reason"] is not None:
                continue
            cap = to_units(float(row["position_cap"])) if row["position_cap"] else to_units(limits.max_single_position)
            assert k * to_units(limits.min_position_size) // UNITS <= units <= -(-k * cap // UNITS), (name, row, drawn)
        if limits.enable_bucket_diversification and not drawn.bans:
            assert all(units <= to_units(limits.max_allocation_per_bucket) for units in by_bucket.values()), drawn


@drawn_some
@given(days())
def test_3_and_4_a_higher_score_never_gets_less_and_equals_get_the_same(drawn: DrawnRisk) -> None:
    """Same bucket, held state, volatility and crowding; equal ones before rounding, safe_top_slice excepted."""
    for name, limits, rows in portfolios_of(drawn):
        sized = [row for row in rows.values() if row["drop_reason"] is None and row["pinned_weight"] is None]
        alike = ("bucket", "is_held", "volatility", "crowding")
        for one, other in permutations(sized, 2):
            if any(one[key] != other[key] for key in alike) or one["score"] < other["score"]:
                continue
            weights = [row["stage2_weight"] + row["residual_weight"] for row in (one, other)]
            assert weights[0] >= weights[1] - 1e-9, (name, one, other, drawn)
            if one["score"] == other["score"] and limits.residual_strategy != "safe_top_slice":
                assert weights[0] == pytest.approx(weights[1], abs=1e-9), (name, one, other, drawn)


@drawn_some
@given(
    days(
        GOOD,
        residual_strategy="proportional",
        max_residual_per_asset=1,
        max_residual_multiple=None,
        target_volatility=None,
        min_position_size=0,
        max_position_risk=0.004,
    )
)
def test_9_proportional_reaches_what_the_caps_allow(drawn: DrawnRisk) -> None:
    for name, limits, rows in portfolios_of(drawn):
        if any(row["pinned_weight"] is not None for row in rows.values()):
            continue
        caps: dict[str, list[float]] = {}
        for row in rows.values():
            of = row["bucket"] if limits.enable_bucket_diversification else "all"
            caps.setdefault(of, []).append(float(row["position_cap"]) if row["score_multiplier"] else 0.0)
        most = limits.max_allocation_per_bucket if limits.enable_bucket_diversification else math.inf
        reachable = min(limits.target_total_allocation, sum(min(most, sum(of)) for of in caps.values()))
        invested = float(summary(drawn.result, name)["invested_weight"])
        assert invested == pytest.approx(reachable, abs=2e-8), (name, drawn)
        assert summary(drawn.result, name)["reachable_weight"] >= reachable - 1e-9


@drawn_some
@given(
    st.floats(0.05, 0.9).map(lambda one: round(one, 4)),
    st.sampled_from((None, 0.02, 0.1, 0.3)),
    st.sampled_from((None, 0.01, 0.05, 0.2)),
    st.sampled_from(("safe_top_slice", "proportional", "cash_bucket")),
)
def test_10_one_asset_gets_k_min_c_and_t(
    volatility: float, target: float | None, risk: float | None, strategy: str
) -> None:
    limits = RebalancingLimits(
        **{**FREE, "residual_strategy": strategy, "max_single_position": 0.6},
        volatility_mode="inverse", target_volatility=target, max_position_risk=risk, target_total_allocation=0.5,
    )  # fmt: skip
    result = rebalance(risk_day(limits, made_of({"a": volatility})))
    cap = min(0.6, 0.5) if risk is None else min(0.5, risk / volatility)
    k = 1.0 if target is None else min(1.0, target / (cap * volatility))
    assert weights_of(result)["a"] == pytest.approx(k * cap, abs=2 * UNIT_AND_NOISE)


def test_10_an_empty_selection_is_all_cash() -> None:
    limits = RebalancingLimits(**FREE, volatility_mode="inverse", correlation_mode="crowding", target_volatility=0.1)
    result = rebalance(risk_day(limits, made_of({"a": 0.2}), scores={"a": 0.1}))
    assert weights_of(result) == {"CASH": 0.95}
    assert audit(result) == {}
