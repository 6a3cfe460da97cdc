"""docs/sizing.md shows what the sizer gives: its tables as they stand, and the numbers in its sentences."""

from pathlib import Path

import polars as pl
import pytest

from docs import lifecycle_examples
from docs.worked_examples import EXAMPLES, STAGES, sized, table

PAGE = (Path(__file__).parents[2] / "docs" / "sizing.md").read_text()
LIFECYCLE = (Path(__file__).parents[2] / "docs" / "lifecycle.md").read_text()
PROSE = " ".join(PAGE.split())


@pytest.mark.parametrize("name", ["cap", "buckets", "two_stage", "cash"])
def test_a_table_of_the_page_is_what_the_sizer_gives(name: str) -> None:
    assert table(name) in PAGE


def test_the_sentences_on_the_cap_have_the_numbers_of_the_sizer() -> None:
    positions, portfolios = sized("cap")
    total = portfolios["stage2_total"][0]
    others = positions["stage1_weight"][1:].sum()
    factor = positions["stage2_weight"][3] / positions["stage1_weight"][3]
    assert f"0.95 - 0.15 = {0.95 - 0.15:.2f} for the other seven, which make up {others:.2f}" in PROSE
    assert f"f = 0.80 / 0.45 = {factor:.4f}" in PROSE
    assert f"R = 0.95 - {total:.4f} = {portfolios['residual'][0]:.4f}" in PROSE
    share = positions["residual_weight"][3] / positions["stage2_weight"][3]
    assert f"μ = {share:.5f} of each weight places {portfolios['residual_placed'][0]:.4f}" in PROSE


def test_the_sentences_on_the_strategies_have_the_numbers_of_the_sizer() -> None:
    _, _, _, d, e, f, g, h = sized("cap_top_slice").positions["residual_weight"].to_list()
    assert d == pytest.approx(e)
    assert h == 0
    assert f"d and e take half of their weight, {d:.4f} each, f {f:.4f}, and g gets the {g:.4f} that are left" in PROSE
    cash = sized("cap_cash").portfolios["cash_weight"][0]
    assert f"`cash_bucket` places nothing: {cash:.4f} are cash" in PROSE
    columns = list(STAGES.values())[:-1]
    first = sized("cap").positions.select(columns)
    assert all(sized(name).positions.select(columns).equals(first) for name in ("cap_top_slice", "cap_cash"))


def test_the_sentences_on_buckets_have_the_numbers_of_the_sizer() -> None:
    positions, portfolios = sized("buckets")
    multipliers = positions["score_multiplier"]
    assert f"add up to {multipliers.sum():.1f}, and the four of tech have {multipliers[:4].sum():.1f}" in PROSE
    assert f"{positions['raw_weight'][:4].sum():.3f} raw, above 0.40" in PROSE
    theta = positions["stage1_weight"][0] / positions["raw_weight"][0]
    assert f"θ = 0.40 / 0.475 = {theta:.4f}" in PROSE
    factor = positions["stage2_weight"][4] / positions["stage1_weight"][4]
    assert f"f = 0.55 / 0.475 = {factor:.4f}" in PROSE
    assert portfolios["residual"][0] == pytest.approx(0)


def test_the_sentences_on_both_caps_have_the_numbers_of_the_sizer() -> None:
    positions, portfolios = sized("two_stage")
    tech = positions.filter(bucket="tech")
    cuts = positions["raw_weight"].sum() - positions["stage1_weight"].sum()
    assert (
        f"from {tech['raw_weight'].sum():.2f} to `max_allocation_per_bucket`, {tech['stage1_weight'].sum():.2f}"
        in PROSE
    )
    assert f"The cuts are {cuts:.2f} together" in PROSE
    free = positions.filter(pl.col("stage1_cap").is_null())
    assert f"f = 0.40 / {free['stage1_weight'].sum():.2f} = {0.40 / free['stage1_weight'].sum():.4f}" in PROSE
    assert positions.filter(pl.col("stage2_cap") == "position")["asset"].to_list() == ["f"]
    assert positions.filter(pl.col("residual_weight") > 1e-8)["asset"].to_list() == ["g", "h", "i"]
    assert f"residual of {portfolios['residual'][0]:.4f} on g, h and i. No cash is left" in PROSE
    assert portfolios["cash_weight"][0] == 0


def test_the_sentences_on_cash_have_the_numbers_of_the_sizer() -> None:
    portfolio = sized("cash").portfolios.row(0, named=True)
    reachable, limit = portfolio["reachable_weight"], portfolio["binding_limit"]
    assert f"`reachable_weight` is {reachable:.2f}, `binding_limit` is {limit}" in PROSE
    assert f"`{portfolio['relaxation']}`" in PROSE


@pytest.mark.parametrize("name", ["projection", "disabled"])
def test_a_short_example_gives_what_its_row_says(name: str) -> None:
    weights = sized(name).positions["target_weight"].to_list()
    [row] = [line for line in PAGE.splitlines() if line.startswith(f"| {_first_scores(name)}")]
    assert ", ".join(dict.fromkeys(map(str, weights))) in row


def _first_scores(name: str) -> str:
    return " ".join(f"{score:.1f}".removeprefix("0") for score in EXAMPLES[name].scores[""])


@pytest.mark.slow
@pytest.mark.parametrize("name", lifecycle_examples.EXAMPLES)
def test_a_table_of_the_lifecycle_is_what_the_rules_return(name: str) -> None:
    assert lifecycle_examples.table(name) in LIFECYCLE
