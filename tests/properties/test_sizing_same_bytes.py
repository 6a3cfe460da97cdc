"""Guarantees 6 and 8: the same input gives the same bits in every column, however and wherever it comes."""

import os
import subprocess
import sys
from functools import cache
from itertools import pairwise
from random import Random

import polars as pl
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from sizing import RebalancingLimits, SizedPortfolios, size_portfolios
from tests.helpers.examples import examples
from tests.properties.digests import bits, bits_of, digests, fixed_frame
from tests.properties.strategies import frames, make_batch
from tests.sizing.cases import Asked, frame_and_limits

AS_DRAWN = (Phase.explicit, Phase.reuse, Phase.generate)  # drawn small; shrinking costs minutes
BUDGET = settings(
    max_examples=examples(12), deadline=None, phases=AS_DRAWN, suppress_health_check=[HealthCheck.too_slow]
)
SEED, PORTFOLIOS = 20_000, examples(200)


@cache
def sized_batch() -> tuple[pl.DataFrame, dict[str, RebalancingLimits], SizedPortfolios]:
    frame, limits = frame_and_limits(make_batch(SEED, count=PORTFOLIOS))
    return frame, limits, size_portfolios(frame, limits)


@pytest.mark.slow
def test_one_and_two_threads_give_the_same_bytes() -> None:
    runs = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.properties.digests", str(shuffle_seed)],
            env={**os.environ, "POLARS_MAX_THREADS": threads},
            stdout=subprocess.PIPE,
            text=True,
        )
        for threads, shuffle_seed in (("1", 1), ("2", 2))
    ]
    one, two = (run.communicate(timeout=120)[0].split() for run in runs)
    here = digests(size_portfolios(*fixed_frame()))
    assert (one[0], two[0]) == ("1", "2")
    assert one[1:] == two[1:] == list(here)


@pytest.mark.parametrize("seed", range(2))
def test_row_order_does_not_matter(seed: int) -> None:
    frame, limits, expected = sized_batch()
    shuffled = frame.sample(fraction=1, shuffle=True, seed=seed)
    assert bits_of(size_portfolios(shuffled, limits)) == bits_of(expected)


@BUDGET
@given(asked=frames, shuffle=st.integers(0, 1_000))
def test_row_order_does_not_matter_to_small_frames(asked: list[Asked], shuffle: int) -> None:
    frame, limits = frame_and_limits(asked)
    shuffled = frame.sample(fraction=1, shuffle=True, seed=shuffle)
    assert bits_of(size_portfolios(shuffled, limits)) == bits_of(size_portfolios(frame, limits))


@pytest.mark.slow
def test_chunks_and_slices_do_not_matter() -> None:
    frame, limits, expected = sized_batch()
    cuts = sorted({0, frame.height, 1, frame.height // 2, *Random(SEED).sample(range(frame.height), 40)})
    pieces = [frame[low:high] for low, high in pairwise(cuts)]
    chunked = pl.concat(pieces, rechunk=False)
    sliced = pl.concat([frame.head(7), frame, frame.tail(5)]).slice(7, frame.height)
    assert chunked.n_chunks() == len(pieces)
    assert bits_of(size_portfolios(chunked, limits)) == bits_of(expected)
    assert bits_of(size_portfolios(sliced, limits)) == bits_of(expected)
    assert bits_of(size_portfolios(chunked.rechunk(), limits)) == bits_of(expected)


@pytest.mark.parametrize("share", [2, 7, 50])
def test_other_portfolios_in_the_frame_do_not_matter(share: int) -> None:
    frame, limits, expected = sized_batch()
    kept = list(limits)[::share]
    is_kept = pl.col("portfolio_id").is_in(kept)
    alone = size_portfolios(frame.filter(is_kept), {name: limits[name] for name in kept})
    assert bits(alone.positions) == bits(expected.positions.filter(is_kept))
    assert bits(alone.portfolios) == bits(expected.portfolios.filter(is_kept))


@pytest.mark.slow
def test_portfolios_alone_say_the_same_as_in_company() -> None:
    frame, limits, expected = sized_batch()
    is_told = pl.col("relaxation").is_not_null()
    told = expected.portfolios.filter(is_told)["portfolio_id"].head(12).to_list()
    plain = expected.portfolios.filter(~is_told)["portfolio_id"].head(4).to_list()
    for name in told + plain:
        is_one = pl.col("portfolio_id") == name
        alone = size_portfolios(frame.filter(is_one), {name: limits[name]})
        assert alone.portfolios.rows(named=True) == expected.portfolios.filter(is_one).rows(named=True)
        assert bits(alone.positions) == bits(expected.positions.filter(is_one))


@BUDGET
@given(asked=frames)
def test_a_portfolio_alone_is_sized_as_in_company(asked: list[Asked]) -> None:
    frame, limits = frame_and_limits([*asked, *make_batch(SEED, count=3)])
    together = size_portfolios(frame, limits)
    is_first = pl.col("portfolio_id") == "P000000"
    alone = size_portfolios(frame.filter(is_first), {"P000000": limits["P000000"]})
    assert bits(alone.positions) == bits(together.positions.filter(is_first))
    assert bits(alone.portfolios) == bits(together.portfolios.filter(is_first))


def test_the_order_of_the_limits_does_not_matter() -> None:
    frame, limits, expected = sized_batch()
    assert bits_of(size_portfolios(frame, dict(reversed(limits.items())))) == bits_of(expected)


def test_one_limit_for_all_is_the_same_as_a_mapping_that_repeats_it() -> None:
    frame, limits, _ = sized_batch()
    one = limits["P000001"]
    repeated = dict.fromkeys(frame["portfolio_id"].unique(), one)
    assert bits_of(size_portfolios(frame, one)) == bits_of(size_portfolios(frame, repeated))


def test_renaming_assets_without_changing_their_order_does_not_matter() -> None:
    frame, limits, expected = sized_batch()
    names = sorted(frame["asset"].unique())
    renamed_to = {name: f"renamed {number:06d}" for number, name in enumerate(names)}
    renamed = size_portfolios(frame.with_columns(pl.col("asset").replace_strict(renamed_to)), limits)
    told = ("asset", "sizing_reason")
    assert bits(renamed.positions.drop(told)) == bits(expected.positions.drop(told))
    assert renamed.positions["asset"].to_list() == [renamed_to[name] for name in expected.positions["asset"]]
    assert bits(renamed.portfolios) == bits(expected.portfolios)


@pytest.mark.slow
def test_rows_come_in_the_documented_order_and_keep_their_other_columns() -> None:
    frame, limits, expected = sized_batch()
    numbered = frame.with_row_index("row_number").with_columns(note=pl.col("asset") + "!")
    result = size_portfolios(numbered, limits)
    assert result.positions.sort("portfolio_id", "score_rank")["row_number"].equals(result.positions["row_number"])
    assert result.portfolios["portfolio_id"].to_list() == sorted(limits)
    kept = result.positions.sort("row_number")
    assert kept.select("row_number", *frame.columns, "note").equals(
        numbered.select("row_number", *frame.columns, "note")
    )
    assert bits(result.positions.select(expected.positions.columns)) == bits(expected.positions)


@pytest.mark.slow
def test_the_input_is_left_as_it_was() -> None:
    frame, limits, _ = sized_batch()
    before = bits(frame)
    size_portfolios(frame, limits)
    assert bits(frame) == before
