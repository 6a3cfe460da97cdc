"""The presets: what each promises, on every portfolio."""

from random import Random

import pytest

from sizing import RebalancingLimits
from sizing.checks.feasibility import find_infeasible
from sizing.limits.presets import PRESETS, Preset
from tests.properties.strategies import NAMES, make_scores
from tests.properties.test_sizing_guarantees import GUARANTEES, check
from tests.sizing.cases import Case, size_all
from tests.sizing.reference.portfolio import Line

PORTFOLIOS = 150
LIMITS = {name: RebalancingLimits(**preset.limits) for name, preset in PRESETS.items()}


@pytest.fixture(scope="module")
def sized() -> dict[str, list[Case]]:
    """The same random scores under each preset, each with as many of the best as it may hold, each its own bucket."""
    rng = Random(7)
    portfolios = []
    for _ in range(PORTFOLIOS):
        n = rng.randint(1, 40)
        names = zip(rng.sample(NAMES, n), make_scores(rng, n), strict=True)
        lines = [Line(asset, asset, score, is_held=rng.random() < 0.5) for asset, score in names]
        portfolios.append(sorted(lines, key=lambda line: line.score or 0, reverse=True))
    return {
        name: size_all([(lines[: limits.max_total_positions], limits) for lines in portfolios])
        for name, limits in LIMITS.items()
    }


@pytest.mark.parametrize("name", PRESETS)
def test_every_guarantee_of_the_sizer_holds_under_a_preset(sized: dict[str, list[Case]], name: str) -> None:
    for case in sized[name]:
        for where, holds in GUARANTEES.values():
            if where(case):
                check(case, holds)


def test_the_largest_weight_grows_from_conservative_to_aggressive(sized: dict[str, list[Case]]) -> None:
    largest = [[case.summary["largest_weight"] for case in sized[name]] for name in PRESETS]
    assert [trio for trio in zip(*largest, strict=True) if list(trio) != sorted(trio)] == []
    assert len({trio for trio in zip(*largest, strict=True) if trio[0] < trio[1] < trio[2]}) > PORTFOLIOS / 10


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_meets_no_objection(name: str) -> None:
    assert find_infeasible(LIMITS[name]) == ()


def test_balanced_is_exactly_the_defaults_and_no_other_preset_names_a_default_again() -> None:
    assert LIMITS["balanced"] == RebalancingLimits()
    defaults = RebalancingLimits().model_dump()
    again = [(name, one) for name, preset in PRESETS.items() for one in preset.own if preset.own[one] == defaults[one]]
    assert again == []


def test_conservative_is_wider_and_slower_and_aggressive_narrower_and_quicker() -> None:
    conservative, balanced, aggressive = (LIMITS[name] for name in ("conservative", "balanced", "aggressive"))
    for rising in ("target_total_allocation", "max_single_position", "max_allocation_per_bucket"):
        assert getattr(conservative, rising) < getattr(balanced, rising) < getattr(aggressive, rising)
    for falling in ("max_total_positions", "min_buckets_represented", "rebalance_band", "incumbent_bias"):
        assert getattr(conservative, falling) > getattr(balanced, falling) > getattr(aggressive, falling)


@pytest.mark.parametrize("preset", PRESETS.values(), ids=list(PRESETS))
def test_the_reason_is_one_sentence(preset: Preset) -> None:
    reason = preset.reason
    assert reason.endswith(".")
    assert reason.count(".") == 1
