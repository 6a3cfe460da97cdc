"""Portfolios in a table beside portfolios.yaml, through the commands that a user types."""

import json
from pathlib import Path

import pytest

from tasks.config.settings import Settings
from tests.helpers.command_line import Ballast
from tests.helpers.installation import installed_in

DAY = "2025-06-02"
NAMES = [f"fund_{number:02}" for number in range(23)]
GROWTH, INCOME = "{preset: aggressive, max_new_positions: 8}", "{preset: conservative, max_single_position: 0.02}"
SETS = f"limit_sets:\n  growth: {GROWTH}\n  income: {INCOME}\nportfolios_file: tables/portfolios.csv\n"


@pytest.fixture
def settings(tmp_path: Path, sample: Path) -> Settings:
    """Twenty-three portfolios in a table, and one in the file."""
    (tmp_path / "tables").mkdir()
    rows = [f"{name},{'income' if number % 3 else 'growth'}" for number, name in enumerate(NAMES)]
    (tmp_path / "tables" / "portfolios.csv").write_text("\n".join(["portfolio_id,limit_set", *rows, ""]))
    config = tmp_path / "portfolios.yaml"
    config.write_text(f"{SETS}portfolios:\n  own:\n")
    return installed_in(tmp_path, sample, config)


@pytest.fixture(autouse=True)
def _elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")


def test_the_commands_before_a_run_know_the_portfolios_of_the_table(ballast: Ballast, settings: Settings) -> None:
    code, out, err = ballast("validate", "--as-of", DAY, "--json")
    found = [one for one in json.loads(out) if "max_single_position" in one["what"]]
    assert (code, "24 portfolios: ready" in err) == (0, True), err
    # What is said of a set is said once, where the set stands, and what it reaches of its first portfolio.
    assert [one["where"].rpartition("portfolios.yaml:")[2] for one in found] == ["3:3", "3:3"]
    assert [one["what"].partition(":")[0] for one in found] == ["limit set income", "portfolio fund_01"]
    code, _, err = ballast("run", "--as-of", DAY, "--portfolio", "fund_99")
    assert (code, "--portfolio fund_99 is unknown; did you mean fund_" in err) == (2, True)
    table = settings.config.parent / "tables" / "portfolios.csv"
    table.write_text(f"{table.read_text()}fund_00,growth\n")
    code, _, err = ballast("run", "--as-of", DAY)
    assert (code, "1 portfolio has more than one row: fund_00 (the first in rows 1, 24)" in err) == (1, True), err


@pytest.mark.slow
def test_changed_limits_count_for_portfolios_of_the_table(ballast: Ballast) -> None:
    code, _, err = ballast("plan", "--as-of", DAY, "--portfolio", "fund_01", "--max-single-position", "0.1")
    assert (code, "max_single_position 0.1 (0.02)" in err) == (0, True), err
