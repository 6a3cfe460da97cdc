"""What a program reads is byte for byte what is stored, of every type; what a terminal gets never controls it."""

import csv
import io
import json
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

import duckdb
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.panel import Panel
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from flows.cli.app import app
from flows.terminal.console import show
from flows.terminal.escaping import SafeConsole
from flows.terminal.logs import SafeConsoleHandler
from flows.terminal.output import write_rows
from flows.terminal.parameters import OutputFormat
from sql.warehouse import Warehouse
from tasks.errors import UsageError
from tests.helpers.command_line import Ballast, typed

DEFUSED = OutputFormat(csv=True, escape_formulas=True)
FORMS = (OutputFormat(), OutputFormat(csv=True), OutputFormat(json=True))
OF_TYPE = {
    "ARRAY": ("[1, 2]::INTEGER[2]", "1; 2"),
    "BIGINT": ("-9223372036854775808", "-9223372036854775808"),
    "BIGNUM": ("'170141183460469231731687303715884105728'::BIGNUM", "170141183460469231731687303715884105728"),
    "BIT": ("'0101'::BIT", "0101"),
    "BLOB": (r"'\x00x'::BLOB", r"\x00x"),
    "BOOLEAN": ("true", "true"),
    "DATE": ("DATE '2025-06-02'", "2025-06-02"),
    "DECIMAL": ("12345678901234567890123456789.012345678::DECIMAL(38, 9)", "12345678901234567890123456789.012345678"),
    "DOUBLE": ("0.1::DOUBLE", "0.1"),
    "ENUM": ("'a'::ENUM('a', 'b')", "a"),
    "FLOAT": ("1.5::FLOAT", "1.5"),
    "GEOMETRY": ("'POINT (1 2)'::GEOMETRY", "POINT (1 2)"),
    "HUGEINT": ("170141183460469231731687303715884105727", "170141183460469231731687303715884105727"),
    "INTEGER": ("1::INTEGER", "1"),
    "INTERVAL": ("INTERVAL 1 DAY", "1 day"),
    "LIST": ("['a', 'b']", "a; b"),
    "MAP": ("MAP {'k': 1}", "{k=1}"),
    "NULL": ("NULL", ""),
    "SMALLINT": ("1::SMALLINT", "1"),
    "STRUCT": ("{'k': 1}", "{'k': 1}"),
    "TIME": ("TIME '24:00:00'", "24:00:00"),
    "TIME WITH TIME ZONE": ("TIMETZ '10:00:00+02'", "10:00:00+02"),
    "TIMESTAMP": ("TIMESTAMP 'infinity'", "infinity"),
    "TIMESTAMP WITH TIME ZONE": ("TIMESTAMPTZ '-infinity'", "-infinity"),
    "TIMESTAMP_MS": ("TIMESTAMP_MS 'infinity'", "infinity"),
    "TIMESTAMP_NS": ("TIMESTAMP_NS '2025-06-02 10:00:00.123456789'", "2025-06-02 10:00:00.123456789"),
    "TIMESTAMP_S": ("TIMESTAMP_S '2025-06-02 10:00:00'", "2025-06-02T10:00:00.000"),
    "TIME_NS": ("TIME_NS '10:00:00.123456789'", "10:00:00.123456789"),
    "TINYINT": ("1::TINYINT", "1"),
    "TYPE": ("get_type(1)", "INTEGER"),
    "UBIGINT": ("18446744073709551615::UBIGINT", "18446744073709551615"),
    "UHUGEINT": ("340282366920938463463374607431768211455::UHUGEINT", "340282366920938463463374607431768211455"),
    "UINTEGER": ("1::UINTEGER", "1"),
    "UNION": ("union_value(k := 1)", "1"),
    "USMALLINT": ("1::USMALLINT", "1"),
    "UTINYINT": ("1::UTINYINT", "1"),
    "UUID": ("'00000000-0000-0000-0000-000000000001'::UUID", "00000000-0000-0000-0000-000000000001"),
    "VARCHAR": ("'[red]a'", "[red]a"),
    "VARIANT": ("1::VARIANT", "1"),
}
"""A value of every type and what CSV says of it."""
ODD = [
    ("DATE '-infinity'", "-infinity"),
    ("DATE '290000-01-01'", "290000-01-01"),
    ("DATE '0044-03-15 (BC)'", "0044-03-15 (BC)"),
    ("TIMESTAMP '9999-12-31 23:59:59'", "9999-12-31T23:59:59.000000"),
    ("'nan'::DOUBLE", "NaN"),
    ("'-inf'::FLOAT", "-inf"),
    ("'{\"k\": 1}'::JSON", '{"k": 1}'),
    ("row(1, 2)", "(1, 2)"),
    ("{'size': 1, 'a \"b\"': 2}", "{'size': 1, 'a \"b\"': 2}"),
    ("[DATE 'infinity', NULL]", "infinity"),
    ("[{'k': [INTERVAL 1 DAY]}]", "[{'k': [1 day]}]"),
]


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("empty")
    warehouse = Warehouse(folder / "live.duckdb", folder / "snapshot.duckdb", folder / "exports")
    warehouse.migrate()
    return warehouse.snapshot().path


