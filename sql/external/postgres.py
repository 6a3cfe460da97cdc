"""PostgreSQL through ADBC: an address whose password is never shown, a connection, errors in one sentence.

The only file that imports the driver. What does not belong here: what is read or written.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias
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
_UNREACHABLE: Final = "Failed to connect"
_CANCELED: Final = "57014"
"""The error of PostgreSQL for a statement that took too long."""
_ALLOW_MORE: Final = "see what it waits for, or allow a copy more with BALLAST_POSTGRES_STATEMENT_SECONDS"
_CORRECT: Final = "correct the cause and run again"
_NOISE: Final = re.compile(
    r"^[A-Z_]+: |\[libpq\] |\n*Query was: .*|\.? SQLSTATE: \w+\s*$|\n(?:LINE \d+: |\tIs the server running).*",
    re.DOTALL,
)


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
    try:
        with adbc_driver_postgresql.dbapi.connect(address.full_uri) as con:
            yield con
            con.commit()
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
