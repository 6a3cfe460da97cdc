"""What a report shows of risk: shares beside weights, volatility over time, and what has no volatility."""

from datetime import date

import polars as pl
import pytest

from tasks.reports.chart_data import ChartRows
from tasks.reports.charts import charts_of
from tasks.reports.risk_charts import risk_beside_weight, volatility_over_time
from tasks.reports.risk_data import MOST_RISKS, missing_volatilities, risk_tables, share_rows
from tests.tasks.reports.test_charts import BUCKETS, HISTORY, TWO
from tests.tasks.run_rows import row, weights

RISKY = weights(
    row("A", "0", "0.1", volatility=0.4, risk_share=0.7),
    row("B", "0", "0.3", volatility=0.2, risk_share=0.3),
    row("C", "0", "0.1"),
    row("CASH", "0", "0.5"),
    row("D", "0", "0.2", "q"),
)
VOLATILITY = pl.DataFrame(
    {
        "portfolio_id": ["p", "p", "q"],
        "as_of_date": [date(2025, 6, 2), date(2025, 6, 3), date(2025, 6, 3)],
        "portfolio_volatility": [0.1, 0.09, 0.2],
        "risk_scale": [0.8, 1.0, None],
        "target_volatility": [0.1, 0.1, None],
    }
)
MISSING = pl.DataFrame(
    {
        "portfolio_id": "p",
        "run_id": "r",
        "asset": ["H", "S", "T", "O", "F", "N", "V"],
        "bucket": "b",
        "is_held": [True, *[False] * 6],
        "current_weight": [0.1, *[0.0] * 6],
        "source": [*["prices"] * 6, "scores"],
        "missing_reason": ["no_returns", "suspect_return", "too_few_returns", "old_returns", "flat_prices"]
        + ["no_returns"] * 2,
        "n_returns": [0, 90, 12, 200, 252, 0, None],
        "suspect_session": [None, date(2025, 6, 2), *[None] * 5],
        "min_observations": [*[60] * 6, None],
        "window_days": [*[252] * 6, None],
        "n_missing": 9,
    }
)


def test_risk_stands_beside_the_part_of_what_is_invested() -> None:
    rows = share_rows(RISKY)
    assert rows["asset"].to_list() == ["A", "B", "C"]
    assert rows["weight_share"].to_list() == pytest.approx([0.2, 0.6, 0.2])
    assert rows["risk"].to_list()[:2] == ["above its weight", "below its weight"]
    assert rows["label"].to_list() == ["70.0%  at 40.0%", "30.0%  at 20.0%", "no volatility"]


def test_a_position_that_lowers_the_risk_is_on_the_axis() -> None:
    hedged = weights(
        row("A", "0", "0.1", volatility=0.4, risk_share=1.2), row("B", "0", "0.3", volatility=0.2, risk_share=-0.2)
    )
    spec = risk_beside_weight(hedged).to_dict()
    domain = spec["spec"]["layer"][0]["encoding"]["x"]["scale"]["domain"]
    assert domain[0] == -0.2
    assert domain[1] > 1.2


def test_of_many_positions_those_with_most_risk_are_shown() -> None:
    many = weights(*(row(f"A{i:02}", "0", "0.01", volatility=0.2, risk_share=i / 435) for i in range(30)))
    assert share_rows(many).height == MOST_RISKS
    assert "A00" not in share_rows(many)["asset"]


def test_the_target_is_a_line_only_where_there_is_one() -> None:
    both = volatility_over_time(VOLATILITY).to_dict()
    assert len(both["vconcat"]) == 2
    fields = [one["encoding"]["y"]["field"] for one in both["vconcat"][0]["layer"]]
    assert fields == ["portfolio_volatility", "target_volatility"]
    without = volatility_over_time(VOLATILITY.filter(portfolio_id="q")).to_dict()
    assert len(without["vconcat"]) == 1
    assert "dashed" not in " ".join(without["title"]["subtitle"])


def test_without_risk_limits_there_are_no_charts_of_risk_and_no_tables() -> None:
    titles = [one.title.text for one in charts_of(ChartRows(TWO, BUCKETS, HISTORY, VOLATILITY.clear()))]
    assert titles[-1] == "Cash and turnover over time"
    assert len(titles) == 4
    assert risk_tables(TWO, MISSING.clear()) == ()
    with_risk = [one.title.text for one in charts_of(ChartRows(RISKY, BUCKETS, HISTORY, VOLATILITY))]
    assert set(with_risk) - set(titles) == {"Risk beside weight", "Volatility over time"}


def test_the_table_of_risks_has_only_columns_that_a_limit_fills() -> None:
    [table] = risk_tables(RISKY.filter(portfolio_id="p"), MISSING.clear())
    assert [one.words for one in table.columns] == ["asset", "volatility", "target", "risk"]
    assert [row[0].text for row in table.rows] == ["A", "B"]


@pytest.mark.parametrize(
    ("asset", "words"),
    [
        ("H", "prices of the last 252 sessions"),
        ("S", "prices of 2025-06-02 again"),
        ("T", "min_observations is 60"),
        ("O", "prices of the last 6 sessions"),
        ("F", "closes that move"),
        ("V", "its volatility beside its score"),
    ],
)
def test_what_to_deliver_depends_on_why_there_is_no_volatility(asset: str, words: str) -> None:
    [table] = missing_volatilities(MISSING)
    [cells] = [one for one in table.rows if one[0].text == asset]
    assert words in cells[-1].text
    assert cells[3].text == ("stays at its weight" if asset == "H" else "is not opened")
    assert table.note == "The first 7 of 9 names, holdings before others."
