"""How many names a sentence lists before it counts the others."""

import pytest

from sizing.text import MOST_NAMED, first_of, grouped, listed

TEN = [f"P{number}" for number in range(MOST_NAMED)]


@pytest.mark.parametrize(
    ("names", "told"),
    [
        ([], ""),
        (["A"], "A"),
        (["A", "B"], "A, B"),
        (TEN, ", ".join(TEN)),
        ([*TEN, "A"], f"{', '.join(TEN)} and 1 more"),
        (TEN * 200, f"{', '.join(TEN)} and 1990 more"),
    ],
)
def test_the_first_names_are_listed_and_the_others_counted(names: list[str], told: str) -> None:
    assert listed(names) == told


def test_what_stands_between_two_names_can_be_said() -> None:
    assert listed(["A", "B"], between=" and ") == "A and B"


def test_of_many_sentences_the_first_are_said_and_the_others_counted() -> None:
    assert first_of(TEN) == TEN
    assert first_of([*TEN, "A"]) == [*TEN, "and 1 more"]


def test_few_names_keep_a_sentence_each() -> None:
    assert grouped((name, "is late") for name in TEN) == [(name, "is late") for name in TEN]


def test_many_names_share_a_sentence_and_the_most_come_first() -> None:
    said = [("A", "is new"), *((name, "is late") for name in TEN), ("B", "is late")]
    assert grouped(said) == [(f"{', '.join(TEN)} and 1 more", "is late"), ("A", "is new")]
