"""Where each kind of data comes from and how it is written: the section `feeds` of portfolios.yaml.

What is not said there is as in the inbox: CSV in UTF-8 with commas, our names, points in numbers. Nothing is guessed.
Feeds are no limits: they decide where a row comes from, never what becomes of it.
"""

import codecs
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal, Self, TypeAlias, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from sql.records import IngestKind
from tasks.allowed import explain, shown
from tasks.config_file import Problem, unknown
from tasks.contracts import CONTRACTS

FormatName = Literal["csv", "parquet", "jsonl", "arrow"]

_DAY = re.compile(r"(?<!\$)\{as_of_date(?::(?P<format>[^{}]+))?\}")
_OTHER_FIELD = re.compile(r"(?<!\$)\{(?!as_of_date[:}])[^{}]*\}")
_PASSWORD = re.compile(r"://[^/@:]*:(?!\$\{\w+\}@)[^/]*@")
_USER = re.compile(r"(?<=://)[^/]*@")
_SECRET_FIELDS = {"path", "database"}
_ISO = "%Y-%m-%d"


@dataclass(frozen=True)
class Notation:
    """How a file writes its values, where its format leaves that open."""

    decimal: Literal[".", ","] = "."
    separator: str = ","
    encoding: str = "utf-8"
    date_format: str = _ISO


class Feed(BaseModel):
    """Where one kind of data comes from: a path, or a query on a database; and how it is written."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    path: str | None = Field(default=None, description="File, folder, glob or URL; {as_of_date} is the day.")
    database: str | None = Field(default=None, description="URL of a DuckDB, SQLite or PostgreSQL database.")
    query: str | None = Field(default=None, description="What to ask it; $as_of_date is the day.")
    format: FormatName | None = Field(default=None, description="Its format, where the ending does not tell.")
    columns: dict[str, str] = Field(default={}, description="Names of its columns, by our names.")
    ignore_other_columns: bool = Field(default=False, description="Whether columns that nobody knows are left out.")
    decimal: Literal[".", ","] = Field(default=".", description="What stands before the decimals of a number.")
    separator: str = Field(default=",", description="What stands between the values of a CSV row.")
    encoding: str = Field(default="utf-8", description="Encoding of a CSV or JSON lines file.")
    date_format: str = Field(default=_ISO, description="How a date is written, in the codes of strftime.")

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
        if not {"%Y", "%m", "%d"} <= set(re.findall(r"%\w", date_format)) and "%F" not in date_format:
            msg = "expected %Y, %m and %d in it, such as %d.%m.%Y"
            raise ValueError(msg)
        return date_format

    @model_validator(mode="after")
    def _says_where(self) -> Self:
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
        return Notation(self.decimal, self.separator, self.encoding, self.date_format)

    @property
    def is_of_one_day(self) -> bool:
        """Whether the address or the query asks for one day."""
        return bool(_DAY.search(self.path or "")) or "$as_of_date" in (self.query or "")

    def path_on(self, day: date) -> str:
        """Give the path with the day filled in."""
        return _DAY.sub(lambda found: day.strftime(found["format"] or _ISO), self.path or "")

    def path_on_any_day(self) -> tuple[str, re.Pattern[str], str]:
        """Give a glob for the paths of all days, what finds the day in a file's name, and how that is written."""
        path = self.path or ""
        name = path.rpartition("/")[2]
        found = _DAY.search(name)
        if found is None:
            return _DAY.sub("*", path), re.compile(r"(\d{4}-\d{2}-\d{2})"), _ISO
        before, after = (re.escape(part).replace(r"\*", ".*") for part in (name[: found.start()], name[found.end() :]))
        return _DAY.sub("*", path), re.compile(f"^{before}(.+?){after}$"), found["format"] or _ISO


Feeds: TypeAlias = Mapping[IngestKind, Feed]
"""The feed of each kind that does not come from the inbox."""


def without_secrets(address: str) -> str:
    """Give an address as it may be shown and stored: without user, password and the query of a URL."""
    if "://" not in address:
        return address
    return re.split(r"[?#]", _USER.sub("", address), maxsplit=1)[0]


def parse_feeds(section: object) -> tuple[dict[IngestKind, Feed], list[Problem]]:
    """Give the feeds of the section, and every mistake in it, by the keys from the top of the file."""
    if section is None:
        return {}, []
    if not isinstance(section, dict):
        said = f"expected a mapping `feeds` from a kind to its feed, got {shown(section)}"
        return {}, [Problem(("feeds",), said)]
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
        feed, found = _parse_feed(section[kind], [given for given, _, _ in contract.columns])
        problems += [Problem(("feeds", kind, *keys), f"feeds: {kind}: {said}") for keys, said in found]
        if feed:
            feeds[kind] = feed
    return feeds, problems


def _parse_feed(own: object, columns: list[str]) -> tuple[Feed | None, list[Problem]]:
    if not isinstance(own, dict):
        return None, [Problem((), "expected a mapping with a path, or a database and a query")]
    known = Feed.model_fields
    problems = [Problem((name,), unknown(str(name), name, known)) for name in own if name not in known]
    try:
        feed = Feed.model_validate({name: value for name, value in own.items() if name in known})
    except ValidationError as error:
        return None, problems + [_worded(one) for one in error.errors()]
    problems += [
        Problem(("columns", name), unknown(f"columns: {name}", name, columns))
        for name in feed.columns
        if name not in columns
    ]
    names = list(feed.columns.values())
    problems += [
        Problem(("columns",), f"columns: {name} is given {names.count(name)} times")
        for name in sorted({*names})
        if names.count(name) > 1
    ]
    return feed, problems


def _worded(error: Any) -> Problem:  # noqa: ANN401 - pydantic's ErrorDetails
    keys = error["loc"]
    return Problem(keys, explain(error, Feed, is_secret=bool(_SECRET_FIELDS & set(keys[:1]))))