@pytest.fixture
def ballast(snapshot: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Ballast:
    monkeypatch.setenv("BALLAST_SNAPSHOT", str(snapshot))
    monkeypatch.setenv("BALLAST_WAREHOUSE", str(snapshot.with_name("live.duckdb")))  # not that of who runs the tests
    return typed(capsys)


@contextmanager
def stdout(*, is_terminal: bool = False) -> Iterator[io.BytesIO]:
    """Catch the bytes that reach stdout."""

    class Stream(io.TextIOWrapper):
        def isatty(self) -> bool:
            return is_terminal

    caught = io.BytesIO()
    with pytest.MonkeyPatch.context() as patched:
        stream = Stream(caught, encoding="utf-8", newline="")
        patched.setattr(sys, "stdout", stream)
        yield caught
        stream.detach()


def test_every_type_of_the_database_has_an_example() -> None:
    types = duckdb.sql("SELECT DISTINCT logical_type FROM duckdb_types()").fetchall()
    assert {name for (name,) in types} == set(OF_TYPE)


def test_a_value_of_any_type_is_shown_in_all_forms(ballast: Ballast) -> None:
    values, shown = zip(*OF_TYPE.values(), *ODD, strict=True)
    query = f"SELECT {', '.join(f'{value} AS c{number}' for number, value in enumerate(values))}"
    code, out, _ = ballast("sql", "--csv", query)
    _, row = csv.reader(io.StringIO(out, newline=""))
    assert (code, row) == (0, list(shown))
    for form in ([], ["--json"]):
        assert ballast("sql", *form, query)[0] == 0


def test_a_value_of_any_type_is_shown_inside_another(ballast: Ballast) -> None:
    values = [value for value, _ in [*OF_TYPE.values(), *ODD]]
    nested = (
        f"SELECT [{value}] AS l, {{'k': {value}}} AS s, MAP {{'k': {value}}} AS m, union_value(k := {value}) AS u"
        for value in values
    )
    query = f"SELECT {', '.join(f'({one}) AS c{number}' for number, one in enumerate(map(_as_row, nested)))}"
    for form in ([], ["--csv"], ["--json"]):
        code, out, _ = ballast("sql", *form, query)
        assert code == 0
    for value, row in zip(values, json.loads(out)[0].values(), strict=True):
        assert row["m"] == row["s"] == {"k": row["l"][0]}, value


def _as_row(query: str) -> str:
    return f"SELECT one FROM ({query}) AS one"


@pytest.mark.parametrize(
    ("value", "held"),
    [
        (OF_TYPE["HUGEINT"][0], 2**127 - 1),
        (OF_TYPE["UHUGEINT"][0], 2**128 - 1),
        ("sum(0.1::DECIMAL(10, 8))", 0.1),
        (OF_TYPE["DECIMAL"][0], OF_TYPE["DECIMAL"][1]),
        ("unnest([1.5, 'nan'::DOUBLE])", "1.5"),
        ("unnest([DATE '2025-06-02', DATE 'infinity'])", "2025-06-02"),
        ("{'k': [INTERVAL 1 DAY]}", {"k": ["1 day"]}),
    ],
)
def test_json_has_a_number_where_it_holds_all_of_it(ballast: Ballast, value: str, held: object) -> None:
    assert json.loads(ballast("sql", "--json", f"SELECT {value} AS a")[1])[0] == {"a": held}


def test_two_columns_of_one_name_are_both_shown(ballast: Ballast) -> None:
    assert ballast("sql", "--csv", "SELECT 1 AS a, 2 AS a_1, 3 AS a, DATE 'infinity' AS a")[1] == (
        "a,a_1,a_2,a_3\n1,2,3,infinity\n"
    )


TEXTS = st.text(st.characters(exclude_categories=["Cs"]))


@settings(deadline=None)
@given(texts=st.lists(TEXTS, min_size=1), name=TEXTS)
def test_csv_and_json_to_a_file_are_byte_for_byte(texts: list[str], name: str) -> None:
    frame = pl.DataFrame({name: texts})
    with stdout() as caught:
        write_rows(frame, OutputFormat(csv=True))
    assert caught.getvalue() == frame.write_csv().encode()
    assert [row[0] for row in csv.reader(io.StringIO(caught.getvalue().decode(), newline=""))] == [name, *texts]
    with stdout() as caught:
        write_rows(frame, OutputFormat(json=True))
    assert json.loads(caught.getvalue()) == [{name: text} for text in texts]


@pytest.mark.parametrize("width", ["20", "200"])
def test_no_width_wraps_what_a_program_reads(monkeypatch: pytest.MonkeyPatch, width: str) -> None:
    monkeypatch.setenv("COLUMNS", width)
    text = "[red]a\tb\rc\x0c\x1b[31m " + "long " * 5000
    for form in (OutputFormat(csv=True), OutputFormat(json=True)):
        with stdout() as caught:
            write_rows(pl.DataFrame({"a": [text]}), form)
        assert text in (caught.getvalue().decode() if form.csv else json.loads(caught.getvalue())[0]["a"])


@settings(deadline=None)
@given(
    texts=st.lists(TEXTS, min_size=1),
    name=TEXTS,
    form=st.sampled_from(FORMS),
)
def test_no_text_of_a_table_controls_a_terminal(texts: list[str], name: str, form: OutputFormat) -> None:
    frame = pl.DataFrame({name: texts})
    with stdout(is_terminal=True) as caught, pytest.MonkeyPatch.context() as patched:
        patched.setenv("NO_COLOR", "1")
        patched.setenv("TERM", "dumb")
        write_rows(frame, form, title=name)
    assert caught.getvalue().decode().replace("\n", "").isprintable()
    if form.json:
        assert json.loads(caught.getvalue()) == [{name: text} for text in texts]


@pytest.mark.slow
@settings(deadline=None)
@given(text=st.text())
def test_no_text_of_a_sentence_controls_a_terminal(text: str) -> None:
    caught = io.StringIO()
    console = SafeConsole(file=caught, force_terminal=True, no_color=True, color_system=None)
    table, tree = Table(title=text), Tree(text)
    table.add_column(text)
    table.add_row(text)
    tree.add(text)
    for shown in (text, Text(text), Panel(text, title=text), table, tree):
        console.print(shown, markup=False)
    assert caught.getvalue().replace("\n", "").isprintable()


@pytest.mark.parametrize("words", [["ex\x1b[31mplain"], ["sql", "--\x9b31m"], ["run", "--as-of", "\u202e1"]])
def test_a_wrong_word_does_not_control_the_terminal(capsys: pytest.CaptureFixture[str], words: list[str]) -> None:
    with pytest.raises(SystemExit):
        app(words)
    printed = capsys.readouterr()
    assert (printed.out + printed.err).replace("\n", "").isprintable()


@pytest.mark.parametrize("query", ["SELECT a\x1b[31m", 'SELECT * FROM "\x9b31m"', "\x1b[31m", "SELECT '\u202e'::INT"])
def test_an_error_that_repeats_a_query_is_escaped(ballast: Ballast, query: str) -> None:
    code, out, err = ballast("sql", query)
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert err.replace("\n", "").isprintable()


def test_a_log_does_not_control_the_terminal() -> None:
    caught = io.StringIO()
    record = logging.LogRecord("flow", logging.INFO, __file__, 1, "held: %s", ("\x1b[31m\u202ered",), None)
    SafeConsoleHandler(stream=caught).emit(record)
    assert caught.getvalue() == "held: \\x1b[31m\\u202ered\n"


def test_a_column_is_called_what_a_terminal_can_show(capsys: pytest.CaptureFixture[str]) -> None:
    for width in (20, 200):
        show(SafeConsole(width=width), pl.DataFrame({"\x1b[31mred": [1]}))
        assert r"\x1b[31mred" in capsys.readouterr().out


@pytest.mark.parametrize("first", list("=+-@\t\r\n＝＋－＠"))  # noqa: RUF001 - wide letters, as some spreadsheets take them
def test_a_spreadsheet_runs_no_text_where_that_is_asked(first: str) -> None:
    frame = pl.DataFrame({f"{first}name": [f"{first}1+1", "plain"], "l": [[f"{first}a", "b"], []]})
    numbers = pl.DataFrame(
        {"n": [-1.5, 2.0], "w": [Decimal("-0.10"), None], "i": [-(2**100), 1]}, schema_overrides={"i": pl.Int128}
    )
    with stdout() as caught:
        write_rows(pl.concat([frame, numbers], how="horizontal"), DEFUSED)
    header, row, plain = csv.reader(io.StringIO(caught.getvalue().decode(), newline=""))
    assert header == [f"'{first}name", "l", "n", "w", "i"]
    assert row == [f"'{first}1+1", f"'{first}a; b", "-1.5", "-0.10", str(-(2**100))]
    assert plain == ["plain", "", "2.0", "", "1"]


def test_formulas_are_escaped_only_in_csv() -> None:
    with pytest.raises(UsageError, match="add --csv"):
        OutputFormat(json=True, escape_formulas=True)
