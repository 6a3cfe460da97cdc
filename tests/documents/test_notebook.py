"""docs/notebook.py runs without engine and database, and its words have the numbers of its frames."""

import runpy
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

ROOT = Path(__file__).parents[2]
NOTEBOOK = ROOT / "docs" / "notebook.py"
WORDS = " ".join(NOTEBOOK.read_text().replace("\n# ", " ").split())
WITHOUT = """
import runpy, sys
runpy.run_path(sys.argv[1])
met = {"prefect", "duckdb", "fastapi"} & set(sys.modules)
assert not met, met
"""


@pytest.fixture(scope="module")
def cells() -> dict[str, Any]:
    """What the cells leave behind."""
    return runpy.run_path(str(NOTEBOOK))


@pytest.mark.slow
def test_it_runs_without_engine_and_database(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-W", "error", "-c", WITHOUT, NOTEBOOK], cwd=tmp_path, check=True)


def test_the_steps_of_the_six_names_are_as_shown(cells: dict[str, Any]) -> None:
    for row in cells["steps"].iter_rows():
        words = (f"{word:.4f}".rstrip("0") if isinstance(word, float | Decimal) else word or "" for word in row)
        assert f"| {' | '.join(words)} |".replace("|  |", "| |") in NOTEBOOK.read_text()
    assert cells["sentence"] in WORDS.replace(" > ", " ")


def test_the_cash_of_the_default_cap_is_as_told(cells: dict[str, Any]) -> None:
    assert f"Six positions of 15 % are 90 %, so {100 * cells['cash']:.0f} %" in WORDS
    assert f"the cheapest way out: `{cells['way_out']}`" in WORDS


def test_the_cap_has_the_three_lives_that_are_told(cells: dict[str, Any]) -> None:
    reachable, best = cells["reachable"], cells["best"]
    assert f"95 % / 6 = {100 * reachable:.1f} %" in WORDS
    assert f"Above {100 * best:.1f} %" in WORDS
    totals: pl.DataFrame = cells["totals"]
    limits_investment = totals.filter(pl.col("cap") < reachable)
    assert (limits_investment["invested"] - 6 * limits_investment["cap"]).abs().max() == pytest.approx(0, abs=1e-9)
    limits_concentration = totals.filter((pl.col("cap") >= reachable) & (pl.col("cap") < best))
    assert limits_concentration["invested"].to_list() == [0.95] * limits_concentration.height
    held_back = cells["weights"].join(limits_concentration, on="cap", how="semi").filter(pl.col("asset") == "LLY")
    assert held_back["weight"].to_list() == held_back["cap"].to_list()
    assert totals.filter(pl.col("cap") > best)["effective_positions"].n_unique() == 1


def test_its_picture_is_the_one_of_the_page(cells: dict[str, Any], tmp_path: Path) -> None:
    cells["picture"].save(tmp_path / "what_if.svg")
    drawn = (tmp_path / "what_if.svg").read_text()
    assert "LLY, AVGO" in drawn
    assert "pictures/what_if_cap.svg" in WORDS
    assert "LLY, AVGO" in (ROOT / "docs" / "pictures" / "what_if_cap.svg").read_text()


def test_the_risk_of_the_chips_is_as_told(cells: dict[str, Any], tmp_path: Path) -> None:
    chips = {row["portfolio_id"]: row for row in cells["of_industries"].filter(bucket="Chips").to_dicts()}
    plain, inverse, crowded = (chips[name] for name in ("equal weight", "inverse volatility", "with crowding"))
    assert f"four chip names are {100 * plain['weight'] / 0.95:.0f} % of what is invested" in WORDS
    assert f"and {100 * plain['risk_share']:.0f} % of the risk" in WORDS
    assert (
        f"brings that to {100 * inverse['risk_share']:.0f} %, and crowding to {100 * crowded['risk_share']:.0f} %"
        in WORDS
    )
    shares = cells["risks"].filter(portfolio_id="with crowding")["risk_share"]
    assert f"between {100 * shares.min():.1f} % and {100 * shares.max():.1f} %" in WORDS
    cells["risk_picture"].save(tmp_path / "risk.svg")
    assert "pictures/risk_weights.svg" in WORDS
    assert "with crowding" in (ROOT / "docs" / "pictures" / "risk_weights.svg").read_text()
