"""The charts of a run: which rows they show, with which words and lines, by the data and the specification of each."""

import base64
import re
from datetime import date
from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from tasks.reports.chart_data import MOST_ASSETS, STAGES, ChartRows, bucket_rows, stage_rows, weight_rows
from tasks.reports.chart_page import chart_page
from tasks.reports.charts import (
    buckets_against_limits,
    cash_and_turnover,
    stages_of_the_largest,
    weights_before_and_after,
)
from tests.tasks.run_rows import row, weights

BUCKETS = pl.DataFrame(
    {
        "portfolio_id": ["p", "p", "q"],
        "bucket": ["Energy", "Health Care", "Energy"],
        "current_weight": [Decimal("0.2"), Decimal(0), Decimal("0.3")],
        "target_weight": [Decimal("0.35"), Decimal("0.1"), Decimal("0.3")],
        "limit_weight": [Decimal("0.35"), Decimal("0.25"), None],
    },
    schema_overrides=dict.fromkeys(("current_weight", "target_weight", "limit_weight"), pl.Decimal(10, 8)),
)
HISTORY = pl.DataFrame(
    {
        "portfolio_id": ["p", "p", "q"],
        "as_of_date": [date(2025, 6, 2), date(2025, 6, 3), date(2025, 6, 3)],
        "cash_weight": [0.35, 0.0, 0.1],
        "turnover": [0.3, 0.2, 0.0],
    }
)
TWO = weights(row("A", "0.1", "0.15"), row("B", "0.05", "0"), row("CASH", "0", "0.35"), row("A", "0.2", "0.2", "q"))


def _text(spec: dict[str, Any]) -> str:
    return f"{spec['title']['text']} {' '.join(spec['title']['subtitle'])}"


def test_weights_go_from_large_to_small_with_cash_last() -> None:
    rows = weight_rows(weights(row("CASH", "0", "0.5"), row("A", "0", "0.1"), row("B", "0.3", "0"), row("C", "0", "0")))
    assert rows["asset"].to_list() == ["B", "A", "CASH"]


def test_a_weight_says_its_target_and_its_trade_with_the_sign() -> None:
    rows = weight_rows(weights(row("A", "0.1", "0.15"), row("B", "0.0667", "0"), row("C", "0.07", "0.07")))
    told = {asset: (trade, label) for asset, trade, label in rows.select("asset", "trade", "label").iter_rows()}
    assert told == {
        "A": ("bought", "15.0%  +5.0"),
        "B": ("sold", "0.0%  \N{MINUS SIGN}6.7"),
        "C": ("kept", "7.0%"),
    }


def test_of_many_positions_those_that_change_most_are_shown() -> None:
    many = weights(*(row(f"A{i:03}", "0.01", f"{0.01 + (i % 50) / 1e4:.4f}") for i in range(100)))
    rows = weight_rows(many)
    assert rows.height == MOST_ASSETS
    assert rows["trade_weight"].min() == pytest.approx(0.004)
    assert "at most 20 assets" in _text(weights_before_and_after(many).to_dict())
    assert "at most" not in _text(weights_before_and_after(TWO).to_dict())


def test_a_cap_far_above_every_weight_is_left_out() -> None:
    far, near = weights(row("A", "0", "0.04")), weights(row("A", "0", "0.06"))
    assert (weight_rows(far)["max_single_position"][0], stage_rows(far)["cap"][0]) == (None, None)
    assert (weight_rows(near)["max_single_position"][0], stage_rows(near)["cap"][0]) == (0.15, 0.15)


def test_a_stage_starts_where_the_one_before_ended() -> None:
    stages = {"raw_weight": 0.28, "stage1_weight": 0.1, "stage2_weight": 0.12, "residual_weight": 0.03}
    rows = stage_rows(weights(row("A", "0", "0.15", **stages)))
    assert rows["stage"].to_list() == list(STAGES)
    assert rows["level"].to_list() == pytest.approx([0.28, 0.1, 0.12, 0.15, 0.15])
    assert rows.select("low", "high").rows() == [
        pytest.approx(one) for one in [(0, 0.28), (0.1, 0.28), (0.1, 0.12), (0.12, 0.15), (0, 0.15)]
    ]
    assert rows["kind"].to_list() == ["weight", "cut", "added", "added", "weight"]
    assert rows["label"].to_list() == ["28.0%", "\N{MINUS SIGN}18.0", "+2.0", "+3.0", "15.0%"]


