"""Where each kind of data comes from and how it is written: the section `feeds` of portfolios.yaml.

What it leaves out is as in the inbox: CSV in UTF-8 with commas, our names, points in numbers. Nothing is guessed.
Feeds are no limits: they decide where a row comes from, never what happens to it.

>>> feed = Feed(path="s3://vendor/eod-{as_of_date:%Y%m%d}.csv", columns={"asset": "symbol"}, ignore_other_columns=True)
>>> feed.path_on(date(2024, 12, 2))
's3://vendor/eod-20241202.csv'
>>> without_secrets("https://user:secret@host/scores.csv?token=1")
'https://host/scores.csv'
"""

import codecs
import fnmatch
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import fields
from datetime import date
from typing import Any, Literal, Self, TypeAlias, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from sql.records import IngestKind
from tasks.config.field_descriptions import explain, shown
from tasks.config.yaml_file import Problem
from tasks.errors import SourceError
from tasks.file_contracts import CONTRACTS, NUMBER, Contract
from tasks.text import unknown
from tasks.values.date_formats import ISO, is_whole, pattern_of
from tasks.values.notation import MISSING, Notation

FormatName = Literal["csv", "parquet", "jsonl", "arrow"]

_DAY = re.compile(r"(?<!\$)\{as_of_date(?::(?P<format>[^{}]+))?\}")
_OTHER_FIELD = re.compile(r"(?<!\$)\{(?!as_of_date[:}])[^{}]*\}")
VARIABLE = re.compile(r"\$\{(\w+)\}")
"""Stands for a variable of the environment."""
_PASSWORD = re.compile(r"://[^/@:]*:(?!\$\{\w+\}@)[^/]*@")
_USER = re.compile(r"(?<=://)[^/]*@")
_SECRET_FIELDS = {"path", "database"}


class Feed(BaseModel):
    """Where one kind of data comes from: a path, or a query on a database; and how it is written."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    path: str | None = Field(default=None, description="File, folder, glob or URL; {as_of_date} is the day.")
    database: str | None = Field(default=None, description="URL of a DuckDB, SQLite or PostgreSQL database.")
    query: str | None = Field(default=None, description="The SQL query; $as_of_date is the day.")
    format: FormatName | None = Field(default=None, description="Its format, where the suffix does not show it.")
    columns: dict[str, str] = Field(default={}, description="Names of its columns, by our names.")
    ignore_other_columns: bool = Field(default=False, description="Whether unknown columns are ignored.")
    decimal: Literal[".", ","] = Field(default=".", description="What stands before the decimals of a number.")
    separator: str = Field(default=",", description="What stands between the values of a CSV row.")
    encoding: str = Field(default="utf-8", description="Encoding of a CSV or JSON lines file.")
    date_format: str = Field(default=ISO, description="How a date is written, in the codes of strptime.")
    thousands: Literal["", ",", ".", " ", "'"] = Field(default="", description="What stands between thousands.")
    percent: list[str] = Field(default=[], description="Our columns whose numbers are in percent, with % or without.")
    missing: list[str] = Field(
        default=list(MISSING), description="Words for nothing where a number or a date is expected, in any case."
    )
    skip_rows: int = Field(default=0, ge=0, le=1_000, description="How many lines stand above the header.")
    stop_at: str | None = Field(
        default=None, description="How the line begins at which the rows end; empty: the first blank line."
    )
    leave_out: dict[str, list[str]] = Field(
        default={}, description="Rows that are not read: a column, and its values in them."
    )
    deadline_seconds: float = Field(
        default=600, gt=0, le=86_400, description="Longest wait for a URL or a database, in seconds."
    )

    @field_validator("separator")
    @classmethod
    def _one_character(cls, separator: str) -> str:
        if len(separator.encode()) != 1 or separator in '"\r\n\0':
            msg = "expected one character, such as ';' or a tab, and no quote"
            raise ValueError(msg)
        return separator

    @field_validator("encoding")
    @classmethod
    def _known_encoding(cls, encoding: str) -> str:
        try:
            "".encode(encoding)
            return codecs.lookup(encoding).name
        except (LookupError, ValueError):
            msg = "expected the name of a text encoding, such as utf-8, utf-16 or cp1252"
            raise ValueError(msg) from None

    @field_validator("date_format")
    @classmethod
    def _whole_date(cls, date_format: str) -> str:
        try:
            names_a_day = is_whole(date_format)
        except ValueError:
            names_a_day = False
        if not names_a_day:
            msg = "expected codes of strptime that name one day, such as %d.%m.%Y, %d-%b-%y or %-m/%-d/%Y"
            raise ValueError(msg)
        return date_format

    @model_validator(mode="after")
    def _require_distinct_marks(self) -> Self:
        if self.thousands == self.decimal:
            msg = f"decimal and thousands are both {self.decimal!r}: they must differ"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _require_one_address(self) -> Self:
        if (self.path is None) == (self.database is None) or (self.database is None) != (self.query is None):
            msg = "expected either a path, or a database with a query"
            raise ValueError(msg)
        address = self.path or self.database or ""
        if other := _OTHER_FIELD.search(address):
            msg = (
                f"{other[0]} is unknown: {{as_of_date}} stands for the day, ${{NAME}} for a variable of the environment"
            )
            raise ValueError(msg)
        if _PASSWORD.search(address):
            msg = "a password stands in the address: write ${NAME} for it, and set NAME in the environment"
            raise ValueError(msg)
        return self

    @property
    def notation(self) -> Notation:
        """How its values are written."""
        values = {one.name: getattr(self, one.name) for one in fields(Notation)}
        return Notation(**values | {"percent": tuple(self.percent), "missing": tuple(self.missing)})

    @property
    def is_of_one_day(self) -> bool:
        """Whether the address or the query asks for one day."""
        return bool(_DAY.search(self.path or "")) or "$as_of_date" in (self.query or "")

    def path_on(self, day: date) -> str:
        """Return the path with the day filled in."""
        return _DAY.sub(lambda found: day.strftime(found["format"] or ISO), self.path or "")

    def path_on_any_day(self) -> tuple[str, re.Pattern[str], str]:
        """Return a glob for the paths of all days, what finds the day in a file's name, and how that is written."""
        path = self.path or ""
        name = path.rpartition("/")[2]
        found = _DAY.search(name)
        if found is None:
            return _DAY.sub("*", path), re.compile(r"(\d{4}-\d{2}-\d{2})"), ISO
        before, after = (
            fnmatch.translate(part).removesuffix(r"\Z") for part in (name[: found.start()], name[found.end() :])
        )
        written = found["format"] or ISO
        return _DAY.sub("*", path), re.compile(f"^{before}({pattern_of(written)}){after}$"), written


