"""How many names a sentence lists before it counts the others."""

import pytest

from sizing.wording import listed


@pytest.mark.parametrize(
    ("names", "told"),
    [
        ([], ""),
        (["A"], "A"),
        (["A", "B"], "A, B"),
        (["A", "B", "C"], "A, B and 1 more"),
        (["A", "B", "C", "D"], "A, B and 2 more"),
    ],
)
def test_the_first_names_are_listed_and_the_others_counted(names: list[str], told: str) -> None:
    assert listed(names, 2) == told


def test_what_stands_between_two_names_can_be_said() -> None:
    assert listed(["A", "B", "C"], 2, between=" and ") == "A and B and 1 more"
