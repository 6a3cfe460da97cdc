"""The table of portfolios beside portfolios.yaml: which portfolio has which set of limits, and what can be wrong."""

from pathlib import Path

import polars as pl
import pytest

from sizing.approval import ApprovalPolicy
from sizing.names import MOST_CHARACTERS, fault, has_fault
from tasks.config import portfolios as config_reader
from tasks.config.limit_overrides import change_limits
from tasks.config.portfolios import PortfolioSettings, read_config
from tasks.errors import ConfigError, UsageError

_CONFIG = """\
defaults: {max_total_positions: 30}
limit_sets:
  growth: {preset: aggressive, exchange: XLON, approval: always}
  income: {max_single_position: 0.06}
portfolios_file: table.csv
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "portfolios.yaml").write_text(_CONFIG)
    return tmp_path


def _write(folder: Path, *rows: str, header: str = "portfolio_id,limit_set") -> Path:
    (folder / "table.csv").write_text("\n".join([header, *rows, ""]))
    return folder / "portfolios.yaml"


def _problem(config: Path) -> str:
    with pytest.raises(ConfigError) as caught:
        read_config(config)
    return str(caught.value)


def test_a_portfolio_of_the_table_has_the_limits_and_terms_of_its_set(folder: Path) -> None:
    file = read_config(_write(folder, "a,growth", "b,income", "c,growth"))
    assert list(file.limits) == ["a", "b", "c"]
    assert file.limits["b"].max_single_position == 0.06
    assert file.limits["b"].max_total_positions == 30
    assert file.terms["c"] == PortfolioSettings("XLON", ApprovalPolicy(always=True))
    assert file.terms["b"] == PortfolioSettings()
    assert file.set_of == {"a": "growth", "b": "income", "c": "growth"}


def test_portfolios_of_a_set_share_its_limits_which_are_made_once(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []
    original = config_reader.Layers.limits
    monkeypatch.setattr(config_reader.Layers, "limits", lambda self: made.append(1) or original(self))
    file = read_config(_write(folder, *(f"p{number:04},growth" for number in range(2_000)), "z,income"))
    assert len(file.limits) == 2_001
    assert len({id(one) for one in file.limits.values()}) == len({id(one) for one in file.terms.values()}) == 2
    assert len(made) == 2


def test_portfolios_may_stand_in_the_yaml_file_beside_the_table(folder: Path) -> None:
    config = _write(folder, "a,growth")
    config.write_text(f"{_CONFIG}portfolios: {{own: {{max_single_position: 0.06}}}}\n")
    file = read_config(config)
    assert list(file.limits) == ["own", "a"]
    # What is written alike is one object, wherever it is written.
    assert file.limits["own"] is file.limit_sets["income"]


def test_a_parquet_table_is_read_with_texts_of_any_encoding(folder: Path) -> None:
    config = _write(folder)
    config.write_text(_CONFIG.replace("table.csv", "sub/table.parquet"))
    (folder / "sub").mkdir()
    rows = pl.DataFrame({"limit_set": ["income", "income"], "portfolio_id": ["a", "b"]})
    rows.cast({"limit_set": pl.Categorical}).write_parquet(folder / "sub" / "table.parquet")
    assert read_config(config).set_of == {"a": "income", "b": "income"}


def test_letters_of_names_are_composed(folder: Path) -> None:
    assert list(read_config(_write(folder, "re\u0301,income")).limits) == ["r\u00e9"]


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        (["a,growth", ",income", ",income"], "2 rows have no portfolio_id (rows 2, 3): fill it in"),
        (["a,"], "1 row has no limit_set (row 1): fill it in"),
        (["a,growth", "b"], "1 row has no limit_set (row 2): fill it in"),
        (
            ["a,growth", "b,income", "a,income"],
            "1 portfolio has more than one row: a (the first in rows 1, 3): keep one row of each",
        ),
        (["a,grwth"], "1 row has a limit_set that is none of limit_sets (row 1): limit_set grwth is unknown; did you"),
        (["CASH,growth"], "Of CASH: CASH is what the sizer leaves over"),
        (["'a ',growth".replace("'", '"')], "Of 'a ': there are blanks around it"),
        (["a\u200bb,growth"], "the character U+200B cannot be seen"),
        (["own,growth"], "1 portfolio with a row is under `portfolios` too: own: keep one of the two"),
    ],
)
def test_a_mistake_in_the_table_is_reported_with_its_row(folder: Path, rows: list[str], told: str) -> None:
    config = _write(folder, *rows)
    config.write_text(f"{_CONFIG}portfolios: {{own: }}\n")
    problem = _problem(config)
    assert problem.startswith(f"{config}:5:1: portfolios_file table.csv: ")
    assert told in problem


def test_mistakes_of_many_rows_name_ten_and_count_the_others(folder: Path) -> None:
    problem = _problem(_write(folder, *(f"p{number:03},nowhere" for number in range(500))))
    assert "500 rows have a limit_set that is none of limit_sets (rows 1, 2, 3" in problem
    assert "10 and 490 more)" in problem
    assert len(problem) < 1_000


def test_mistakes_of_the_table_and_of_the_yaml_file_are_reported_together(folder: Path) -> None:
    config = _write(folder, "a,growth", "a,growth", "CASH,income")
    config.write_text(_CONFIG.replace("0.06", "6"))
    problem = _problem(config)
    assert "3 mistakes" in problem
    assert "limit set income: max_single_position: expected a number above 0 and at most 1, got 6" in problem


@pytest.mark.parametrize(
    ("header", "told"),
    [
        ("portfolio,limit_set", "portfolio_id is missing; portfolio is unknown (did you mean portfolio_id?)"),
        ("portfolio_id,limit_set,note", "note is unknown: expected the columns portfolio_id, limit_set and no other"),
        ("portfolio_id;limit_set", "portfolio_id, limit_set are missing"),
    ],
)
def test_other_columns_are_rejected(folder: Path, header: str, told: str) -> None:
    row = header.replace("portfolio_id", "a").replace("limit_set", "growth")
    assert told in _problem(_write(folder, row, header=header))


def test_a_number_as_name_is_rejected(folder: Path) -> None:
    config = _write(folder)
    config.write_text(_CONFIG.replace("table.csv", "table.parquet"))
    pl.DataFrame({"portfolio_id": [1], "limit_set": ["growth"]}).write_parquet(folder / "table.parquet")
    assert "portfolio_id is Int64, not text: expected the columns" in _problem(config)


def test_a_table_that_cannot_be_read_is_reported(folder: Path) -> None:
    config = folder / "portfolios.yaml"
    assert "table.csv is missing: write it" in _problem(config)
    (folder / "table.csv").write_bytes(b"")
    assert "portfolio_id, limit_set are missing" in _problem(config)
    assert "has no row: expected a row a portfolio" in _problem(_write(folder))
    (folder / "table.csv").write_bytes(b"portfolio_id,limit_set\n\xff\xfe,growth\n")
    assert "cannot be read: " in _problem(config)
    (folder / "table.csv").write_bytes(b'portfolio_id,limit_set\n"a,growth\n')
    assert "table.csv" in _problem(config)
    (folder / "table.csv").unlink()
    (folder / "table.csv").mkdir()
    assert "cannot be read: it is a folder, not a file" in _problem(config)
    config.write_text(_CONFIG.replace("table.csv", "table.parquet"))
    (folder / "table.parquet").write_bytes(b"PAR1 damaged")
    assert "table.parquet cannot be read: " in _problem(config)
    config.write_text(_CONFIG.replace("table.csv", "table.xlsx"))
    assert "expected a name that ends with .csv or .parquet" in _problem(config)
    config.write_text(_CONFIG.replace("table.csv", "7"))
    assert "portfolios_file: expected a path, such as portfolios.csv, got 7" in _problem(config)


def test_limit_sets_without_a_table_are_reported(folder: Path) -> None:
    config = folder / "portfolios.yaml"
    config.write_text("limit_sets: {growth: }\nportfolios: {a: }\n")
    assert "limit_sets are those of a portfolios_file, and there is none" in _problem(config)


def test_a_set_that_no_portfolio_has_is_noted(folder: Path) -> None:
    notes = read_config(_write(folder, "a,growth")).notes
    assert "limit sets that no portfolio has: income" in [one.message for one in notes]


def test_changed_limits_that_cannot_be_name_the_portfolios_of_each_set(folder: Path) -> None:
    limits = read_config(_write(folder, "a,growth", "b,income", "c,income")).limits
    with pytest.raises(UsageError, match=r"\(portfolio b, c\)$"):
        change_limits(limits, {"min_position_size": 0.1})


@pytest.mark.parametrize(
    "name",
    [
        *("a", "", " a", "a ", "\u00a0a", "CASH", "cash", "a b", "a\tb", "\u3000", "\u200b", "\ue000", "\U000e0001"),
        *("x" * MOST_CHARACTERS, "x" * (MOST_CHARACTERS + 1), "\U0001f600" * MOST_CHARACTERS, "r\u00e9", "a\n", "\n"),
    ],
)
def test_names_of_a_column_obey_the_same_rules(name: str) -> None:
    assert pl.select(has_fault(pl.lit(name))).item() == bool(fault(name))
