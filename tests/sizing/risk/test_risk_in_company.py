"""Who else is sized in the same frame changes no bit of a portfolio with risk limits, and no word of its sentences."""

import re
from random import Random

import polars as pl
import pytest

from sizing import RebalancingLimits, size_portfolios
from sizing.pipeline import rebalance
from tests.properties.digests import bits
from tests.sizing.days import a_day
from tests.sizing.risk.days import FREE, made_of, risk_day

CAPPED = {"max_position_risk": 0.02, "volatility_source": "scores", "max_positions_per_bucket": 20}


def _selected(portfolio_id: str, volatilities: list[float]) -> pl.DataFrame:
    rng, n = Random(portfolio_id), len(volatilities)
    return pl.DataFrame(
        {
            "portfolio_id": portfolio_id,
            "asset": [f"a{number:02}" for number in range(n)],
            "bucket": [f"B{rng.randrange(5)}" for _ in range(n)],
            "score": [round(rng.uniform(0.6, 1), 4) for _ in range(n)],
            "is_held": False,
            "volatility": volatilities,
        }
    )


def test_a_frame_with_volatilities_needs_no_multipliers() -> None:
    limits = RebalancingLimits(**CAPPED, residual_strategy="cash_bucket", max_single_position=0.15)
    sized = size_portfolios(_selected("P", [0.1, 0.2, 0.4]), limits).positions
    assert {row["asset"]: float(row["target_weight"]) for row in sized.to_dicts()} == {
        "a00": 0.15, "a01": 0.1, "a02": 0.05,
    }  # fmt: skip
    assert sized.filter(asset="a01")["sizing_reason"].item().endswith("max_position_risk 0.02 / volatility 0.2.")


@pytest.mark.slow
def test_caps_of_a_portfolio_alone_are_those_in_company() -> None:
    rng = Random(18)
    frames, limits = [], {}
    for number in range(50):
        name = f"P{number:03}"
        limits[name] = RebalancingLimits(**{**CAPPED, "max_position_risk": rng.choice([0.006, 0.012, 0.02, None])})
        size = rng.randint(1, 20)
        frames.append(_selected(name, [round(rng.uniform(0.1, 0.5), 8) for _ in range(size)]))
    together = size_portfolios(pl.concat(frames), limits)
    for frame, (name, own) in zip(frames, limits.items(), strict=True):
        alone = size_portfolios(frame, {name: own})
        assert bits(alone.positions) == bits(together.positions.filter(portfolio_id=name))
        assert bits(alone.portfolios) == bits(together.portfolios.filter(portfolio_id=name))


def _scaled_day(names: list[str]) -> pl.DataFrame:
    """Return the summaries of portfolios with other totals and targets; `cut` is left with cash by its caps."""
    shared = {**FREE, "max_single_position": 0.9, "target_volatility": 1.0}
    every = {f"T{number:02}": {"target_total_allocation": 0.55 + number / 100, "target_volatility": 0.05}
             for number in range(40)} | {"wide": {}, "cut": {"max_single_position": 0.2}}  # fmt: skip
    limits = {name: RebalancingLimits(**{**shared, **every[name]}) for name in names}
    return rebalance(risk_day(limits, made_of({"a": 0.2, "b": 0.3}, {("a", "b"): 0.5}))).sizing_summary


def test_a_scale_is_the_nearest_number_to_its_eight_decimals_in_any_company() -> None:
    names = [f"T{number:02}" for number in range(40)]
    together = _scaled_day(names)
    assert together["risk_scale"].to_list() == [round(one, 8) for one in together["risk_scale"]]
    assert _scaled_day(names[:1]).equals(together.head(1))


def test_a_target_that_would_do_has_the_decimals_that_are_typed() -> None:
    found = _scaled_day([*(f"T{number:02}" for number in range(40)), "cut"])["relaxation"].drop_nulls()
    assert len(found) > 30
    assert [one for one in found if re.search(r"\d\.\d{5}", one.partition("->")[2])] == []


@pytest.mark.parametrize("company", [["wide"], ["cut", "wide"]])
def test_a_portfolio_that_is_not_scaled_has_no_relaxation_in_any_company(company: list[str]) -> None:
    found = _scaled_day(company).rows_by_key("portfolio_id", named=True, unique=True)
    assert found["wide"]["risk_scale"] == 1
    assert found["wide"]["relaxation"] is None


def test_a_band_in_a_sentence_is_the_number_that_was_typed() -> None:
    limits = RebalancingLimits(**{**FREE, "max_single_position": 0.5, "rebalance_band": 0.06})
    day = a_day(limits, scores={"a": 0.8, "b": 0.8}, held={"a": "0.46", "b": "0.49"})
    reasons = rebalance(day).targets.filter(~pl.col("is_cash"))["target_reason"]
    assert all("rebalance_band 0.06 (" in one for one in reasons)
