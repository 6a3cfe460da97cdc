"""Names that are typed into flags: composed and trimmed as everywhere, and what is no name is said."""

import pytest
from cyclopts import CycloptsError

from flows.cli.app import app

ASKED = (
    (("targets", "Cafe\u0301 ", "b"), "portfolios", ("Caf\u00e9", "b")),
    (("explain", "core ", "AMZN\u00a0"), "asset", "AMZN"),
    (("explain", " core", "CASH"), "asset", "CASH"),
    (("diff", "--portfolio", "Cafe\u0301"), "portfolio", "Caf\u00e9"),
    (("report", "--portfolio", "a ", "--portfolio", "b"), "portfolio", ("a", "b")),
    (("run", "--portfolio", "Cafe\u0301"), "portfolio", ("Caf\u00e9",)),
    (("plan", "--portfolio", "Cafe\u0301"), "portfolio", ("Caf\u00e9",)),
    (("halt", "Cafe\u0301", "--reason", "x"), "portfolio_ids", ("Caf\u00e9",)),
    (("resume", "b", "Cafe\u0301", "--reason", "x"), "portfolio_ids", ("b", "Caf\u00e9")),
)


@pytest.mark.parametrize(("words", "parameter", "meant"), ASKED)
def test_a_name_is_found_however_it_is_composed(words: tuple[str, ...], parameter: str, meant: object) -> None:
    _, bound, _ = app.parse_args(list(words), exit_on_error=False, print_error=False)
    assert bound.arguments[parameter] == meant


@pytest.mark.parametrize("words", [words for words, _, _ in ASKED])
@pytest.mark.parametrize("typed", ["", " ", "a\u200b", "\u3164", "a\x1b[31m", "\udcff", "a" * 300])
def test_what_is_no_name_is_said_escaped(words: tuple[str, ...], typed: str) -> None:
    names = {"Cafe\u0301", "Cafe\u0301 ", "core ", " core", "a ", "b"}
    with pytest.raises(CycloptsError) as caught:
        app.parse_args([typed if word in names else word for word in words], exit_on_error=False, print_error=False)
    assert "is no name" in str(caught.value)
    assert str(caught.value).isprintable()
