"""The product and the slow second sizer agree on random days: estimates, multipliers, caps, weights, the scale.

The selection is the product's own; what is selected, and what is pinned, is given to the reference.
"""

import os
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from sizing import RebalancingLimits
from sizing.names import CASH
from tests.helpers.examples import examples
from tests.sizing.days import by_asset
from tests.sizing.reference.portfolio import UNITS, Line
from tests.sizing.risk.days import audit, sessions_of, summary
from tests.sizing.risk.drawn import SESSIONS, DrawnRisk, draw_day
from tests.sizing.risk.reference import estimate
from tests.sizing.risk.reference_sizing import Risk, size_with_risk

DAYS = int(os.environ.get("BALLAST_FUZZ_RISK_DAYS", str(examples(40, least=10))))
STORED = 1.01e-8  # volatilities, crowding and the scale are stored with eight decimals
WEIGHT = 2e-8  # of intermediate weights: a stored estimate may differ by a unit where its rounding is a tie
CROWDING = 5e-8  # the product rounds each correlation before it adds them up
UNITS_APART = 3
SHARE = 1e-6  # of risk shares, which stored weights move
DAYS_OF_ESTIMATES = ("half_life_days", "window_days", "min_observations", "max_plausible_return")


def size_as_selected(drawn: DrawnRisk, portfolio_id: str) -> Risk:
    rows = audit(drawn.result, portfolio_id)
    decided = by_asset(drawn.result.decisions, portfolio_id)
    lines = [
        Line(row["asset"], row["bucket"], row["score"], row["is_held"], row["pinned_weight"]) for row in rows.values()
    ]
    free = {asset for asset in rows if not decided[asset]["is_pinned"]}
    return size_with_risk(lines, drawn.limits[portfolio_id], drawn.observed, free=free)


def close(got: Decimal | float | None, expected: float | None, tolerance: float) -> bool:
    if got is None or expected is None:
        return got is None and expected is None
    return abs(float(got) - expected) <= tolerance


def portfolio_differences(drawn: DrawnRisk, portfolio_id: str) -> Iterator[str]:
    limits = drawn.limits[portfolio_id]
    expected = size_as_selected(drawn, portfolio_id)
    for asset, row in audit(drawn.result, portfolio_id).items():
        yield from (f"{asset} {found}" for found in row_differences(row, asset, expected, limits))
    whole = summary(drawn.result, portfolio_id)
    numbers = {
        "unscaled_volatility": (expected.unscaled_volatility, 1e-7),
        "portfolio_volatility": (expected.portfolio_volatility, 1e-7),
        "n_sessions": (expected.n_sessions, 0),
    }
    if limits.volatility_mode == "inverse":
        numbers["reference_volatility"] = (expected.reference, STORED)
    for name, (value, tolerance) in numbers.items():
        if not close(whole[name], value, tolerance):
            yield f"{name}: got {whole[name]}, expected {value}"
    if not close(1.0 if whole["risk_scale"] is None else whole["risk_scale"], expected.scale, STORED):
        yield f"risk_scale: got {whole['risk_scale']}, expected {expected.scale}"


def row_differences(row: dict[str, Any], asset: str, expected: Risk, limits: RebalancingLimits) -> Iterator[str]:
    line = expected.line(asset)
    for name, (value, tolerance) in _expected_numbers(line, expected, limits).items():
        got = (row[name] or None) if name == "risk_share" and value is None else row[name]
        if not close(got, value, tolerance):
            yield f"{name}: got {row[name]}, expected {value}"
    if row["drop_reason"] != line.drop_reason:
        yield f"drop_reason: got {row['drop_reason']}, expected {line.drop_reason}"
    marks = {
        "stage1_cap": {line.stage1_cap},
        "stage2_cap": line.stage2_caps,
        "residual_limit": line.residual_limits,
    }
    yield from (f"{name}: got {row[name]}, expected one of {of}" for name, of in marks.items() if row[name] not in of)
    if abs(float(row["target_weight"]) * UNITS - line.units) > UNITS_APART:
        yield f"target_weight: got {row['target_weight']}, expected {line.units} units"


