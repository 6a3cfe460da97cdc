"""The named schema of every frame that crosses an edge of the rules.

What does not belong here: a rule that decides a weight.
"""

from typing import TypeVar

import dataframely as dy
import polars as pl
from dataframely.exc import SchemaError, ValidationError

from sizing.errors import ContractError
from sizing.names import CASH

STORED_WEIGHT = pl.Decimal(10, 8)
"""Type of a stored weight: eight decimals, exact sums."""

_SHOWN = 5
_WANTED = {
    "nullability": "{column} that is given",
    "min_length": "{column} that is not empty",
    "min": "{column} of at least {bound}",
    "max": "{column} of at most {bound}",
    "inf": "{column} that is finite",
    "nan": "{column} that is a number",
}
"""What a column's rule of dataframely expects, by the name of the rule."""

_OWN_CHECK = "check__"
"""What dataframely puts before the name of a column's own check."""

SchemaT = TypeVar("SchemaT", bound=dy.Schema)


class SelectedAssets(dy.Schema):
    """Input of the sizer: one selected asset a row and portfolio."""

    portfolio_id = dy.String(primary_key=True, min_length=1)
    asset = dy.String(primary_key=True, min_length=1, check={"cash_is_not_scored": lambda asset: asset != CASH})
    bucket = dy.String(min_length=1)
    score = dy.Float64(nullable=True, min=0, max=1)
    is_held = dy.Bool()
    pinned_weight = dy.Float64(nullable=True, min=0, max=1)
    is_immovable = dy.Bool()
    is_locked = dy.Bool()
    is_rounded_down = dy.Bool()
    starts_term = dy.Bool()
    volatility = dy.Float64(nullable=True, min_exclusive=0)
    risk_multiplier = dy.Float64(min=0)

    @dy.rule()
    def immovable_is_pinned(cls) -> pl.Expr:  # noqa: N805 - dataframely hands in the schema
        """Only a pinned holding may be immovable."""
        return ~pl.col("is_immovable") | pl.col("pinned_weight").is_not_null()

    @dy.rule()
    def score_present_unless_pinned(cls) -> pl.Expr:  # noqa: N805 - dataframely passes the schema
        """Only a pinned holding may come without a score."""
        return pl.col("score").is_not_null() | pl.col("pinned_weight").is_not_null()


def validate(schema: type[SchemaT], frame: pl.DataFrame, stage: str) -> dy.DataFrame[SchemaT]:
    """Check `frame` where a bad row would be a bug of the stage before.

    *Raises* `ContractError` with the rule, how many rows broke it, the first of them, and what is expected.
    """
    try:
        return schema.validate(frame)
    except SchemaError as error:
        first_lines = str(error).split("\n\nResolved plan", maxsplit=1)[0]
        expected = ", ".join(f"{name}: {column.dtype}" for name, column in schema.columns().items())
        msg = f"{stage}: {first_lines}; got columns {_described(frame)}; expected {expected}: name and cast them so"
        raise ContractError(msg) from None
    except ValidationError:
        _, failure = schema.filter(frame)
        broken = ", ".join(
            f"{rule.replace(_OWN_CHECK, '')} ({count} rows)" for rule, count in sorted(failure.counts().items())
        )
        rows = failure.invalid().head(_SHOWN).to_dicts()
        expected = ", ".join(_expected(schema, rule) for rule in sorted(failure.counts()))
        msg = (
            f"{stage}: {len(failure)} of {frame.height} rows break {broken}; the first: {rows}; expected {expected}: "
            "correct these rows, or leave them out"
        )
        raise ContractError(msg) from None


def _expected(schema: type[dy.Schema], rule: str) -> str:
    column, _, check = rule.partition("|")
    if check in _WANTED:
        return _WANTED[check].format(column=column, bound=getattr(schema.columns()[column], check, None))
    if rule == "primary_key":
        return f"each {', '.join(schema.primary_key())} once"
    return (check or rule).removeprefix(_OWN_CHECK).replace("_", " ")


def _described(frame: pl.DataFrame) -> str:
    return ", ".join(f"{name}: {dtype}" for name, dtype in frame.schema.items())
