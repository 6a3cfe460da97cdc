"""docs/risk.md shows what the rules return: its tables, the numbers in its sentences, and a configuration that runs."""

import math
import re
import shutil
from datetime import date
from pathlib import Path

import pytest

from docs.risk_examples import EXAMPLES, sized, table, three_returns
from sizing import RebalancingLimits
from sizing.limits.risk import RiskLimits
from tasks.trading_calendar import find_calendar
from tests.helpers.command_line import typed

PAGE = (Path(__file__).parents[2] / "docs" / "risk.md").read_text()
PROSE = " ".join(PAGE.split())
DAY = date(2025, 6, 2)
NAMES = {"FAST": 8.0, "TWIN": 8.0, "MILD": 5.0, "CALM": 3.0}
"""Largest move of a day in percent."""


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_table_of_the_page_is_what_the_rules_return(name: str) -> None:
    assert table(name) in PAGE


def test_the_sentences_have_the_numbers_of_the_rules() -> None:
    variance, volatility = three_returns()
    assert f"variance of a day is {variance:.8f}, and the volatility {volatility:.8f} a year" in PROSE
    target, pinned, larger = (
        sized(name).sizing_summary.row(0, named=True) for name in ("target", "pinned", "larger_root")
    )
    assert f"move {target['unscaled_volatility']:.8f} a year before the scale, k is {target['risk_scale']:.8f}" in PROSE
    assert f"k is {pinned['risk_scale']:.8f}" in PROSE
    assert f"k is {larger['risk_scale']:.8f}" in PROSE


def test_every_risk_limit_is_in_its_table() -> None:
    assert [name for name in RiskLimits.model_fields if f"`{name}`" not in PAGE] == []
    assert set(RiskLimits.model_fields) <= set(RebalancingLimits.model_fields)


def _close(name: str, number: int) -> float:
    """Return a made-up close: FAST and TWIN move alike, the others each in a rhythm of its own."""
    place = {"FAST": 0, "TWIN": 0, "MILD": 1, "CALM": 2}[name]
    move = NAMES[name] / 100 * math.sin(number * (1.1 + 0.7 * place))
    return round(100 * math.exp(move / 2), 4)


@pytest.mark.slow
def test_its_configuration_runs_and_gives_its_table(
    tmp_path: Path, empty_warehouse: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("BALLAST_WAREHOUSE")
    monkeypatch.setenv("PREFECT_SERVER_API_PORT", "9")  # no server is there
    [config] = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    [(run, query)] = re.findall(r"```bash\nballast (backfill [^\n]*)\nballast sql \"(.*?)\"\n```", PAGE, re.DOTALL)
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    Path("portfolios.yaml").write_text(config)
    Path(".ballast").mkdir()
    shutil.copy(empty_warehouse, ".ballast/warehouse.duckdb")
    sessions = find_calendar("XNYS").until(DAY, 61)
    prices = (f"{day},{name},{_close(name, n)}\n" for n, day in enumerate(sessions) for name in NAMES)
    (inbox / "prices.csv").write_text("date,asset,close\n" + "".join(prices))
    (inbox / "assets.csv").write_text("asset,bucket\n" + "".join(f"{name},b{n}\n" for n, name in enumerate(NAMES)))
    scores = "".join(f"{DAY},{name},0.8\n" for name in NAMES)
    (inbox / f"scores_{DAY}.csv").write_text("date,asset,score\n" + scores)
    ballast = typed(capsys)
    code, _, errors = ballast(*run.split())
    assert code == 0, errors
    code, found, errors = ballast("sql", query, "--csv")
    assert code == 0, errors
    head, *rows = found.split()
    lines = [f"| {' | '.join(row.split(','))} |" for row in rows]
    for line in lines:
        assert line.replace("|  ", "| ") in PAGE, "\n".join([head, *lines])
