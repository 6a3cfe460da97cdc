"""The contract of each daily file: its columns, and the rules that a row must keep.

A row that breaks a rule is rejected with the rule in words; the good rows go on. What does not belong here: reading.

Units: a weight is a fraction of the portfolio's value, a score lies in [0, 1], a close is a price in the currency of
the asset, a volatility is a standard deviation of returns, whatever its horizon. Quantities and lot sizes count shares,
a portfolio value is an amount in the currency of the portfolio, a return is a fraction of the price before it.

>>> [(given, name) for given, name, _ in ACCOUNTS.columns]
[('date', 'as_of_date'), ('portfolio_id', 'portfolio_id'), ('portfolio_value', 'portfolio_value')]
>>> from datetime import date
>>> day = date(2025, 1, 2)
>>> names = {"row_number": [1, 2], "old": ["FB", "AAA"], "new": ["META", "AAA"], "valid_from": [day, day]}
>>> accepted, rejected = RENAMES.rows.filter(pl.DataFrame(names), cast=True)
>>> accepted["new"].to_list(), rejected.counts()
(['META'], {'another_name': 1})
"""

from dataclasses import dataclass
from functools import cached_property

import dataframely as dy
import polars as pl

from sizing.frames.day_inputs import RESTRICTIONS
from sizing.names import CASH, name_column
from sizing.trading.orders import HIGHEST_QUANTITY, HIGHEST_VALUE, SMALLEST_LOT
from sql.records import IngestKind

TEXT, NUMBER, DAY = pl.String, pl.Float64, pl.Date
NAMES = ("portfolio_id", "asset", "bucket", "model", "old", "new")
"""The columns that hold names."""

LONGEST_REASON = 10_000


class FileRows(dy.Schema):
    """What every row has: its number in the file (1: the first below the header)."""

    row_number = dy.Int32()


class DayRows(FileRows):
    """What a row of a day has: the file's day, or in a file of many days its own, and the last day that may be."""

    as_of_date = dy.Date(primary_key=True)
    file_day = dy.Date()
    latest_day = dy.Date()

    @dy.rule()
    def of_the_day(cls) -> pl.Expr:  # noqa: N805 - dataframely hands in the schema
        """Reject a row of another day."""
        return pl.col("as_of_date") == pl.col("file_day")

    @dy.rule()
    def not_in_the_future(cls) -> pl.Expr:  # noqa: N805 - dataframely hands in the schema
        """Reject a row of a day that has not begun anywhere."""
        return pl.col("as_of_date") <= pl.col("latest_day")


class DatedRows(DayRows):
    """What a row of a day and an asset has."""

    asset = name_column(primary_key=True, may_be_cash=True)

    @dy.rule()
    def not_cash(cls) -> pl.Expr:  # noqa: N805 - dataframely hands in the schema
        """Reject cash: it is never scored, priced or a position."""
        return pl.col("asset") != CASH


class ScoreRows(DatedRows):
    """A score file's row: one asset and model of a day."""

    model = name_column(primary_key=True)
    score = dy.Float64(nullable=True, min=0, max=1)
    technical_score = dy.Float64(nullable=True, min=0, max=1)
    fundamental_score = dy.Float64(nullable=True, min=0, max=1)
    volatility = dy.Float64(nullable=True, min=0)

    @dy.rule()
    def has_a_score(cls) -> pl.Expr:  # noqa: N805 - dataframely hands in the schema
        """Reject a row without a combined score or a part of one."""
        return pl.any_horizontal(pl.col("score", "technical_score", "fundamental_score").is_not_null())


class AssetRows(FileRows):
    """An asset, its bucket, and the shares of a lot."""

    asset = name_column(primary_key=True)
    bucket = name_column()
    lot_size = dy.Float64(nullable=True, min=SMALLEST_LOT, max=HIGHEST_QUANTITY)


class PositionRows(DatedRows):
    """What a portfolio holds at the start of a day, cash left out; nothing: a row CASH of weight 1."""

    portfolio_id = name_column(primary_key=True)
    current_weight = dy.Float64(min=0, max=1)
    quantity = dy.Float64(nullable=True, min=0, max=HIGHEST_QUANTITY)

    @dy.rule()
    def not_cash(cls) -> pl.Expr:  # noqa: N805 - dataframely hands in the schema
        """Reject cash beside positions: the weights of the portfolio would add up to more than 1."""
        return (pl.col("asset") != CASH) | (pl.col("current_weight") == 1)