def _expected_numbers(line: Line, expected: Risk, limits: RebalancingLimits) -> dict[str, tuple[float | None, float]]:
    asset, is_free = line.asset, not line.is_pinned
    numbers: dict[str, tuple[float | None, float]] = {"volatility": (expected.volatilities.get(asset), STORED)}
    if is_free and limits.volatility_mode == "inverse":
        numbers["volatility_multiplier"] = (expected.multipliers.get(asset), 1e-7)
    if limits.correlation_mode == "crowding":
        numbers["crowding"] = (expected.crowding.get(asset), CROWDING)
    if is_free and limits.correlation_mode == "crowding":
        numbers["crowding_multiplier"] = (expected.crowding_multipliers.get(asset), 1e-5)
    if is_free and limits.max_position_risk is not None:
        numbers["position_cap"] = (min(expected.caps[asset], limits.max_single_position), 0)
    for name in ("raw_weight", "stage1_weight", "stage2_weight", "residual_weight"):
        numbers[name] = (getattr(line, name), WEIGHT)
    return numbers | {"risk_share": (expected.shares.get(asset), SHARE)}


@pytest.fixture(scope="module")
def drawn_days() -> list[DrawnRisk]:
    return [draw_day(seed) for seed in range(DAYS)]


def test_every_column_agrees_on_random_days(drawn_days: list[DrawnRisk]) -> None:
    failed = [
        (len(audit(drawn.result, name)), name, drawn, found)
        for drawn in drawn_days
        for name in drawn.limits
        if drawn.limits[name].reads_volatility and (found := list(portfolio_differences(drawn, name)))
    ]
    if failed:
        _, name, drawn, found = min(failed, key=lambda one: one[0])
        pytest.fail(f"{len(failed)} differ; the smallest is {name} of\n{drawn!r}\n" + "\n".join(found))


def test_every_estimate_is_that_of_the_slow_loop(drawn_days: list[DrawnRisk]) -> None:
    sessions = sessions_of(SESSIONS)
    for drawn in drawn_days:
        settings_of = {
            (one.volatility_half_life_days, one.volatility_window_days, one.min_observations, one.max_plausible_return):
            one for one in drawn.limits.values()
        }  # fmt: skip
        for row in drawn.result.risk_estimates.iter_rows(named=True):
            limits = settings_of[tuple(row[name] for name in DAYS_OF_ESTIMATES)]
            expected = estimate(drawn.observed.get(row["asset"], {}), limits)
            assert close(row["volatility"], expected.volatility, STORED), (row, expected)
            assert (row["missing_reason"], row["n_returns"]) == (expected.reason, expected.n_returns), row
            last = None if expected.last_age is None else sessions[-1 - expected.last_age]
            assert row["last_return_date"] == last, (row, expected)
            suspect = {sessions[-1 - age] for age in expected.suspect_ages}
            if expected.reason == "suspect_return":
                assert row["suspect_session"] in suspect, (row, expected)


def test_a_name_without_volatility_is_never_opened_and_never_free(drawn_days: list[DrawnRisk]) -> None:
    seen = set()
    for drawn in drawn_days:
        for name, limits in drawn.limits.items():
            if not limits.reads_volatility:
                continue
            for asset, row in by_asset(drawn.result.decisions, name).items():
                is_missing = estimate(drawn.observed.get(asset, {}), limits).volatility is None
                assert is_missing or row["gate"] != "no_volatility"
                assert is_missing or row["kept_by"] != "volatility_missing"
                if is_missing and row["is_selected"]:
                    assert row["is_held"], (asset, drawn)
                    assert row["is_locked"], (asset, drawn)
                    assert row["is_pinned"], (asset, drawn)
                    assert row["kept_by"] in {"no_trade", "score_missing", "volatility_missing"}
                seen |= {row["gate"], row["kept_by"]}
    assert seen >= {"no_volatility", "volatility_missing"}


def test_random_days_are_not_idle(drawn_days: list[DrawnRisk]) -> None:
    """What the comparison is about happens on these days."""
    rows = [row for drawn in drawn_days for name in drawn.limits for row in audit(drawn.result, name).values()]
    reasons = {
        row["missing_reason"] for drawn in drawn_days for row in drawn.result.risk_estimates.iter_rows(named=True)
    }
    assert reasons == {None, "no_returns", "suspect_return", "too_few_returns", "old_returns", "flat_prices"}
    assert {row["drop_reason"] for row in rows} >= {None, "max_position_risk"}
    assert {row["stage1_cap"] for row in rows} >= {"risk", "position", "bucket"}
    assert "risk" in {row["residual_limit"] for row in rows}
    scales = [summary(drawn.result, name)["risk_scale"] for drawn in drawn_days for name in drawn.limits]
    assert any(scale is not None and 0 < scale < 1 for scale in scales)
    assert all(CASH not in audit(drawn.result, name) for drawn in drawn_days for name in drawn.limits)
