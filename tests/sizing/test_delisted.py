"""What the asset list no longer has is never bought, by nobody, and counts in its last bucket."""

from dataclasses import replace
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sizing.frames.day_inputs import DELISTED, DayInputs
from sizing.pipeline import rebalance
from tests.sizing.days import Ban, a_day, by_asset, decisions, gates, limits

LISTED = ("t1", "t2", "e1", "e2")


def _without(day: DayInputs, *assets: str, bucket: str = "t") -> DayInputs:
    rows = [(asset, bucket, None) for asset in assets]
    delisted = pl.DataFrame(rows, DELISTED.schema, orient="row")
    return replace(day, assets=day.assets.filter(~pl.col("asset").is_in(assets)), delisted=delisted)


def test_it_counts_in_its_last_bucket_and_the_reason_stands_beside_it() -> None:
    row = decisions(_without(a_day(scores={"t1": 0.9, "t2": 0.9}, held={"t1": 0.1}), "t1"))["t1"]
    assert (row["bucket"], row["restriction"], row["gate"]) == ("t", "no_buy", None)
    assert "Restriction no_buy: no longer in the asset list." in row["decision_reason"]


def test_nobody_else_opens_it_even_where_unknown_buckets_are_allowed() -> None:
    two = {"P": limits(allow_unclassified=True), "Q": limits(allow_unclassified=True)}
    day = _without(a_day(two, scores={"t1": 0.9, "t2": 0.9}, held={("P", "t1"): 0.1}), "t1")
    assert (gates(day, "P")["t1"], gates(day, "Q")["t1"]) == (None, "no_buy")


@pytest.mark.parametrize("restriction", ["must_sell", "no_trade"])
def test_a_restriction_that_is_more_severe_goes_before(restriction: str) -> None:
    day = a_day(scores={"t1": 0.9, "t2": 0.9}, held={"t1": 0.1}, bans=[Ban("t1", restriction)])
    assert decisions(_without(day, "t1"))["t1"]["restriction"] == restriction


@pytest.mark.slow
@settings(deadline=None)
@given(
    held=st.dictionaries(
        st.sampled_from(LISTED), st.integers(1, 30).map(lambda points: f"{points / 100:.2f}"), min_size=1
    ),
    scores=st.dictionaries(st.sampled_from(LISTED), st.integers(0, 20).map(lambda points: points / 20), min_size=1),
    mode=st.sampled_from(["adaptive", "equal_weight", "score_weighted"]),
    strategy=st.sampled_from(["safe_top_slice", "proportional", "cash_bucket"]),
    is_dynamic=st.booleans(),
)
def test_a_holding_that_left_the_list_never_grows_and_its_bucket_keeps_its_cap(
    held: dict[str, str], scores: dict[str, float], mode: str, strategy: str, *, is_dynamic: bool
) -> None:
    asked = limits(
        min_buckets_represented=0,
        enable_bucket_diversification=is_dynamic,
        enable_dynamic_sizing=is_dynamic,
        max_allocation_per_bucket=0.2,
        sizing_mode=mode,
        residual_strategy=strategy,
    )
    rows = by_asset(rebalance(_without(a_day(asked, scores=scores, held=held), "t1", "e1")).targets)
    for asset in {"t1", "e1"} & rows.keys():
        assert rows[asset]["target_weight"] <= Decimal(held.get(asset, "0"))
    if is_dynamic:
        in_t = sum(row["target_weight"] for row in rows.values() if row["bucket"] == "t")
        assert in_t <= Decimal("0.2")
