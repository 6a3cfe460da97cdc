"""The worked examples of trading, A to G, through the stage that trades; weights as a person would write them."""

from decimal import Decimal

import polars as pl
import pytest

from sizing import RebalancingLimits
from sizing.trading.trades import Trades, trade_portfolios

WEIGHT = pl.Decimal(10, 8)
Row = tuple[str, str, str] | tuple[str, str, str, str]


def trade(rows: list[Row], **limits: object) -> Trades:
    """Trade one portfolio: asset, current weight, target weight, and what it is: no_trade or must_sell."""
    frame = pl.DataFrame(
        {
            "portfolio_id": ["P"] * len(rows),
            "asset": [row[0] for row in rows],
            "bucket": ["x"] * len(rows),
            "current_weight": [Decimal(row[1]) for row in rows],
            "target_weight": [Decimal(row[2]) for row in rows],
            "is_immovable": [row[3:] == ("no_trade",) for row in rows],
            "must_close": [row[3:] == ("must_sell",) for row in rows],
        },
        schema_overrides={"current_weight": WEIGHT, "target_weight": WEIGHT},
    )
    return trade_portfolios(frame, RebalancingLimits.model_validate({"max_single_position": 1.0} | limits))


def after(traded: Trades) -> list[str]:
    return [f"{weight.normalize():f}" for weight in traded.assets["post_trade_weight"]]


def test_a_held_back_sale_is_released_when_the_money_is_needed() -> None:
    traded = trade([("A", "0.26", "0.25"), ("B", "0.255", "0.25"), ("C", "0.2", "0.2"), ("D", "0", "0.24")])
    assert after(traded) == ["0.25", "0.255", "0.2", "0.24"]
    assert traded.assets["trade_reason"].to_list() == ["over_allocation", "held_by_band", "unchanged", "open"]
    assert traded.assets["trade_rank"].to_list() == [1, None, None, 2]
    summary = traded.portfolios.row(0, named=True)
    assert (summary["cash_after_weight"], summary["n_held_back"], summary["n_released"]) == (Decimal("0.005"), 1, 1)
    assert (summary["turnover"], summary["bought_weight"], summary["sold_weight"]) == tuple(
        map(Decimal, ("0.125", "0.24", "0.01"))
    )


def test_b_a_holding_above_its_cap_is_released() -> None:
    traded = trade([("A", "0.155", "0.15")], max_single_position=0.15)
    assert after(traded) == ["0.15"]
    assert traded.assets["trade_reason"].item() == "above_cap"


def test_c_max_turnover_goes_half_the_way() -> None:
    traded = trade([("A", "0.4", "0.2"), ("B", "0", "0.2")], max_turnover=0.10)
    assert after(traded) == ["0.3", "0.1"]
    assert traded.assets["trade_scale"].to_list() == [0.5, 0.5]


def test_d_what_is_under_no_trade_stays_above_its_cap() -> None:
    traded = trade([("A", "0.18", "0.18", "no_trade"), ("B", "0", "0.15")], max_single_position=0.15)
    assert after(traded) == ["0.18", "0.15"]
    assert traded.assets["trade_reason"].to_list() == ["no_trade", "open"]


def test_e_ten_small_sales_pay_for_an_eleventh_name() -> None:
    eleventh = "0.09090909"
    rows: list[Row] = [(f"A{number}", "0.0952", eleventh) for number in range(10)]
    traded = trade([*rows, ("B", "0", eleventh)], target_total_allocation=1.0)
    assert after(traded) == [eleventh] * 11
    assert traded.assets["trade_reason"].to_list() == ["over_allocation"] * 10 + ["open"]


def test_f_the_mandatory_part_comes_first_and_the_rest_is_scaled() -> None:
    traded = trade([("A", "0.5", "0"), ("B", "0.46", "0.48")], max_turnover=0.05)
    assert after(traded) == ["0.4", "0.46"]
    assert traded.assets["trade_scale"][0] == pytest.approx(9 / 49)
    assert traded.portfolios["mandatory_turnover"].item() == Decimal("0.005")
    assert traded.assets["trade_reason"].to_list() == ["close", "held_by_band"]
    assert traded.assets["action"].to_list() == ["decrease", "hold"]


def test_g_purchases_that_come_out_too_small_are_dropped() -> None:
    rows: list[Row] = [(f"A{number}", "0", "0.095") for number in range(10)]
    traded = trade(rows, max_turnover=0.10, min_trade_weight=0.03)
    assert after(traded) == ["0"] * 4 + ["0.03333333"] * 6
    assert traded.assets["trade_reason"].to_list() == ["held_by_turnover"] * 4 + ["open"] * 6


def test_what_must_be_sold_is_sold_whole_whatever_the_turnover() -> None:
    traded = trade([("A", "0.3", "0", "must_sell"), ("B", "0", "0.2")], max_turnover=0.10)
    assert after(traded) == ["0", "0"]
    assert traded.portfolios.select("turnover", "mandatory_turnover").row(0) == (Decimal("0.15"), Decimal("0.15"))


def test_a_sentence_says_why_a_small_sale_is_released() -> None:
    eleventh = "0.09090909"
    rows: list[Row] = [(f"A{number}", "0.0952", eleventh) for number in range(10)]
    told = trade([*rows, ("B", "0", eleventh)], target_total_allocation=1.0).assets["trade_text"]
    assert told[0] == (
        "Target 0.0909, held 0.0952: the sale of 0.0043 is within rebalance_band 0.05 (0.0048), "
        "released since 1.0429 would be invested."
    )
    assert told[10] is None