Feeds: TypeAlias = Mapping[IngestKind, Feed]
"""The feed of each kind that does not come from the inbox."""


def without_secrets(address: str) -> str:
    """Return an address as it may be shown and stored: without user, password and the query of a URL."""
    if "://" not in address:
        return address
    return re.split(r"[?#]", _USER.sub("", address), maxsplit=1)[0]


def with_environment(text: str, quote: Callable[[str], str] = str) -> str:
    """Fill in the variables of the environment, each quoted. *Raises* `SourceError` for one that is not set."""
    missing = sorted({name for name in VARIABLE.findall(text) if name not in os.environ})
    if missing:
        msg = f"feeds name {', '.join(missing)}, which the environment does not have: set it"
        raise SourceError(msg)
    return VARIABLE.sub(lambda found: quote(os.environ[found[1]]), text)


def parse_feeds(section: object) -> tuple[dict[IngestKind, Feed], list[Problem]]:
    """Return the feeds of the section, and every mistake in it, by the keys from the top of the file."""
    if section is None:
        return {}, []
    if not isinstance(section, dict):
        message = f"expected a mapping `feeds` from a kind to its feed, got {shown(section)}"
        return {}, [Problem(("feeds",), message)]
    contracts = {contract.kind: contract for contract in CONTRACTS}
    problems = [
        Problem(("feeds", kind), unknown(f"feeds: kind {kind}", kind, get_args(IngestKind)))
        for kind in section
        if kind not in contracts
    ]
    feeds: dict[IngestKind, Feed] = {}
    for kind, contract in contracts.items():
        if kind not in section:
            continue
        feed, found = _parse_feed(section[kind], contract)
        problems += [Problem(("feeds", kind, *keys), f"feeds: {kind}: {message}") for keys, message in found]
        if feed:
            feeds[kind] = feed
    return feeds, problems


def _parse_feed(own: object, contract: Contract) -> tuple[Feed | None, list[Problem]]:
    if not isinstance(own, dict):
        return None, [Problem((), "expected a mapping with a path, or a database and a query")]
    try:
        feed = Feed.model_validate(own)
    except ValidationError as error:
        return None, [_explain(one) for one in error.errors()]
    columns = [given for given, _, _ in contract.columns]
    problems = [
        Problem(("columns", name), unknown(f"columns: {name}", name, columns))
        for name in feed.columns
        if name not in columns
    ]
    numbers = [given for given, _, dtype in contract.columns if dtype is NUMBER]
    problems += [
        Problem(("percent",), unknown(f"percent: column {name}", name, numbers))
        for name in feed.percent
        if name not in numbers
    ]
    names = list(feed.columns.values())
    problems += [
        Problem(("columns",), f"columns: {name} is given {names.count(name)} times")
        for name in sorted({*names})
        if names.count(name) > 1
    ]
    return feed, problems


def _explain(error: Any) -> Problem:  # noqa: ANN401 - pydantic's ErrorDetails
    keys = error["loc"]
    return Problem(keys, explain(error, Feed, is_secret=bool(_SECRET_FIELDS & set(keys[:1]))))
