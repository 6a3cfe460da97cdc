"""What the audit keeps adds up: docs/sizing.md 7, on the same portfolios as the guarantees."""

from collections.abc import Callable
from decimal import Decimal
from math import fsum
from typing import Any

import pytest

from sizing import RebalancingLimits
from tests.helpers.examples import examples
from tests.properties.strategies import make_batch, many_cases
from tests.properties.test_sizing_guarantees import ROUND_OFF, SEEN_OFTEN, is_dynamic, is_unpinned, stored
from tests.sizing.cases import Case, size_all
from tests.sizing.reference.portfolio import Line, limit_of_bucket

STAGES = {"raw_weight": "raw_total", "stage1_weight": "stage1_total", "stage2_weight": "stage2_total"}


@pytest.mark.parametrize(("column", "total"), STAGES.items())
def test_each_column_of_the_audit_sums_to_its_stage_total(column: str, total: str) -> None:
    for case in many_cases():
        assert case.summary[total] == pytest.approx(fsum(row[column] for row in case.rows), abs=ROUND_OFF), case


def test_the_residual_is_the_target_less_stage_2() -> None:
    for case in many_cases():
        expected = case.limits.target_total_allocation - case.summary["stage2_total"]
        assert case.summary["residual"] == pytest.approx(expected, abs=ROUND_OFF), case


def test_raw_weights_sum_to_the_target_when_anything_is_sized() -> None:
    placed = [case for case in many_cases() if case.placed()]
    assert len(placed) > SEEN_OFTEN
    for case in placed:
        assert case.summary["raw_total"] == pytest.approx(case.limits.target_total_allocation, abs=1e-9), case


def test_a_dropped_asset_keeps_its_row_with_nothing_in_it() -> None:
    dropped = [row for case in many_cases() for row in case.rows if row["drop_reason"] is not None]
    assert {row["drop_reason"] for row in dropped} == {"no_size", "below_min_position_size"}
    for row in dropped:
        weights = ("raw_weight", "stage1_weight", "stage2_weight", "residual_weight", "target_weight")
        assert [row[name] for name in weights] == [0] * 5, row
        assert (row["stage1_cap"], row["stage2_cap"], row["residual_limit"]) == (None, None, None), row


def test_counts_add_up() -> None:
    for case in many_cases():
        summary = case.summary
        assert summary["n_selected"] == len(case.rows), case
        assert summary["n_sized"] == len(case.sized()), case
        assert summary["n_dropped"] == len(case.rows) - len(case.sized()), case
        for stage in ("stage1", "stage2"):
            marked = sum(row[f"{stage}_cap"] is not None for row in case.rows)
            assert summary[f"{stage}_capped_count"] == marked, case


def test_measures_are_of_the_stored_weights() -> None:
    for case in many_cases():
        weights = [float(row["target_weight"]) for row in case.rows]
        invested, largest = sum(weights), max(weights, default=0.0)
        assert case.summary["largest_weight"] == pytest.approx(largest, abs=1e-8), case
        ratio = invested / case.limits.target_total_allocation
        assert case.summary["allocation_efficiency"] == pytest.approx(ratio, rel=1e-9, abs=1e-9), case
        expected = invested**2 / sum(w * w for w in weights) if invested else 0
        assert case.summary["effective_positions"] == pytest.approx(expected, rel=1e-4), case


def test_every_row_has_a_sentence() -> None:
    for case in many_cases():
        assert all(len(row["sizing_reason"]) > 10 for row in case.rows), case


def test_no_sentence_tells_float_noise_as_a_residual() -> None:
    for case in many_cases():
        told = [row for row in case.rows if "residual +" in row["sizing_reason"]]
        assert all(row["residual_weight"] > ROUND_OFF for row in told), case


def reached(case: Case) -> Decimal:
    """Return min(T, sum_b min(B, n_b c)) in stored units."""
    buckets: dict[str, list[str]] = {}
    for row in case.placed():
        buckets.setdefault(row["bucket"], []).append(row["asset"])
    cap = stored(case.limits.max_single_position)
    if not case.limits.enable_bucket_diversification:
        total = cap * len(case.placed())
    else:
        total = sum(
            (min(stored(limit_of_bucket(case.limits, name)), cap * len(members)) for name, members in buckets.items()),
            Decimal(0),
        )
    return min(total, stored(case.limits.target_total_allocation))


