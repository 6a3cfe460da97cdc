"""Hold a file's rows against its contract: the good rows go on, a refused row is kept with the rule it broke."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

import dataframely as dy
import polars as pl

from sizing.frames import STORED_WEIGHT
from sizing.inputs import RESTRICTIONS
from sql.frames import INGEST_KEYS
from sql.records import IngestBatch
from tasks.contracts import DAY, NUMBER, TEXT, Contract
from tasks.feeds import Notation

_WORDS = {
    "nullability": "{column} is missing",
    "min_length": "{column} is empty",
    "max_length": "{column} has more than 256 characters",
    "regex": "{column} holds a character that cannot be seen",
    "min": "{column} is below 0",
    "min_exclusive": "{column} is not above 0",
    "max": "{column} is above 1",
    "nan": "{column} is not a number",
    "inf": "{column} is not finite",
    "parses": "{column} cannot be read as {type}",
    "decimal_comma": "{column} cannot be read as a number: where commas are decimal, say so in feeds: decimal: ','",
    "primary_key": "the same key stands more than once in the file: none of its rows can be trusted",
    "of_the_day": "the row is not of the file's day",
    "not_in_the_future": "the row is of a day in the future",
    "has_a_score": "no score and no part of one",
    "not_cash": "CASH is what the sizer leaves over, never scored, never priced and never a position: leave the row "
    "out (only a portfolio that holds nothing has one in positions, of weight 1)",
    "known_restriction": f"restriction is none of {', '.join(RESTRICTIONS)}",
    "begins_before_it_ends": "valid_from is after valid_until: it would hold on no day",
}
_FIRST_YEAR, _LAST_YEAR = 1900, 9999
"""A year of two digits reads as one of antiquity, and a restriction until then would be lifted."""


class RawBatch(NamedTuple):
    """Rows as they were delivered: `rows` as text with their `row_number`, and `broken`, which have no columns."""

    rows: pl.DataFrame
    broken: pl.DataFrame


def broken_rows(rows: Sequence[tuple[int, str, str]]) -> pl.DataFrame:
    """Give rows that cannot be told apart into columns as rejects, from their number, text and what is wrong."""
    frame = pl.DataFrame(rows, schema={"row_number": pl.Int32, "text": pl.String, "reason": pl.String}, orient="row")
    return frame.select(
        "row_number", row_json=pl.struct("text").struct.json_encode(), rule=pl.lit("readable"), reason="reason"
    )


@dataclass(frozen=True)
class Delivery:
    """What is known of rows before they are read: their day (None: many), the last that may be, how they write."""

    day: date | None
    latest_day: date
    notation: Notation


def apply_contract(contract: Contract, raw: RawBatch, delivery: Delivery) -> IngestBatch:
    """Split raw rows into those that keep the contract and those that break it. Every row is in exactly one of them.

    `repeated` has the key of every refused row that could be read: a row with the same key elsewhere in the file is
    no better, in whichever batch it stands.
    """
    typed = _typed(contract, raw.rows, delivery)
    unreadable = _unreadable(contract, raw.rows, typed, delivery.notation)
    readable = typed.join(unreadable, on="row_number", how="anti", maintain_order="left")
    accepted, failure = contract.rows.filter(readable)
    rules = pl.concat([unreadable, _first_broken_rule(failure)])
    rejected = pl.concat([_as_rejects(contract, raw.rows, rules, delivery.notation), raw.broken]).sort("row_number")
    if delivery.day is None:
        rejected = rejected.join(typed.select("row_number", "as_of_date"), on="row_number", how="left")
    return IngestBatch(_as_stored(contract, accepted), rejected, _keys(contract, failure))


def _typed(contract: Contract, rows: pl.DataFrame, delivery: Delivery) -> pl.DataFrame:
    columns = [
        _parsed(_text(rows, given), dtype, delivery.notation).alias(name) for given, name, dtype in contract.columns
    ]
    typed = rows.select("row_number", *columns)
    if contract.is_dated:
        own_day = pl.coalesce("as_of_date", pl.lit(delivery.latest_day))
        typed = typed.with_columns(
            file_day=own_day if delivery.day is None else pl.lit(delivery.day), latest_day=pl.lit(delivery.latest_day)
        )
    return typed.with_columns(pl.col("model").fill_null("default")) if contract.kind == "scores" else typed


def _parsed(text: pl.Expr, dtype: type[pl.DataType], notation: Notation) -> pl.Expr:
    if dtype is DAY:
        day = text.str.to_date(notation.date_format, strict=False)
        return pl.when(day.dt.year().is_between(_FIRST_YEAR, _LAST_YEAR)).then(day)
    if dtype is NUMBER and notation.decimal == ",":
        # A point can only separate thousands here, and nothing says that it does.
        text = pl.when(~text.str.contains(".", literal=True)).then(text.str.replace(",", ".", literal=True))
    return text.cast(dtype, strict=False)


def _text(rows: pl.DataFrame, column: str) -> pl.Expr:
    if column not in rows.columns:
        return pl.lit(None, pl.String)
    return pl.col(column).str.strip_chars().replace("", None)


def _unreadable(contract: Contract, rows: pl.DataFrame, typed: pl.DataFrame, notation: Notation) -> pl.DataFrame:
    """Find the first column of each row that holds something, but not what its type can be."""
    texts = rows.select(
        "row_number", *(_text(rows, given).alias(f"text_{name}") for given, name, _ in contract.columns)
    )
    rule = pl.coalesce(
        pl.when(pl.col(f"text_{name}").is_not_null() & pl.col(name).is_null()).then(_parse_rule(name, dtype, notation))
        for _, name, dtype in contract.columns
    )
    return typed.hstack(texts.drop("row_number")).select("row_number", rule=rule).drop_nulls("rule")


def _parse_rule(name: str, dtype: type[pl.DataType], notation: Notation) -> pl.Expr:
    parses = pl.lit(f"{name}|parses")
    if dtype is not NUMBER or notation.decimal == ",":
        return parses
    has_comma = pl.col(f"text_{name}").str.contains(r"^[+-]?\d*,\d+$")
    return pl.when(has_comma).then(pl.lit(f"{name}|decimal_comma")).otherwise(parses)


def _first_broken_rule(failure: dy.FailureInfo) -> pl.DataFrame:
    details = failure.details()
    schema_columns = failure.invalid().columns
    rules = [name for name in details.columns if name not in schema_columns]
    rule = pl.coalesce(
        pl.when(pl.col(name) == "invalid").then(pl.lit(name)) for name in sorted(rules, key=_telling_first)
    )
    return details.select("row_number", rule=rule)


def _telling_first(rule: str) -> tuple[bool, bool, bool]:
    """Put rules of one column before rules of the row, "not a number" before "above 1", and a repeated key last."""
    return "|" not in rule, not rule.endswith(("|nan", "|inf")), rule == "primary_key"


def _keys(contract: Contract, failure: dy.FailureInfo) -> pl.DataFrame:
    return failure.invalid().select(INGEST_KEYS[contract.kind]).drop_nulls().unique()


def _as_stored(contract: Contract, accepted: pl.DataFrame) -> pl.DataFrame:
    stored = accepted.select("row_number", *(name for _, name, _ in contract.columns)).sort("row_number")
    if "current_weight" not in stored.columns:
        return stored
    return stored.with_columns(pl.col("current_weight").round(STORED_WEIGHT.scale).cast(STORED_WEIGHT))


def _as_rejects(contract: Contract, rows: pl.DataFrame, rules: pl.DataFrame, notation: Notation) -> pl.DataFrame:
    refused = rows.join(rules, on="row_number", how="inner", maintain_order="left")
    row = pl.struct(column for column in rows.columns if column != "row_number")
    worded = {rule: _words(contract, rule, notation) for rule in refused["rule"].unique()}
    return refused.select(
        "row_number",
        row_json=row.struct.json_encode(),
        rule="rule",
        reason=pl.col("rule").replace_strict(worded, return_dtype=pl.String),
    )


def _words(contract: Contract, rule: str, notation: Notation) -> str:
    name, _, broken = rule.rpartition("|")
    given, dtype = {one: (given, dtype) for given, one, dtype in contract.columns}.get(name, (name, TEXT))
    types: dict[object, str] = {
        NUMBER: "a number",
        DAY: f"a date like {_AN_EXAMPLE:{notation.date_format}}",
        TEXT: "text",
    }
    return _WORDS[broken].format(column=given, type=types[dtype])


_AN_EXAMPLE = date(2024, 12, 2)
