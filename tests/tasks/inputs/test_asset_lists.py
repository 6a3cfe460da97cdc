"""What an asset list no longer has: the last bucket, and a guess where one went and one came."""

from collections.abc import Mapping
from datetime import date, timedelta

import polars as pl
import pytest

from tasks.inputs.asset_lists import find_delisted

FIRST = date(2025, 6, 2)

List = Mapping[str, str]


def _frame(assets: List) -> pl.DataFrame:
    return pl.DataFrame(list(assets.items()), {"asset": pl.String, "bucket": pl.String}, orient="row")


def _delisted(now: List, *former: List) -> list[tuple[str, str, str | None]]:
    lists = {FIRST + timedelta(days=number): _frame(one) for number, one in enumerate(former)}
    return find_delisted(_frame(now), lists).rows()


@pytest.mark.parametrize(
    ("now", "former", "delisted"),
    [
        ({"A": "t"}, [{"A": "t"}], []),
        ({"A": "t", "B": "t"}, [{"A": "t"}], []),
        ({"META": "t", "X": "e"}, [{"FB": "t", "X": "e"}], [("FB", "t", "META")]),
        ({"X": "e"}, [{"FB": "t", "X": "e"}], [("FB", "t", None)]),
        ({"M": "t", "N": "e"}, [{"F": "t", "G": "e"}], [("F", "t", "M"), ("G", "e", "N")]),
        ({"M": "t", "N": "t"}, [{"F": "t"}], [("F", "t", None)]),
        ({"M": "e"}, [{"F": "t"}], [("F", "t", "M")]),
        ({"M": "t"}, [{"F": "t", "G": "t"}], [("F", "t", None), ("G", "t", None)]),
        ({"A": "t"}, [{"A": "t", "F": "e"}, {"A": "t", "F": "h"}], [("F", "h", None)]),
        ({"A": "t", "M": "h"}, [{"A": "t", "F": "e"}, {"A": "t"}], [("F", "e", "M")]),
        ({}, [{"F": "t"}], [("F", "t", None)]),
        ({"A": "t"}, [], []),
    ],
)
def test_the_last_bucket_counts_and_one_for_one_is_guessed(
    now: List, former: list[List], delisted: list[tuple[str, str, str | None]]
) -> None:
    assert _delisted(now, *former) == delisted
