"""Integer keys sort as the columns and names that they stand for."""

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from sizing.frames.integer_keys import code, code_among, packed

HIGHEST = 2**32 - 1
BUDGET = settings(deadline=None)  # the first call of Polars is slow

keys = st.lists(st.tuples(*[st.sampled_from((0, 1, 2, HIGHEST - 1, HIGHEST))] * 3), max_size=30)


@BUDGET
@given(keys)
def test_packed_keys_sort_as_the_columns_do(rows: list[tuple[int, int, int]]) -> None:
    frame = pl.DataFrame(rows, schema=dict.fromkeys("abc", pl.UInt32), orient="row")
    assert frame.sort(packed("a", "b", "c")).rows() == sorted(rows)
    assert frame.sort(packed("a", "b"), maintain_order=True).rows() == sorted(rows, key=lambda row: row[:2])


@BUDGET
@given(st.lists(st.text(max_size=3), max_size=20))
def test_codes_keep_the_order_of_names(names: list[str]) -> None:
    codes = code(pl.Series(names, dtype=pl.String)).to_list()
    order = sorted(set(names), key=str.encode)
    assert [order[one] for one in codes] == names
    assert code_among(pl.Series(names, dtype=pl.String), pl.Series(order, dtype=pl.String)).to_list() == codes