@pytest.mark.parametrize("seed", range(1001, 1001 + examples(3, least=1)))
def test_proportional_without_growth_limits_reaches_all_that_can_be_reached(seed: int) -> None:
    """Guarantee 9."""
    free_growth = {
        "residual_strategy": "proportional",
        "max_residual_per_asset": 1.0,
        "max_residual_multiple": None,
        "enable_dynamic_sizing": True,
    }
    asked = [
        ([line for line in lines if not line.is_pinned], limits.model_copy(update=free_growth))
        for lines, limits in make_batch(seed)
    ]
    for case in sorted(size_all(asked), key=lambda case: len(case.rows)):
        assert case.summary["invested_weight"] == reached(case), case


def test_a_limit_is_named_exactly_where_the_target_cannot_be_reached() -> None:
    asked = [case for case in many_cases() if is_dynamic(case) and is_unpinned(case) and case.placed()]
    for case in asked:
        is_short = reached(case) < stored(case.limits.target_total_allocation)
        assert (case.summary["binding_limit"] in RebalancingLimits.model_fields) == is_short, case


def asked_again(row: dict[str, Any]) -> Line:
    return Line(row["asset"], row["bucket"], row["score"], row["is_held"], row["pinned_weight"])


ONE_STEP = 1e-4  # a limit is proposed with four decimals


def relaxed(case: Case, *, less: float = 0) -> RebalancingLimits:
    name, before, arrow, after, *rest = case.summary["relaxation"].split(" ")
    assert (arrow, " ".join(rest)) == ("->", "would place it all")
    assert float(before) == pytest.approx(getattr(case.limits, name), abs=1e-9)
    return RebalancingLimits(
        **{**case.limits.model_dump(), name: max(round(float(after) - less, 4), getattr(case.limits, name))}
    )


def named_relaxations() -> list[Case]:
    named = [case for case in many_cases() if " -> " in (case.summary["relaxation"] or "")]
    assert sum(map(is_unpinned, named)) >= SEEN_OFTEN
    assert len(named) - sum(map(is_unpinned, named)) >= SEEN_OFTEN / 5
    return named


def test_the_relaxation_that_is_named_would_place_it_all() -> None:
    named = named_relaxations()
    asked = [([asked_again(row) for row in case.rows], relaxed(case)) for case in named]
    for case, again in zip(named, size_all(asked), strict=True):
        assert again.summary["cash_weight"] == 0, f"{case}\nrelaxed: {again}"


def test_the_relaxation_that_is_named_is_the_least_that_would_do() -> None:
    named = named_relaxations()
    asked = [([asked_again(row) for row in case.rows], relaxed(case, less=ONE_STEP)) for case in named]
    for case, again in zip(named, size_all(asked), strict=True):
        assert again.summary["cash_weight"] > 0, f"{case}\nrelaxed less: {again}"


WIDE_OPEN = {
    "max_single_position": 1.0,
    "max_allocation_per_bucket": 1.0,
    "max_residual_per_asset": 1.0,
    "max_residual_multiple": None,
}


@pytest.mark.parametrize("name", WIDE_OPEN)
def test_no_single_relaxation_is_denied_where_one_would_do(name: str) -> None:
    denied = [case for case in many_cases() if (case.summary["relaxation"] or "").startswith("several limits")]
    wide_open = {name: WIDE_OPEN[name]}
    asked = [([asked_again(row) for row in case.rows], case.limits.model_copy(update=wide_open)) for case in denied]
    pairs = zip(denied, size_all(asked), strict=True)
    for case, again in sorted(pairs, key=lambda pair: len(pair[0].rows)):
        assert again.summary["cash_weight"] > 0, f"{name} -> {WIDE_OPEN[name]} alone places it all: {case}"


def is_pinned(row: dict[str, Any]) -> bool:
    return row["pinned_weight"] is not None


def could_be_sized(row: dict[str, Any]) -> bool:
    return row["pinned_weight"] is None and row["drop_reason"] != "no_size"


def is_cut(row: dict[str, Any]) -> bool:
    return is_pinned(row) and row["pinned_weight"] > row["raw_weight"] + ROUND_OFF


