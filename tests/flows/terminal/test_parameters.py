"""Names and limits that are typed into flags: read as everywhere, and what is no name or no number is said."""

from pathlib import Path

import pytest
from cyclopts import CycloptsError

from flows.cli.app import app
from tasks.config.portfolios import load_portfolios

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


@pytest.mark.parametrize(
    ("flag", "typed", "meant"),
    [
        ("--max-total-positions", "7", 7),
        ("--max-total-positions", "+7", 7),
        ("--max-single-position", ".5", 0.5),
        ("--max-single-position", "1", 1.0),
        ("--max-single-position", "2e-1", 0.2),
        ("--max-residual-multiple", "0.25", 0.25),
        ("--max-residual-multiple", "none", None),
        ("--replacement-margin", "NULL", None),
        ("--replacement-margin", "0.1", 0.1),
        ("--max-allocation-by-bucket.Energy", "0.25", {"Energy": 0.25}),
        ("--max-positions-by-bucket.Energy", "2", {"Energy": 2}),
    ],
)
def test_a_limit_is_a_decimal_number(flag: str, typed: str, meant: object) -> None:
    _, bound, _ = app.parse_args(["plan", flag, typed], exit_on_error=False, print_error=False)
    name = flag.removeprefix("--").partition(".")[0].replace("-", "_")
    assert bound.arguments["limits"][name] == meant


@pytest.mark.parametrize(
    "flag",
    [
        "--max-total-positions",
        "--max-single-position",
        "--max-residual-multiple",
        "--replacement-margin",
        "--max-positions-by-bucket.A",
    ],
)
@pytest.mark.parametrize(
    "typed", ["010", "0x10", "0b1", "0o7", "1_0", "1:00", "\u0663", "\u0660.\u0665", "inf", "nan", "1,5"]
)
def test_what_only_looks_like_a_number_is_no_limit(flag: str, typed: str) -> None:
    with pytest.raises(CycloptsError):
        app.parse_args(["plan", flag, typed], exit_on_error=False, print_error=False)


@pytest.mark.parametrize("typed", ["5.5", "5e-1", "1e-300"])
def test_a_whole_number_is_never_rounded(typed: str) -> None:
    with pytest.raises(CycloptsError, match="whole"):
        app.parse_args(["plan", "--max-total-positions", typed], exit_on_error=False, print_error=False)


@pytest.mark.parametrize("typed", ["5", "5.0", "50e-1", "+5"])
def test_a_whole_number_is_read_as_in_the_config(typed: str, tmp_path: Path) -> None:
    _, bound, _ = app.parse_args(["plan", "--max-total-positions", typed], exit_on_error=False, print_error=False)
    config = tmp_path / "portfolios.yaml"
    config.write_text(f"portfolios: {{core: {{max_total_positions: {typed}}}}}\n")
    assert bound.arguments["limits"]["max_total_positions"] == 5
    assert load_portfolios(config)["core"].max_total_positions == 5


def test_a_tier_is_read_by_its_fields() -> None:
    _, bound, _ = app.parse_args(["plan", "--score-tiers", "0.9", "max", "1.5"], exit_on_error=False, print_error=False)
    assert bound.arguments["limits"]["score_tiers"] == ((0.9, "max", 1.5),)
    with pytest.raises(CycloptsError):
        app.parse_args(["plan", "--score-tiers", "0.9", "max", "0x1"], exit_on_error=False, print_error=False)
