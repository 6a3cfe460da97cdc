"""The same rows for a person, for a program and for a spreadsheet."""

import datetime as dt
import io
import json
from decimal import Decimal

import polars as pl
import pytest

from flows.terminal.output import write_rows
from flows.terminal.parameters import OutputFormat
from tasks.errors import UsageError

FRAME = pl.DataFrame(
    {
        "asset": ["[b]AMZN[/b]", 'a "quoted", name'],
        "target_weight": pl.Series([Decimal("0.10000001"), None], dtype=pl.Decimal(10, 8)),
        "as_of_date": [dt.date(2025, 6, 2)] * 2,
        "buckets": [["Energy", "Utilities"], []],
    }
)


def test_json_has_numbers_days_and_lists_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    write_rows(FRAME, OutputFormat(json=True), "no title in it")
    first, second = json.loads(capsys.readouterr().out)
    assert first == {
        "asset": "[b]AMZN[/b]",
        "target_weight": 0.10000001,
        "as_of_date": "2025-06-02",
        "buckets": ["Energy", "Utilities"],
    }
    assert second["target_weight"] is None
    assert second["asset"] == 'a "quoted", name'


def test_csv_can_be_read_back_to_the_same_weights(capsys: pytest.CaptureFixture[str]) -> None:
    write_rows(FRAME, OutputFormat(csv=True), "no title in it")
    read = pl.read_csv(io.StringIO(capsys.readouterr().out), schema_overrides={"target_weight": pl.Decimal(10, 8)})
    assert read["target_weight"].to_list() == FRAME["target_weight"].to_list()
    assert read["asset"].to_list() == FRAME["asset"].to_list()
    assert read["buckets"].to_list() == ["Energy; Utilities", ""]


def test_a_table_is_what_a_person_gets(capsys: pytest.CaptureFixture[str]) -> None:
    write_rows(FRAME, OutputFormat(), "Targets")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].strip() == "Targets"
    assert lines[2].split() == ["asset", "target_weight", "as_of_date", "buckets"]


def test_two_forms_at_once_are_refused() -> None:
    with pytest.raises(UsageError, match="use one of them"):
        OutputFormat(json=True, csv=True)
