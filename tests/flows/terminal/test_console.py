"""Tables fit the terminal, and nothing that they show is cut or changed."""

import io
import os
import subprocess
import sys
from decimal import Decimal

import polars as pl
import pytest
from rich.console import Console

from flows.terminal.console import print_error, show
from tasks.config.settings import Settings
from tasks.errors import SourceError

FRAME = pl.DataFrame(
    {
        "portfolio_id": ["core", "income"],
        "asset": ["AMZN", None],
        "target_weight": pl.Series([Decimal("0.10"), Decimal("0.00000001")], dtype=pl.Decimal(10, 8)),
        "target_reason": ["a long sentence, " * 6 + "and its end.", ":x: [bold]kept as it is[/]"],
    }
)
WORDS = ["core", "income", "AMZN", "0.10000000", "0.00000001", "and its end.", ":x: [bold]kept as it is[/]"]


def printed(width: int, *, terminal: bool = True) -> str:
    out = io.StringIO()
    show(Console(file=out, width=width, emoji=False, highlight=False, force_terminal=terminal, no_color=True), FRAME)
    return out.getvalue()


@pytest.mark.parametrize("width", [20, 40, 60, 80, 120, 400])
def test_every_word_is_there_at_any_width(width: int) -> None:
    text = " ".join(printed(width, terminal=False).split())
    assert [word for word in WORDS if word.replace(" ", "") not in text.replace(" ", "")] == []


def test_a_wide_terminal_shows_one_row_a_line() -> None:
    [line] = [line for line in printed(400, terminal=False).splitlines() if "income" in line]
    assert line.split()[:3] == ["income", "0.00000001", ":x:"]


@pytest.mark.parametrize("width", [30, 400])
def test_a_value_that_no_terminal_has_room_for_is_cut_with_its_length(width: int) -> None:
    out = io.StringIO()
    frame = pl.DataFrame({"text": ["x" * 10_000_000], "list": [["y" * 5_000]]})
    show(Console(file=out, width=width, force_terminal=False), frame)
    text = "".join(out.getvalue().split())
    assert "x...(10,000,000characters)" in text
    assert "y...(5,004characters)" in text
    assert len(text) < 6_000


def test_a_narrow_terminal_shows_one_field_a_line() -> None:
    lines = printed(40, terminal=False).splitlines()
    assert " portfolio_id  core" in lines
    assert "target_weight  0.10000000" in lines


def test_no_line_of_a_table_is_wider_than_the_terminal() -> None:
    assert max(map(len, printed(100, terminal=False).splitlines())) <= 100


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.816400000001, "0.816400000001"), (0.1 + 0.2, "0.3"), (10.0, "10"), (1 / 3, "0.333333333333")],
)
def test_a_score_is_shown_to_the_unit_in_which_scores_are_compared(value: float, shown: str) -> None:
    out = io.StringIO()
    show(Console(file=out, width=80), pl.DataFrame({"entry_score": [value]}))
    assert out.getvalue().split()[-1] == shown


@pytest.mark.parametrize("width", [20, 400])
def test_a_terminal_is_shown_control_characters_and_does_not_obey_them(width: int) -> None:
    out = io.StringIO()
    show(Console(file=out, width=width), pl.DataFrame({"reason": ["a\x1b[2J\u202eb\nc"]}))
    assert r"a\x1b[2J\u202eb" in out.getvalue()
    assert "\x1b" not in out.getvalue()


def test_an_error_does_not_control_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    print_error(SourceError("column \x1b[31m[red]x"))
    assert capsys.readouterr().err == "error: column \\x1b[31m[red]x\n"


@pytest.mark.parametrize("width", [20, 400])
def test_a_value_of_several_lines_is_one_line(width: int) -> None:
    out = io.StringIO()
    show(
        Console(file=out, width=width, force_terminal=False),
        pl.DataFrame({"by": ["me"], "reason": ["odd\nall is well"]}),
    )
    assert "\\n" in out.getvalue()
    assert not any(line.strip().startswith("all is well") for line in out.getvalue().splitlines())


@pytest.mark.slow
@pytest.mark.parametrize("words", [["status"], ["targets", "--csv"], ["sql", "FROM range(100000)"]])
def test_a_reader_that_has_gone_changes_no_exit_code(sample_week: Settings, words: list[str]) -> None:
    paths = ["--snapshot", str(sample_week.snapshot)]
    reading, writing = os.pipe()
    os.close(reading)
    environment = {**os.environ, "PREFECT_SERVER_API_PORT": "9"}
    done = subprocess.run(
        [sys.executable, "-m", "flows.cli.app", *words, *paths],
        stdout=writing,
        stderr=subprocess.PIPE,
        env=environment,
        check=False,
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, b"")
