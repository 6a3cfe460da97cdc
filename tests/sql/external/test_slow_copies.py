"""A PostgreSQL that accepts a copy and then hangs is left alone after a while, and the day is published."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

import adbc_driver_postgresql.dbapi as driver
import pytest
from pydantic import SecretStr

from sql.errors import DatabaseUnreachableError, WarehouseError
from sql.external.postgres import PostgresAddress
from sql.external.postgres_copy import Patience, copy_published
from sql.warehouse import Warehouse
from tasks.config.settings import Settings
from tasks.operations.postgres_copy import copy_or_warn
from tests.helpers.postgres_server import PostgresServer
from tests.sql.warehouse_samples import publish

pytestmark = pytest.mark.slow
SCHEMA = "slow"
LONG = 60


@pytest.fixture
def published(make_migrated: Callable[[], Warehouse]) -> Warehouse:
    made = make_migrated()
    publish(made, "r1")
    return made


@pytest.fixture
def hanging(postgres: PostgresServer) -> Iterator[int]:
    """The port of a line to the server that takes everything, and lets nothing through once a COPY has begun."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=_connect_once, args=(listening, postgres.port), daemon=True)
        thread.start()
        yield int(listening.getsockname()[1])


def _connect_once(listening: socket.socket, port: int) -> None:
    with suppress(OSError):
        client, _ = listening.accept()
        server = socket.create_connection(("127.0.0.1", port))
        threading.Thread(target=_pass_on, args=(server, client), daemon=True).start()
        _pass_on(client, server)


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while (received := source.recv(65536)) and b"COPY " not in received:
            target.sendall(received)
        time.sleep(LONG)


def _failed(warehouse: Warehouse) -> list[str]:
    return warehouse.query("copies")["error"].drop_nulls().to_list()


def test_a_server_that_hangs_in_the_middle_is_left_alone_after_the_deadline(
    published: Warehouse, postgres: PostgresServer, hanging: int
) -> None:
    began = time.monotonic()
    with pytest.raises(WarehouseError, match=r"did not end within 2 s: .*BALLAST_POSTGRES_SECONDS") as raised:
        copy_published(published, PostgresAddress(postgres.url(port=hanging)), SCHEMA, Patience(seconds=2))
    assert time.monotonic() - began < LONG / 2
    assert not isinstance(raised.value, DatabaseUnreachableError), "it would be tried again, and hang again"
    assert _failed(published) == [str(raised.value)]
    assert copy_published(published, PostgresAddress(postgres.url()), f"{SCHEMA}_again").n_runs == 1


def test_a_day_goes_on_with_a_warning(published: Warehouse, postgres: PostgresServer, hanging: int) -> None:
    settings = Settings(
        warehouse=published.path,
        snapshot=published.snapshot_path,
        postgres_url=SecretStr(postgres.url(port=hanging)),
        postgres_schema=SCHEMA,
        postgres_seconds=2,
    )
    [warning] = copy_or_warn(settings)
    assert "not copied to PostgreSQL" in warning
    assert "BALLAST_POSTGRES_SECONDS" in warning


def test_a_statement_that_waits_too_long_is_ended_by_the_server(published: Warehouse, postgres: PostgresServer) -> None:
    address, schema = PostgresAddress(postgres.url()), f"{SCHEMA}_locked"
    copy_published(published, address, schema)
    publish(published, "r2")
    with driver.connect(postgres.url()) as con, con.cursor() as cursor:
        cursor.execute(f"LOCK TABLE {schema}.current_targets IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(WarehouseError, match="BALLAST_POSTGRES_STATEMENT_SECONDS"):
            copy_published(published, address, schema, Patience(statement_seconds=0.3))
    assert len(_failed(published)) == 1
    assert copy_published(published, address, schema).n_runs == 1
