"""The tables of targets and trades on a terminal: what is held before and after, and what a portfolio trades in all."""

from datetime import UTC, datetime

import polars as pl
from rich.console import Console

from flows.terminal.console import four_decimals, narrowed, show
from sizing.lifecycle.kept_holdings import CORE, GRACE, YOUNG

ALWAYS = datetime.max.replace(tzinfo=UTC)
"""The moment at which everything that is published is visible."""

_TARGET = {
    "target": "target_weight",
    "current": "current_weight",
    "trade": "trade_weight",
    "post_trade": "post_trade_weight",
}
_TOTALS = {
    "turnover": "turnover",
    "bought": "bought_weight",
    "sold": "sold_weight",
    "held_back": "n_held_back",
    "released": "n_released",
    "scale": "trade_scale",
    "invested_after": "invested_after_weight",
    "cash_after": "cash_after_weight",
}
_DECIMAL = ("turnover", "bought", "sold", "scale", "invested_after", "cash_after")
_SPARED = ("bucket", "current", "action")
_SPARED_TOTALS = ("bought", "sold")
"""What a narrow terminal has no place for, the first one first."""


def target_table(console: Console, targets: pl.DataFrame, *more: str) -> pl.DataFrame:
    """Return what is shown of targets: their keys, weights, action, and why a change is traded or not, then `more`.

    *Requires* the columns of the query `shown_targets`; the day is shown where there are several, and `kept_by` where
    the past of a holding keeps it.
    """
    days = ["as_of_date"] if targets["as_of_date"].n_unique() > 1 else []
    shown = targets.select("portfolio_id", *days, "asset", "bucket", **_TARGET).with_columns(
        targets.select("action", "trade_reason", *kept_columns(targets), *more)
    )
    return narrowed(console, four_decimals(shown, *_TARGET), _SPARED)


def kept_columns(targets: pl.DataFrame) -> list[str]:
    """Return the column of what keeps holdings, where their past does."""
    return ["kept_by"] if targets["kept_by"].is_in([CORE, YOUNG, GRACE]).any() else []


def show_trade_totals(console: Console, portfolios: pl.DataFrame) -> None:
    """Show a line per portfolio with targets: what is traded, held back, released, scaled, and held afterwards.

    *Requires* `portfolio_id` and the columns of `trade_summary`, which are null of a run before V011.
    """
    shown = four_decimals(portfolios.select("portfolio_id", **_TOTALS).drop_nulls("turnover"), *_DECIMAL)
    if shown.height:
        show(console, narrowed(console, shown, _SPARED_TOTALS), "Trades")
