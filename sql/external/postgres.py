"""PostgreSQL through ADBC: an address whose password is never shown, a connection, errors in one sentence.

The only file that imports the driver. What does not belong here: what is read or written.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, TypeAlias
from urllib.parse import parse_qsl, unquote, urlencode

import adbc_driver_postgresql.dbapi
import pyarrow as pa
from polars.exceptions import PolarsError

from sql.errors import DatabaseUnreachableError, WarehouseError

Connection: TypeAlias = Any
"""An ADBC connection, which ships no types of its cursors."""

_ADDRESS: Final = re.compile(
    r"postgres(?:ql)?://"
    r"(?:(?P<user>[^:@/?#\s]*)(?::(?P<password>[^:@/?#\s]*))?@)?"
    r"(?P<place>(?:(?:\[[^\]@/?#\s]*\]|[^:@/?#\s\[\]])*(?::\d+)?)(?:,(?:\[[^\]@/?#\s]*\]|[^:@/?#\s\[\],])*(?::\d+)?)*"
    r"(?:/[^:@/?#\s]*)?)"
    r"(?:\?(?P<options>[^@#\s]*))?"
)
_SECRET_OPTIONS: Final = {"password", "sslpassword"}
_SHOWN_OPTIONS: Final = {"host", "port", "dbname"}
_DEFAULT_OPTIONS: Final = {"connect_timeout": "10", "tcp_user_timeout": "30000", "application_name": "ballast"}
_HAS_PORT: Final = re.compile(r":\d+$")
_UNREACHABLE: Final = "Failed to connect"
_CANCELED: Final = "57014"
"""The error of PostgreSQL for a statement that took too long."""
_ALLOW_MORE: Final = "see what it waits for, or allow a copy more with BALLAST_POSTGRES_STATEMENT_SECONDS"
_CORRECT: Final = "correct the cause and run again"
_NOISE: Final = re.compile(
    r"^[A-Z_]+: |\[libpq\] |\n*Query was: .*|\.? SQLSTATE: \w+\s*$|\n(?:LINE \d+: |\tIs the server running).*",
    re.DOTALL,
)


class Login(NamedTuple):
    """What a client needs that takes no URI. `hosts` and `ports` may be several, with commas, as libpq has them."""

    hosts: str
    ports: str
    user: str
    password: str
    database: str
    options: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class PostgresAddress:
    """A connection URI of libpq, `postgresql://user:password@host:port/database?option=value`.

    Its text is without user and password. *Raises* `WarehouseError` when it cannot be read, and shows nothing of it.
    """

    uri: str = field(repr=False)

    def __post_init__(self) -> None:
        if not _ADDRESS.fullmatch(self.uri):
            msg = (
                "the PostgreSQL address cannot be read: expected postgresql://user:password@host:port/database, with "
                "%40 for an @ in the user's name or password, %3A for a colon, %2F for a slash"
            )
            raise WarehouseError(msg)

    def __str__(self) -> str:
        shown = urlencode({name: value for name, value in self._options if name in _SHOWN_OPTIONS}, safe="/:,")
        return f"postgresql://{self._parts['place']}" + (f"?{shown}" if shown else "")

    @property
    def full_uri(self) -> str:
        """The URI to connect with: it waits no more than 10 s for a server that does not answer, 30 s for one gone."""
        given = {name for name, _ in self._options}
        missing = urlencode({name: value for name, value in _DEFAULT_OPTIONS.items() if name not in given})
        between = "&" if "?" in self.uri else "?"
        return f"{self.uri}{between}{missing}" if missing else self.uri

    @property
    def login(self) -> Login:
        """The parts of the URI, decoded, and its options that are no secret, with those of `full_uri`."""
        options = dict(parse_qsl(self.full_uri.partition("?")[2], keep_blank_values=True))
        places, _, database = (self._parts["place"] or "").partition("/")
        ends = [place.rpartition(":") if _HAS_PORT.search(place) else (place, "", "") for place in places.split(",")]
        return Login(
            options.pop("host", ",".join(host.strip("[]") for host, _, _ in ends)),
            options.pop("port", ",".join(port for _, _, port in ends).strip(",")),
            unquote(self._parts["user"] or options.pop("user", "")),
            unquote(self._parts["password"] or "") or options.get("password", ""),
            unquote(database) or options.pop("dbname", ""),
            tuple((name, value) for name, value in options.items() if name not in _SECRET_OPTIONS),
        )

    def without_secrets(self, text: str) -> str:
        """Take every password of the address out of a text."""
        secrets = [value for name, value in self._options if name in _SECRET_OPTIONS]
        secrets += [self._parts["password"] or "", unquote(self._parts["password"] or "")]
        for secret in sorted(filter(None, secrets), key=len, reverse=True):
            text = text.replace(secret, "***")
        return text

    @property
    def _parts(self) -> dict[str, str | None]:
        match = _ADDRESS.fullmatch(self.uri)
        return match.groupdict() if match else {}

    @property
    def _options(self) -> list[tuple[str, str]]:
        return parse_qsl(self._parts["options"] or "", keep_blank_values=True)


@contextmanager
def connected(address: PostgresAddress) -> Iterator[Connection]:
    """Open one transaction: committed when the block succeeds, else nothing of it is kept.

    *Raises* `DatabaseUnreachableError` when there is no connection, `WarehouseError` for what the server rejects.
    """
    with translated_errors(address), adbc_driver_postgresql.dbapi.connect(address.full_uri) as con:
        yield con
        con.commit()


@contextmanager
def kept_open(address: PostgresAddress) -> Iterator[Connection]:
    """Open a connection on which each statement is a transaction; errors of the block are not its own.

    *Raises* as `connected` does, when there is no connection.
    """
    with translated_errors(address):
        con = adbc_driver_postgresql.dbapi.connect(address.full_uri, autocommit=True)
    try:
        yield con
    finally:
        # A server that is gone has closed it already.
        with suppress(adbc_driver_postgresql.dbapi.Error):
            con.close()


@contextmanager
def translated_errors(address: PostgresAddress) -> Iterator[None]:
    """Translate an error of the server or the driver into one sentence without a password."""
    try:
        yield
    except (adbc_driver_postgresql.dbapi.Error, OSError, pa.ArrowException, PolarsError) as error:
        sentence = address.without_secrets(_sentence(error))
        if _UNREACHABLE in str(error):
            msg = f"{address}: {sentence}. Nothing was done: start the server, or correct the address"
            raise DatabaseUnreachableError(msg) from None
        is_slow = getattr(error, "sqlstate", None) == _CANCELED
        todo = _ALLOW_MORE if is_slow else _CORRECT
        msg = f"{address}: {sentence}. Nothing there was changed: {todo}"
        raise WarehouseError(msg) from None


def execute(con: Connection, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
    """Run one statement and return its rows."""
    with con.cursor() as cursor:
        cursor.execute(sql, list(parameters) or None)
        rows: list[tuple[Any, ...]] = cursor.fetchall() if cursor.description else []
        return rows


def _sentence(error: Exception) -> str:
    return " ".join(_NOISE.sub("", str(error)).split()).removesuffix(".")