def test_a_stage_that_changes_nothing_says_so() -> None:
    assert stage_rows(weights(row("A", "0", "0.1")))["label"].to_list() == ["10.0%", "=", "=", "=", "10.0%"]


def test_a_pinned_position_has_only_a_target() -> None:
    unsized = dict.fromkeys(("raw_weight", "stage1_weight", "stage2_weight", "residual_weight"))
    assert stage_rows(weights(row("A", "0.1", "0.1", is_pinned=True, **unsized)))["stage"].to_list() == ["target"]


def test_neither_cash_nor_what_is_closed_has_stages() -> None:
    assert set(stage_rows(TWO)["name"]) == {"A, p", "A, q"}


def test_one_portfolio_shows_more_positions_than_each_of_two() -> None:
    many = [row(f"A{i}", "0", "0.05") for i in range(12)]
    assert stage_rows(weights(*many))["name"].n_unique() == 8
    both = stage_rows(weights(*many, *(one | {"portfolio_id": "q"} for one in many)))
    assert both["name"].unique(maintain_order=True).to_list()[3:5] == ["A11, p", "A0, q"]


def test_the_panels_stand_in_the_order_of_the_rows() -> None:
    spec = stages_of_the_largest(weights(row("B", "0", "0.1"), row("A", "0", "0.05"))).to_dict()
    assert spec["facet"]["sort"] == ["B", "A"]


def test_a_bucket_at_its_limit_differs_from_one_without_limit() -> None:
    assert bucket_rows(BUCKETS).select("state", "label").rows() == [
        ("at its limit", "35.0% of 35.0%"),
        ("below its limit", "10.0% of 25.0%"),
        ("no limit", "30.0%"),
    ]


def test_every_picture_has_a_title_a_unit_and_its_rows_once() -> None:
    pictures = [
        weights_before_and_after(TWO),
        stages_of_the_largest(TWO),
        buckets_against_limits(BUCKETS),
        cash_and_turnover(HISTORY),
    ]
    for picture in pictures:
        spec = picture.to_dict()
        assert "in percent of the portfolio" in _text(spec)
        assert list(spec["datasets"]) == ["rows"]
        assert "values" not in str(spec.get("spec", spec).get("data", {}))


def test_limits_are_lines() -> None:
    def rule(spec: dict[str, Any], kind: str) -> str:
        [found] = [one for one in spec["spec"]["layer"] if one["mark"]["type"] == kind and "color" in one["mark"]]
        return str(found["encoding"]["x"]["field"])

    assert rule(weights_before_and_after(TWO).to_dict(), "rule") == "max_single_position"
    assert rule(stages_of_the_largest(TWO).to_dict(), "rule") == "cap"
    assert rule(buckets_against_limits(BUCKETS).to_dict(), "tick") == "limit_weight"


def test_the_picture_over_time_tells_a_first_day() -> None:
    assert "the first day" in _text(cash_and_turnover(HISTORY.head(1)).to_dict())
    assert "the last 2 days" in _text(cash_and_turnover(HISTORY).to_dict())


def test_a_page_has_four_charts_drawn_without_network() -> None:
    ten = weights(*(row("A", "0", f"0.0{i}", f"p{i}") for i in range(1, 10)), row("A", "0", "0.1", "p0"))
    days = pl.concat([HISTORY.head(1).with_columns(portfolio_id=pl.lit(f"p{i}")) for i in range(10)])
    page = chart_page("Targets", ChartRows(ten, BUCKETS, days, pl.DataFrame()), "990 more.")
    assert page.startswith("# Targets\n\n990 more.\n\n![The book before, target and after](")
    drawn = re.findall(r"!\[(.*?)\]\(data:image/svg\+xml;base64,(.*?)\)", page)
    assert [words for words, _ in drawn] == [
        "The book before, target and after",
        "From raw weight to target",
        "Buckets against their limits",
        "Cash and turnover over time",
    ]
    for words, data in drawn:
        svg = base64.b64decode(data).decode()
        assert words in svg
        assert re.findall(r"(?:href|src)=\"http|[\d.]+\.\d{3}", svg) == []