class AccountRows(DayRows):
    """What a portfolio is worth on a day, in its currency."""

    portfolio_id = name_column(primary_key=True)
    portfolio_value = dy.Float64(min_exclusive=0, max=HIGHEST_VALUE)


class PriceRows(DatedRows):
    """The closing price of an asset on a day, in its currency, its return since the session before, or both."""

    close = dy.Float64(nullable=True, min_exclusive=0)
    adjustment_factor = dy.Float64(nullable=True, min_exclusive=0)
    daily_return = dy.Float64(nullable=True, min_exclusive=-1)

    @dy.rule()
    def has_a_price(cls) -> pl.Expr:  # noqa: N805 - dataframely hands in the schema
        """Reject a row without a close or a return."""
        return pl.any_horizontal(pl.col("close", "daily_return").is_not_null())


class RestrictionRows(FileRows):
    """A restriction, from and until a day, both included; no portfolio: all of them."""

    portfolio_id = name_column(nullable=True)
    asset = name_column()
    restriction = dy.String()
    reason = dy.String(nullable=True, max_length=LONGEST_REASON)
    valid_from = dy.Date(nullable=True)
    valid_until = dy.Date(nullable=True)

    @dy.rule()
    def known_restriction(cls) -> pl.Expr:  # noqa: N805 - dataframely hands in the schema
        """Reject what is not a documented kind."""
        return pl.col("restriction").is_in(RESTRICTIONS)

    @dy.rule()
    def begins_before_it_ends(cls) -> pl.Expr:  # noqa: N805 - dataframely hands in the schema
        """Reject what would hold on no day at all."""
        return pl.col("valid_from").fill_null(pl.col("valid_until")) <= pl.col("valid_until")


class RenameRows(FileRows):
    """Another name of an asset, from a day on."""

    old = name_column()
    new = name_column()
    valid_from = dy.Date()

    @dy.rule()
    def another_name(cls) -> pl.Expr:  # noqa: N805 - dataframely hands in the schema
        """Reject a name that stays as it is."""
        return pl.col("old") != pl.col("new")


@dataclass(frozen=True)
class Contract:
    """One kind of file: its row rules, and which of their columns must be there, by their names in the file."""

    kind: IngestKind
    rows: type[FileRows]
    required: tuple[str, ...]

    may_be_empty: bool = False
    """Whether a header without rows says something: that there is nothing, not that something went wrong."""

    is_whole: bool = False
    """Whether one rejected row rejects the file: the good rows alone would not be safe."""

    @property
    def is_dated(self) -> bool:
        """Whether its rows are of days: in a file of one day, or in a file of many."""
        return issubclass(self.rows, DayRows)

    @cached_property
    def columns(self) -> tuple[tuple[str, str, type[pl.DataType]], ...]:
        """Its columns, the required ones first: their names in the file, their names here, and their types."""
        columns = {
            "date" if name == "as_of_date" else name: (name, column.dtype.base_type())
            for name, column in self.rows.columns().items()
            if name not in _NOT_IN_THE_FILE
        }
        return tuple((given, *columns[given]) for given in dict.fromkeys([*self.required, *columns]))


_NOT_IN_THE_FILE = ("row_number", "file_day", "latest_day")

SCORES = Contract("scores", ScoreRows, required=("date", "asset"))
ASSETS = Contract("assets", AssetRows, required=("asset", "bucket"))
POSITIONS = Contract(
    "positions",
    PositionRows,
    required=("date", "portfolio_id", "asset", "current_weight"),
    is_whole=True,  # a holding that got lost would be bought a second time
)
ACCOUNTS = Contract("accounts", AccountRows, required=("date", "portfolio_id", "portfolio_value"))
PRICES = Contract("prices", PriceRows, required=("date", "asset"))
RESTRICTION_LIST = Contract(
    "restrictions",
    RestrictionRows,
    required=("portfolio_id", "asset", "restriction"),
    may_be_empty=True,
    is_whole=True,  # a restriction that got lost would let something be traded that must not be
)
RENAMES = Contract(
    "renames",
    RenameRows,
    required=("old", "new", "valid_from"),
    may_be_empty=True,
    is_whole=True,  # a rename that got lost would let a holding be closed and bought again
)

CONTRACTS = (ASSETS, RENAMES, RESTRICTION_LIST, POSITIONS, ACCOUNTS, PRICES, SCORES)
"""In the order of reading: scores last, since they are of no use without an asset list."""
