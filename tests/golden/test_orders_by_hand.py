"""Orders worked out by hand, and compared with the greedy allocation of PyPortfolioOpt, written again."""

from decimal import Decimal

import polars as pl
import pytest

from sizing import RebalancingLimits
from sizing.trading.orders import Orders, make_orders

WIDE = {"max_single_position": 1.0, "enable_bucket_diversification": False, "target_total_allocation": 1.0}
NO_LOTS: dict[str, float] = {}


def order(  # noqa: PLR0913, PLR0917 - a case in one line
    weights: dict[str, tuple[float, float]],
    prices: dict[str, float | None],
    value: float | None = 100_000.0,
    lots: dict[str, float] = NO_LOTS,
    quantities: dict[str, float] = NO_LOTS,
    reasons: dict[str, str] | None = None,
    caps: dict[str, float] = NO_LOTS,
    **limits: object,
) -> Orders:
    """Order one portfolio: of each asset its current and its post-trade weight, `caps` those of its own."""
    config = RebalancingLimits.model_validate(WIDE | limits)
    weight, total = pl.Decimal(10, 8), config.target_total_allocation
    cash = [total - sum(pair[side] for pair in weights.values()) for side in (0, 1)]
    rows = [*weights.items(), ("CASH", cash)]
    targets = pl.DataFrame(
        {
            "portfolio_id": ["p"] * len(rows),
            "asset": [asset for asset, _ in rows],
            "bucket": [None if asset == "CASH" else "x" for asset, _ in rows],
            "is_cash": [asset == "CASH" for asset, _ in rows],
            "current_weight": [Decimal(f"{pair[0]:.8f}") for _, pair in rows],
            "post_trade_weight": [Decimal(f"{pair[1]:.8f}") for _, pair in rows],
            "position_cap": pl.Series([caps.get(asset) for asset, _ in rows], dtype=pl.Float64).round(8),
            "trade_reason": [(reasons or {}).get(asset, "rebalance") for asset, _ in rows],
        }
    ).with_columns(pl.col("current_weight", "post_trade_weight", "position_cap").cast(weight))
    accounts = {"p": value} if value else {}
    return make_orders(
        targets,
        pl.DataFrame(list(accounts.items()), {"portfolio_id": pl.String, "portfolio_value": pl.Float64}, orient="row"),
        pl.DataFrame(
            [(asset, price, lots.get(asset, 1.0)) for asset, price in prices.items()],
            {"asset": pl.String, "price": pl.Float64, "lot_size": pl.Float64},
            orient="row",
        ),
        pl.DataFrame(
            [("p", *pair) for pair in quantities.items()],
            {"portfolio_id": pl.String, "asset": pl.String, "quantity": pl.Float64},
            orient="row",
        ),
        config,
    )


def moved(orders: Orders) -> dict[str, float]:
    """Return what is bought of each asset, negative what is sold, in the order of the ranks."""
    rows = orders.orders.select("asset", "side", "quantity").iter_rows()
    return {asset: float(quantity) * (1 if side == "buy" else -1) for asset, side, quantity in rows}


def test_a_new_portfolio_buys_whole_lots_and_then_the_largest_missing_fraction() -> None:
    # 333.3, 250 and 71.4 shares: 333, 250 and 71, 50 + 0 + 28.. left; C misses .43 of a lot of 70, A .33 of 100
    made = order({"A": (0, 1 / 3), "B": (0, 0.25), "C": (0, 0.05)}, {"A": 100, "B": 100, "C": 70})
    assert moved(made) == {"A": 334, "B": 250, "C": 72}
    row = made.status.row(0, named=True)
    assert (row["status"], row["n_trades"], row["n_orders"]) == ("ordered", 3, 3)
    assert (row["cash_before"], row["cash_after"]) == (100_000, 100_000 - 33_400 - 25_000 - 5_040)


def test_single_lots_stop_where_the_cash_ends() -> None:
    # 1.25 lots of 400 each: 200 are left, too little for another
    made = order({"A": (0, 0.5), "B": (0, 0.5)}, {"A": 400, "B": 400}, value=1_000.0)
    assert moved(made) == {"A": 1, "B": 1}
    # .5 of a lot of 1,000, 1.25 lots of 400: one of A does not fit into the 600 that are left, one of B does
    assert moved(order({"A": (0, 0.5), "B": (0, 0.5)}, {"A": 1000, "B": 400}, value=1_000.0)) == {"B": 2}


def test_a_share_dearer_than_the_portfolio_is_not_ordered() -> None:
    made = order({"A": (0, 0.1), "B": (0, 0.9)}, {"A": 600_000, "B": 90})
    assert moved(made) == {"B": 1000}
    row = made.status.row(0, named=True)
    assert (row["n_trades"], row["n_orders"], row["cash_after"]) == (2, 1, 10_000)


