"""Hold a file's rows against its contract: the good rows go on, a refused row is kept with the rule it broke."""

from datetime import date

import dataframely as dy
import polars as pl

from sizing.frames import STORED_WEIGHT
from sizing.inputs import RESTRICTIONS
from tasks.contracts import DAY, NUMBER, TEXT, Contract

_WORDS = {
    "nullability": "{column} is missing",
    "min_length": "{column} is empty",
    "min": "{column} is below 0",
    "max": "{column} is above 1",
    "nan": "{column} is not a number",
    "inf": "{column} is not finite",
    "parses": "{column} cannot be read as {type}",
    "primary_key": "the same key stands more than once in the file: none of its rows can be trusted",
    "of_the_day": "the row is not of the file's day",
    "has_a_score": "no score and no part of one",
    "not_cash": "CASH is what the sizer leaves over, never scored and never a position",
    "known_restriction": f"restriction is none of {', '.join(RESTRICTIONS)}",
    "begins_before_it_ends": "valid_from is after valid_until: it would hold on no day",
}
_TYPES: dict[object, str] = {NUMBER: "a number", DAY: "a date like 2024-12-02", TEXT: "text"}


def apply_contract(contract: Contract, raw: pl.DataFrame, day: date) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Split raw rows, all text, into those that keep the contract and those that break it.

    *Gives* the accepted rows as their table keeps them, and the rejects `row_number, row_json, rule, reason`. Every
    row is in exactly one of them.
    """
    numbered = raw.with_row_index("row_number", offset=1).with_columns(pl.col("row_number").cast(pl.Int32))
    typed = _typed(contract, numbered, day)
    unreadable = _unreadable(contract, numbered, typed)
    readable = typed.join(unreadable, on="row_number", how="anti", maintain_order="left")
    accepted, failure = contract.rows.filter(readable)
    rules = pl.concat([unreadable, _first_broken_rule(failure)])
    return _as_stored(contract, accepted), _as_rejects(contract, numbered, rules)


def _typed(contract: Contract, numbered: pl.DataFrame, day: date) -> pl.DataFrame:
    columns = [_parsed(_text(numbered, given), dtype).alias(name) for given, name, dtype in contract.columns]
    typed = numbered.select("row_number", *columns, file_day=pl.lit(day))
    return typed.with_columns(pl.col("model").fill_null("default")) if contract.kind == "scores" else typed


def _parsed(text: pl.Expr, dtype: type[pl.DataType]) -> pl.Expr:
    return text.str.to_date("%Y-%m-%d", strict=False) if dtype is DAY else text.cast(dtype, strict=False)


def _text(numbered: pl.DataFrame, column: str) -> pl.Expr:
    if column not in numbered.columns:
        return pl.lit(None, pl.String)
    return pl.col(column).str.strip_chars().replace("", None)


def _unreadable(contract: Contract, numbered: pl.DataFrame, typed: pl.DataFrame) -> pl.DataFrame:
    """Find the first column of each row that holds something, but not what its type can be."""
    texts = numbered.select(_text(numbered, given).alias(f"text_{name}") for given, name, _ in contract.columns)
    rule = pl.coalesce(
        pl.when(pl.col(f"text_{name}").is_not_null() & pl.col(name).is_null()).then(pl.lit(f"{name}|parses"))
        for _, name, _ in contract.columns
    )
    return typed.hstack(texts).select("row_number", rule=rule).drop_nulls("rule")


def _first_broken_rule(failure: dy.FailureInfo) -> pl.DataFrame:
    details = failure.details()
    schema_columns = failure.invalid().columns
    rules = [name for name in details.columns if name not in schema_columns]
    rule = pl.coalesce(
        pl.when(pl.col(name) == "invalid").then(pl.lit(name)) for name in sorted(rules, key=_telling_first)
    )
    return details.select("row_number", rule=rule)


def _telling_first(rule: str) -> tuple[bool, bool]:
    """Put rules of one column before rules of the row, and "not a number" before "above 1": they say more."""
    return "|" not in rule, not rule.endswith(("|nan", "|inf"))


def _as_stored(contract: Contract, accepted: pl.DataFrame) -> pl.DataFrame:
    stored = accepted.select("row_number", *(name for _, name, _ in contract.columns)).sort("row_number")
    if "current_weight" not in stored.columns:
        return stored
    return stored.with_columns(pl.col("current_weight").round(STORED_WEIGHT.scale).cast(STORED_WEIGHT))


def _as_rejects(contract: Contract, numbered: pl.DataFrame, rules: pl.DataFrame) -> pl.DataFrame:
    given_names = {name: given for given, name, _ in contract.columns}
    types = {name: _TYPES[dtype] for _, name, dtype in contract.columns}
    row = pl.struct(column for column in numbered.columns if column != "row_number")
    refused = numbered.select("row_number", row_json=row.struct.json_encode()).join(
        rules, on="row_number", how="inner", maintain_order="left"
    )
    worded = {rule: _words(rule, given_names, types) for rule in refused["rule"].unique()}
    return refused.with_columns(reason=pl.col("rule").replace_strict(worded, return_dtype=pl.String))


def _words(rule: str, given_names: dict[str, str], types: dict[str, str]) -> str:
    column, _, name = rule.rpartition("|")
    return _WORDS[name].format(column=given_names.get(column, column), type=types.get(column, ""))
