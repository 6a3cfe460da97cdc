"""Validate a file's rows against its contract: the good rows go on, a rejected row is kept with the rule it broke."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

import dataframely as dy
import polars as pl

from sizing.frames.day_inputs import RESTRICTIONS
from sizing.frames.schema import STORED_WEIGHT
from sizing.names import MOST_CHARACTERS, as_names
from sizing.trading.orders import HIGHEST_QUANTITY, HIGHEST_VALUE, SMALLEST_LOT
from sql.records import INGEST_KEYS, IngestBatch
from tasks.file_contracts import DAY, LONGEST_REASON, NAMES, NUMBER, TEXT, Contract
from tasks.values.date_formats import write_date
from tasks.values.notation import Notation
from tasks.values.values import hint_of, text_of, value_of

_WORDS = {
    "nullability": "{column} is missing",
    "min_length": "{column} is empty",
    "max_length": f"{{column}} has more than {MOST_CHARACTERS} characters",
    "regex": "{column} holds a character that cannot be seen",
    "min": "{column} is below 0",
    "min_exclusive": "{column} is not above 0",
    "max": "{column} is above 1",
    "daily_return|min_exclusive": "daily_return is not above -1",
    "portfolio_value|max": f"portfolio_value is above {HIGHEST_VALUE:,.0f}",
    "quantity|max": f"quantity is above {HIGHEST_QUANTITY:,.0f}",
    "lot_size|max": f"lot_size is above {HIGHEST_QUANTITY:,.0f}",
    "lot_size|min": f"lot_size is below {SMALLEST_LOT:.8f}",
    "nan": "{column} is not a number",
    "inf": "{column} is not finite",
    "reason|max_length": f"reason has more than {LONGEST_REASON:,} characters",
    "parses": "{column} cannot be read as {type}",
    "decimal_comma": "{column} cannot be read as a number: where commas are decimal, say so in feeds: decimal: ','",
    "thousands": "{column} cannot be read as a number: where commas separate thousands, say so in feeds: "
    "thousands: ','",
    "percent": "{column} cannot be read as a number: where it is in percent, say so in feeds: percent: [{column}]",
    "primary_key": "the same key stands more than once in the file: none of its rows can be trusted",
    "of_the_day": "the row is not of the file's day",
    "not_in_the_future": "the row is of a day in the future",
    "has_a_score": "no score and no part of one",
    "has_a_price": "close is missing, and there is no daily_return",
    "not_cash": "CASH is what the sizer leaves over, never scored, never priced and never a position: leave the row "
    "out (only a portfolio that holds nothing has one in positions, of weight 1)",
    "check__reserved": "{column} is CASH, the name of what the sizer leaves over: give it another name",
    "known_restriction": f"restriction is none of {', '.join(RESTRICTIONS)}",
    "another_name": "old and new are the same name",
    "begins_before_it_ends": "valid_from is after valid_until: it would hold on no day",
}
_COLUMN_OF = {
    "of_the_day": "as_of_date",
    "not_in_the_future": "as_of_date",
    "not_cash": "asset",
    "known_restriction": "restriction",
}
"""The column whose value a rule of the row is about."""
_WITHOUT_VALUE = ("nullability", "min_length")
GOT = ": got "
"""Stands between what is wrong and the value."""
_LONGEST_SHOWN, _LONGEST_KEPT = 40, 1_000
_AN_EXAMPLE = date(2024, 12, 2)


class RawBatch(NamedTuple):
    """Rows as they were delivered: `rows` as text with their `row_number`, and `broken`, which have no columns.

    `n_more_broken` counts broken rows of which nothing is kept, since there are too many.
    """

    rows: pl.DataFrame
    broken: pl.DataFrame
    n_more_broken: int = 0


def broken_rows(rows: Sequence[tuple[int, str, str]]) -> pl.DataFrame:
    """Return rows that cannot be split into columns as rejects, from their number, text and what is wrong."""
    frame = pl.DataFrame(rows, schema={"row_number": pl.Int32, "text": pl.String, "reason": pl.String}, orient="row")
    return frame.select(
        "row_number",
        row_json=pl.struct(*_cut(["text"])).struct.json_encode(),
        rule=pl.lit("readable"),
        reason="reason",
    )


@dataclass(frozen=True)
class Delivery:
    """What is known of rows before they are read: their day (None: many), the last that may be, how they write."""

    day: date | None
    latest_day: date
    notation: Notation


def apply_contract(contract: Contract, raw: RawBatch, delivery: Delivery) -> IngestBatch:
    """Split raw rows into those that keep the contract and those that break it. Every row is in exactly one of them.

    `repeated` has the key of every rejected row that could be read: a row with the same key elsewhere in the file is
    no better, in whichever batch it stands.
    """
    texts = raw.rows.select(
        "row_number",
        *(text_of(contract, name, raw.rows, delivery.notation).alias(name) for _, name, _ in contract.columns),
    )
    typed = _typed(contract, texts, delivery)
    unreadable = _unreadable(contract, texts, typed, delivery.notation)
    readable = typed.join(unreadable, on="row_number", how="anti", maintain_order="left")
    accepted, failure = contract.rows.filter(readable)
    rules = pl.concat([unreadable, _first_broken_rule(failure)])
    rejected = pl.concat([_as_rejects(contract, raw.rows, rules, delivery.notation), raw.broken]).sort("row_number")
    if delivery.day is None:
        rejected = rejected.join(typed.select("row_number", "as_of_date"), on="row_number", how="left")
    left_out: dict[date | None, int] = {None: raw.n_more_broken} if raw.n_more_broken else {}
    keys = failure.invalid().select(INGEST_KEYS[contract.kind]).drop_nulls().unique()
    return IngestBatch(_as_stored(contract, accepted), rejected, keys, left_out)


def _typed(contract: Contract, texts: pl.DataFrame, delivery: Delivery) -> pl.DataFrame:
    values = [
        value_of(given, dtype, pl.col(name), delivery.notation).alias(name) for given, name, dtype in contract.columns
    ]
    names = [as_names(pl.col(name)) for _, name, _ in contract.columns if name in NAMES]
    typed = texts.select("row_number", *values).with_columns(names)
    if contract.is_dated:
        own_day = pl.coalesce("as_of_date", pl.lit(delivery.latest_day))
        typed = typed.with_columns(
            file_day=own_day if delivery.day is None else pl.lit(delivery.day), latest_day=pl.lit(delivery.latest_day)
        )
    return typed.with_columns(pl.col("model").fill_null("default")) if contract.kind == "scores" else typed


def _unreadable(contract: Contract, texts: pl.DataFrame, typed: pl.DataFrame, notation: Notation) -> pl.DataFrame:
    """Find the first column of each row that holds something, but not what its type can be."""
    rules = [
        pl.when(pl.col(name).is_not_null() & typed[name].is_null()).then(
            pl.format(f"{name}|{{}}", hint_of(given, pl.col(name), notation) if dtype is NUMBER else pl.lit("parses"))
        )
        for given, name, dtype in contract.columns
    ]
    return texts.select("row_number", rule=pl.coalesce(rules)).drop_nulls("rule")


def _first_broken_rule(failure: dy.FailureInfo) -> pl.DataFrame:
    details = failure.details()
    schema_columns = failure.invalid().columns
    rules = [name for name in details.columns if name not in schema_columns]
    rule = pl.coalesce(
        pl.when(pl.col(name) == "invalid").then(pl.lit(name)) for name in sorted(rules, key=_most_specific_first)
    )
    return details.select("row_number", rule=rule)


def _most_specific_first(rule: str) -> tuple[bool, bool, bool]:
    """Put rules of one column before rules of the row, "not a number" before "above 1", and a repeated key last."""
    return "|" not in rule, not rule.endswith(("|nan", "|inf")), rule == "primary_key"


def _as_stored(contract: Contract, accepted: pl.DataFrame) -> pl.DataFrame:
    stored = accepted.select("row_number", *(name for _, name, _ in contract.columns)).sort("row_number")
    if "current_weight" not in stored.columns:
        return stored
    return stored.with_columns(pl.col("current_weight").round(STORED_WEIGHT.scale).cast(STORED_WEIGHT))


def _as_rejects(contract: Contract, rows: pl.DataFrame, rules: pl.DataFrame, notation: Notation) -> pl.DataFrame:
    rejected = rows.join(rules, on="row_number", how="inner", maintain_order="left")
    different = rejected["rule"].unique()
    worded = {rule: _words(contract, rule, notation) for rule in different}
    words = pl.col("rule").replace_strict(worded, return_dtype=pl.String)
    return rejected.select(
        "row_number",
        row_json=pl.struct(*_cut(name for name in rows.columns if name != "row_number")).struct.json_encode(),
        rule="rule",
        reason=pl.coalesce(pl.format(f"{{}}{GOT}{{}}", words, _value(contract, different, rows.columns)), words),
    )


def _cut(names: Iterable[str]) -> list[pl.Expr]:
    """Shorten long values, and report how long they are."""
    return [
        pl.when(pl.col(name).str.len_chars() > _LONGEST_KEPT)
        .then(
            pl.format("{}... ({} characters)", pl.col(name).str.slice(0, _LONGEST_KEPT), pl.col(name).str.len_chars())
        )
        .otherwise(pl.col(name))
        .alias(name)
        for name in names
    ]


def _value(contract: Contract, rules: Iterable[str], names: Sequence[str]) -> pl.Expr:
    """Return the value that broke the rule, as it is shown; null where it says nothing."""
    givens = {name: given for given, name, _ in contract.columns}
    value = pl.lit(None, pl.String)
    for rule in rules:
        column, _, broken = rule.rpartition("|")
        given = givens.get(_COLUMN_OF.get(broken, column), "")
        if given in names and broken not in _WITHOUT_VALUE:
            # What cannot be seen is shown by its number.
            quoted = _quoted(pl.col(given), ascii if broken == "regex" else repr)
            value = pl.when(pl.col("rule") == rule).then(quoted).otherwise(value)
    return value


def _quoted(text: pl.Expr, quote: Callable[[str], str]) -> pl.Expr:
    def quoted(values: pl.Series) -> pl.Series:
        different = values.drop_nulls().unique()
        written = pl.Series([quote(one) for one in different], dtype=pl.String)
        return values.replace_strict(different, written, default=None, return_dtype=pl.String)

    short = text.str.slice(0, _LONGEST_SHOWN).map_batches(quoted, return_dtype=pl.String)
    return short + pl.when(text.str.len_chars() > _LONGEST_SHOWN).then(pl.lit("...")).otherwise(pl.lit(""))


def _words(contract: Contract, rule: str, notation: Notation) -> str:
    name, _, broken = rule.rpartition("|")
    given, dtype = {one: (given, dtype) for given, one, dtype in contract.columns}.get(name, (name, TEXT))
    example = write_date(_AN_EXAMPLE, notation.date_format)
    types: dict[object, str] = {
        NUMBER: "a number",
        DAY: f"a date like {example} (where dates are written otherwise, say so in feeds: date_format)",
        TEXT: "text",
    }
    return _WORDS.get(rule, _WORDS[broken]).format(column=given, type=types[dtype])