def test_without_cash_purchases_give_back_the_smallest_missing_fraction_first() -> None:
    # A is held in the nearest lots, 2 of 30 for .1 of 500: its sale brings 60; both purchases cost 2 x 20 and 1 x 10
    weights = {"A": (0.1, 0.0), "B": (0.45, 0.53), "C": (0.45, 0.47)}
    made = order(weights, {"A": 30, "B": 20, "C": 10}, value=500.0, quantities={"A": 0, "B": 11, "C": 22})
    assert moved(made) == {}  # B would buy 2 lots of 20, C 1 of 10; nothing is sold and there is no cash
    assert made.status["cash_after"].item() == 0


def test_a_closing_sells_odd_lots_and_a_decrease_whole_ones() -> None:
    made = order(
        {"A": (0.1, 0.0), "B": (0.1, 0.05)}, {"A": 10, "B": 10}, lots={"B": 100}, quantities={"A": 987.5, "B": 1_050}
    )
    assert moved(made) == {"A": -987.5, "B": -500}  # 50 of B stay beside what its target asks for: 5.5 lots, one fewer


def test_a_fractional_lot_is_ordered_to_its_last_digit() -> None:
    made = order({"A": (0, 0.1)}, {"A": 64_000}, lots={"A": 0.00001})
    assert moved(made) == {"A": 0.15625}
    assert made.orders["weight_after"].item() == Decimal("0.1")


def test_orders_below_the_minimum_are_dropped_but_for_closings_and_releases() -> None:
    weights = {"A": (0.01, 0.0), "B": (0.05, 0.04), "C": (0.05, 0.04), "D": (0, 0.01), "E": (0, 0.02)}
    prices: dict[str, float | None] = dict.fromkeys("ABCDE", 10.0)
    made = order(weights, prices, min_order_value=1_500, reasons={"C": "above_bucket_limit"})
    assert moved(made) == {"A": -100, "C": -100, "E": 200}


def test_a_small_sale_that_a_cap_needs_is_made() -> None:
    made = order({"A": (0.21, 0.2)}, {"A": 10}, min_order_value=1_500, max_single_position=0.2)
    assert moved(made) == {"A": -100}


def test_rounding_to_lots_keeps_the_cap_of_a_position() -> None:
    # 9.8 and 5.6 lots of 1,000: 9 and 5 are bought, and 1,400 of the planned money is left for one lot more: B misses
    # .6 of one and A .8, but a tenth lot of A is 10,000, above its cap of .099 of 100,000
    weights: dict[str, tuple[float, float]] = {"A": (0, 0.098), "B": (0, 0.056)}
    prices: dict[str, float | None] = {"A": 1_000, "B": 1_000}
    assert moved(order(weights, prices)) == {"A": 10, "B": 6}
    assert moved(order(weights, prices, caps={"A": 0.099})) == {"A": 9, "B": 6}
    assert moved(order(weights, prices, caps={"A": 0.1})) == {"A": 10, "B": 6}
    assert moved(order(weights, prices, caps={"A": 0.1}, max_single_position=0.0999)) == {"A": 9, "B": 6}


def test_a_small_sale_that_the_cap_of_a_position_needs_is_made() -> None:
    assert moved(order({"A": (0.21, 0.2)}, {"A": 10}, min_order_value=1_500)) == {}
    assert moved(order({"A": (0.21, 0.2)}, {"A": 10}, min_order_value=1_500, caps={"A": 0.2})) == {"A": -100}


def test_a_holding_that_is_worth_more_than_planned_is_not_bought() -> None:
    assert moved(order({"A": (0.1, 0.12)}, {"A": 10}, quantities={"A": 1_300})) == {}
    assert moved(order({"A": (0.12, 0.1)}, {"A": 10}, quantities={"A": 900})) == {}


@pytest.mark.parametrize(
    ("value", "price", "status", "missing"),
    [(None, 10.0, "missing_value", None), (1.0e5, None, "missing_prices", "A"), (1.0e5, 0.0, "missing_prices", "A")],
)
def test_what_is_missing_is_said(value: float | None, price: float | None, status: str, missing: str | None) -> None:
    made = order({"A": (0, 0.1), "B": (0.1, 0.1)}, {"A": price, "B": None}, value=value)
    assert made.orders.is_empty()
    assert made.status.select("status", "problem_assets").row(0) == (status, missing)


def test_shares_worth_more_than_twice_the_portfolio_contradict_its_value() -> None:
    made = order({"A": (0.5, 0.4)}, {"A": 100}, quantities={"A": 2_001})  # perhaps a price in pence
    assert made.orders.is_empty()
    assert made.status.select("status", "problem_assets").row(0) == ("contradicting_quantities", "A")
    assert moved(order({"A": (0.5, 0.4)}, {"A": 100}, quantities={"A": 2_000})) == {"A": -1_600}