def test_a_relaxation_is_reported_exactly_where_limits_force_cash_that_something_could_take() -> None:
    told = {True: 0, False: 0}
    for case in many_cases():
        left = case.summary["residual"] - case.summary["residual_placed"]
        is_forced = left > ROUND_OFF and case.limits.residual_strategy != "cash_bucket"
        expected = is_forced and any(could_be_sized(row) or is_cut(row) for row in case.rows)
        assert (case.summary["relaxation"] is not None) == expected, case
        told[expected] += 1
    assert min(told.values()) > SEEN_OFTEN


def expected_reach(case: Case) -> tuple[float, str | None]:
    """Return sum_b min(B, n_b c + pinned), and the limit that binds where that is below T: the one that takes more."""
    c, total = case.limits.max_single_position, case.limits.target_total_allocation
    buckets: dict[str, list[dict[str, Any]]] = {}
    for row in case.rows:
        buckets.setdefault(row["bucket"], []).append(row)
    has_buckets = case.limits.enable_bucket_diversification
    limit = {name: limit_of_bucket(case.limits, name) if has_buckets else float("inf") for name in buckets}
    sized = {name: sum(not is_pinned(row) and row["drop_reason"] is None for row in buckets[name]) for name in buckets}

    def reached_with(cap: float, pins: Callable[[dict[str, Any]], float], *, is_bounded: bool = True) -> float:
        held = {
            name: sized[name] * cap + fsum(pins(row) for row in buckets[name] if is_pinned(row)) for name in buckets
        }
        return fsum(min(limit[name], held[name]) if is_bounded else held[name] for name in buckets)

    reach = reached_with(c, lambda row: row["raw_weight"])
    if reach > total - ROUND_OFF:
        return reach, None
    if reach == 0:
        return reach, "no_position"
    without_buckets = reached_with(c, lambda row: min(row["pinned_weight"], c), is_bounded=False)
    without_cap = reached_with(1.0, lambda row: row["pinned_weight"])
    if without_buckets > without_cap + ROUND_OFF:
        return reach, "max_allocation_per_bucket"
    is_helped = without_cap > reach + ROUND_OFF or any(sized.values())
    return reach, "max_single_position" if is_helped else "no_position"


def test_what_is_reachable_counts_pinned_weights_and_names_the_limit_that_takes_more() -> None:
    seen: dict[str | None, int] = {}
    for case in many_cases():
        if is_dynamic(case) and case.rows:
            reach, limit = expected_reach(case)
            assert case.summary["reachable_weight"] == pytest.approx(reach, abs=ROUND_OFF), case
            assert case.summary["binding_limit"] == limit, case
            seen[limit] = seen.get(limit, 0) + (not is_unpinned(case))
    assert len(seen) == 4
    assert min(seen.values()) >= SEEN_OFTEN / 5, seen


MANY = 1e6


def relaxed_as_far(case: Case, name: str) -> RebalancingLimits | None:
    """Relax another limit by a little less than the share by which the named one is relaxed; None: it has no room."""
    named, before, _, after, *_ = case.summary["relaxation"].split(" ")
    old = getattr(case.limits, name)
    if name == named or not old:
        return None
    # A limit of 0 is relaxed by an infinite share: only where no other would do is it named.
    share = float(after) / float(before) if float(before) else MANY
    new = min(round(old * share - 2 * ONE_STEP, 8), WIDE_OPEN[name] or MANY)
    return RebalancingLimits(**{**case.limits.model_dump(), name: new}) if new > old else None


@pytest.mark.slow
@pytest.mark.parametrize("name", WIDE_OPEN)
def test_no_other_limit_would_place_it_all_when_relaxed_by_a_smaller_share(name: str) -> None:
    others = [(case, relaxed_as_far(case, name)) for case in named_relaxations()]
    tried = [(case, limits) for case, limits in others if limits]
    assert len(tried) >= SEEN_OFTEN / 5
    again = size_all([([asked_again(row) for row in case.rows], limits) for case, limits in tried])
    for (case, limits), sized in zip(tried, again, strict=True):
        assert sized.summary["cash_weight"] > 0, f"{case}\n{name} {getattr(limits, name)} alone places it all: {sized}"
