"""The contract of each daily file: its columns, and the rules that a row must keep.

A row that breaks a rule is refused with the rule in words; the good rows go on. What does not belong here: reading.
"""

from dataclasses import dataclass

import dataframely as dy
import polars as pl

from sizing.inputs import RESTRICTIONS
from sql.records import IngestKind

TEXT, NUMBER, DAY = pl.String, pl.Float64, pl.Date


class FileRows(dy.Schema):
    """What every row has: its number in the file (1: the first below the header), and the file's day."""

    row_number = dy.Int32()
    file_day = dy.Date()


class ScoreRows(FileRows):
    """A score file's row: one asset and model of the file's day."""

    model = dy.String(primary_key=True)
    asset = dy.String(primary_key=True, min_length=1)
    as_of_date = dy.Date()
    score = dy.Float64(nullable=True, min=0, max=1)
    technical_score = dy.Float64(nullable=True, min=0, max=1)
    fundamental_score = dy.Float64(nullable=True, min=0, max=1)
    volatility = dy.Float64(nullable=True, min=0)

    @dy.rule()
    def of_the_day(cls) -> pl.Expr:  # noqa: N805 - dataframely hands in the schema
        """Refuse a row of another day."""
        return pl.col("as_of_date") == pl.col("file_day")

    @dy.rule()
    def not_cash(cls) -> pl.Expr:  # noqa: N805 - dataframely hands in the schema
        """Refuse cash: it is never scored."""
        return pl.col("asset") != "CASH"

    @dy.rule()
    def has_a_score(cls) -> pl.Expr:  # noqa: N805 - dataframely hands in the schema
        """Refuse a row without a combined score or a part of one."""
        return pl.any_horizontal(pl.col("score", "technical_score", "fundamental_score").is_not_null())


class AssetRows(FileRows):
    """An asset and its bucket."""

    asset = dy.String(primary_key=True, min_length=1)
    bucket = dy.String(min_length=1)


class PositionRows(FileRows):
    """What a portfolio holds at the start of the file's day, cash left out."""

    portfolio_id = dy.String(primary_key=True, min_length=1)
    asset = dy.String(primary_key=True, min_length=1)
    as_of_date = dy.Date()
    current_weight = dy.Float64(min=0, max=1)

    @dy.rule()
    def of_the_day(cls) -> pl.Expr:  # noqa: N805 - dataframely hands in the schema
        """Refuse a row of another day."""
        return pl.col("as_of_date") == pl.col("file_day")

    @dy.rule()
    def not_cash(cls) -> pl.Expr:  # noqa: N805 - dataframely hands in the schema
        """Refuse cash: it is never a position."""
        return pl.col("asset") != "CASH"


class RestrictionRows(FileRows):
    """A restriction, from and until a day, both included; no portfolio: all of them."""

    portfolio_id = dy.String(nullable=True)
    asset = dy.String(min_length=1)
    restriction = dy.String()
    reason = dy.String(nullable=True)
    valid_from = dy.Date(nullable=True)
    valid_until = dy.Date(nullable=True)

    @dy.rule()
    def known_restriction(cls) -> pl.Expr:  # noqa: N805 - dataframely hands in the schema
        """Refuse what is not a documented kind."""
        return pl.col("restriction").is_in(RESTRICTIONS)

    @dy.rule()
    def begins_before_it_ends(cls) -> pl.Expr:  # noqa: N805 - dataframely hands in the schema
        """Refuse what would hold on no day at all."""
        return pl.col("valid_from").fill_null(pl.col("valid_until")) <= pl.col("valid_until")


@dataclass(frozen=True)
class Contract:
    """One kind of file: its columns (name in the file, name here, type), which must be there, and its row rules."""

    kind: IngestKind
    columns: tuple[tuple[str, str, type[pl.DataType]], ...]
    required: tuple[str, ...]
    rows: type[dy.Schema]
    is_dated: bool
    may_be_empty: bool = False
    """Whether a header without rows says something: that there is nothing, not that something went wrong."""

    is_whole: bool = False
    """Whether one refused row refuses the file: the good rows alone would not be safe."""


SCORES = Contract(
    kind="scores",
    columns=(
        ("date", "as_of_date", DAY),
        ("model", "model", TEXT),
        ("asset", "asset", TEXT),
        ("score", "score", NUMBER),
        ("technical_score", "technical_score", NUMBER),
        ("fundamental_score", "fundamental_score", NUMBER),
        ("volatility", "volatility", NUMBER),
    ),
    required=("date", "asset"),
    rows=ScoreRows,
    is_dated=True,
)
ASSETS = Contract(
    kind="assets",
    columns=(("asset", "asset", TEXT), ("bucket", "bucket", TEXT)),
    required=("asset", "bucket"),
    rows=AssetRows,
    is_dated=False,
)
POSITIONS = Contract(
    kind="positions",
    columns=(
        ("date", "as_of_date", DAY),
        ("portfolio_id", "portfolio_id", TEXT),
        ("asset", "asset", TEXT),
        ("current_weight", "current_weight", NUMBER),
    ),
    required=("date", "portfolio_id", "asset", "current_weight"),
    rows=PositionRows,
    is_dated=True,
)
RESTRICTION_LIST = Contract(
    kind="restrictions",
    columns=(
        ("portfolio_id", "portfolio_id", TEXT),
        ("asset", "asset", TEXT),
        ("restriction", "restriction", TEXT),
        ("reason", "reason", TEXT),
        ("valid_from", "valid_from", DAY),
        ("valid_until", "valid_until", DAY),
    ),
    required=("portfolio_id", "asset", "restriction"),
    rows=RestrictionRows,
    is_dated=False,
    may_be_empty=True,
    is_whole=True,  # a restriction that got lost would let something be traded that must not be
)

CONTRACTS = (ASSETS, RESTRICTION_LIST, POSITIONS, SCORES)
"""In the order of reading: scores last, since they are of no use without an asset list."""