def test_a_portfolio_without_trades_needs_neither_value_nor_price() -> None:
    assert order({"A": (0.1, 0.1)}, {}, value=None).status["status"].item() == "no_trades"


def test_five_thousand_names_are_financed_and_within_a_lot() -> None:
    names = [f"a{number:04}" for number in range(5_000)]
    prices: dict[str, float | None] = {name: 1 + number % 613 / 7 for number, name in enumerate(names)}
    made = order(dict.fromkeys(names, (0, 0.0002)), prices, value=10_000_000.0)
    spent = made.orders["notional"].sum()
    assert made.status["cash_after"].item() == 10_000_000 - spent
    assert 0 <= float(made.status["cash_after"].item()) < 1
    missing = (0.0002 * 10_000_000 - made.orders["notional"].cast(float)).abs()
    assert (missing < made.orders["reference_price"].cast(float)).all()


# Public discrete allocations -------------------------------------------------------------------------------

# Weights and prices in the style of the examples of PyPortfolioOpt and of textbooks. Greedy may buy an asset by more
# than a lot beyond its weight, to leave less cash: where a share costs more than its position, the two differ by that.
DEAR = (
    {"GOOG": 0.0454, "AMZN": 0.1902, "MA": 0.3287, "BBY": 0.1, "PFE": 0.2039, "SBUX": 0.1318},
    {"GOOG": 1007.04, "AMZN": 1372.54, "MA": 171.17, "BBY": 68.99, "PFE": 35.17, "SBUX": 57.43},
)
SHARPE = (
    {"GOOG": 0.03835, "AAPL": 0.0689, "FB": 0.20603, "BABA": 0.07315, "AMZN": 0.04033, "BBY": 0.01324, "MA": 0.35349,
     "PFE": 0.1957, "SBUX": 0.01082},
    {"GOOG": 1019.97, "AAPL": 172.44, "FB": 166.32, "BABA": 175.36, "AMZN": 1427.05, "BBY": 70.29, "MA": 174.0,
     "PFE": 36.01, "SBUX": 59.74},
)  # fmt: skip
CASES = {
    "balanced": ({"A": 0.2, "B": 0.3, "C": 0.5}, {"A": 10.0, "B": 20.0, "C": 35.0}, 10_000.0),
    "thirds": (dict.fromkeys("ABC", 1 / 3), {"A": 7.0, "B": 11.0, "C": 13.0}, 1_000.0),
    "three": ({"MSFT": 0.4, "AAPL": 0.35, "KO": 0.25}, {"MSFT": 289.1, "AAPL": 172.5, "KO": 61.4}, 50_000.0),
    "dear, 20,000": (*DEAR, 20_000.0),
    "dear, 30,000": (*DEAR, 30_000.0),
    "nine, 30,000": (*SHARPE, 30_000.0),
    "nine, 50,000": (*SHARPE, 50_000.0),
}


def greedy(weights: dict[str, float], prices: dict[str, float], value: float) -> tuple[dict[str, int], float]:
    """Allocate as PyPortfolioOpt's greedy_portfolio does: whole shares, then the largest deficit that is affordable."""
    shares, left = {}, value
    for asset in sorted(weights, key=lambda one: -weights[one]):
        shares[asset] = int(weights[asset] * value / prices[asset])
        left -= shares[asset] * prices[asset]
    while True:
        invested = sum(shares[asset] * prices[asset] for asset in shares)
        deficits = {asset: weights[asset] - shares[asset] * prices[asset] / invested for asset in shares}
        affordable = [asset for asset in deficits if prices[asset] <= left and deficits[asset] > 0]
        if not affordable:
            return shares, left
        best = max(affordable, key=lambda one: deficits[one])
        shares[best] += 1
        left -= prices[best]


def tracking_error(
    weights: dict[str, float], shares: dict[str, float], prices: dict[str, float], value: float
) -> float:
    return float(sum((weights[asset] - shares.get(asset, 0) * prices[asset] / value) ** 2 for asset in weights) ** 0.5)


@pytest.mark.parametrize("case", CASES)
def test_cash_left_and_tracking_error_are_no_worse_than_greedy(case: str) -> None:
    weights, prices, value = CASES[case]
    made = order({asset: (0, weight) for asset, weight in weights.items()}, dict(prices), value=value)
    theirs, left = greedy(weights, prices, value)
    ours = moved(made)
    assert tracking_error(weights, ours, prices, value) <= tracking_error(weights, dict(theirs), prices, value) + 1e-12
    assert float(made.status["cash_after"].item()) <= left + 1e-6
