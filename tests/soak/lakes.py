"""Lakes that are made to suffer: an installation whose days are computed in shards, lost connections, a lost server."""

import hashlib
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

from pydantic import SecretStr

from sql.any_warehouse import AnyWarehouse
from sql.engine.table_contracts import RUN_TABLES
from sql.errors import WarehouseError
from tasks.config.settings import Settings
from tests.helpers.postgres_server import PostgresServer
from tests.scale.cutting_proxy import When, cutting_proxy
from tests.soak.campaign import make_installation
from tests.soak.reader import opened
from tests.sql.warehouse_samples import make_frames, make_run

Advance = Callable[[], None]
_PATIENCE = 300
"""Eight processes that publish wait for each other, on a busy machine."""
_LONGEST_PUBLISH = 2.0
"""A server is stopped at a random moment of so many seconds."""


def install_in_a_lake(url: str, home: Path) -> Settings:
    """Make a new installation in a schema of its own of the database at `url`; each portfolio is a shard."""
    schema = f"soak_{hashlib.sha256(bytes(home)).hexdigest()[:12]}"
    named = {"store": "ducklake", "lake_catalog": SecretStr(url), "lake_schema": schema, "lock_seconds": _PATIENCE}
    return make_installation(home).model_copy(update=named | {"lake_data": str(home / "lake"), "shard_size": 1})


def cut_connections(home: Path, postgres: PostgresServer, n_cuts: int, advance: Advance) -> Iterator[str]:
    """Lose the connection at the COMMIT of a run, before or after it is kept, so often; yield what is wrong then."""
    with cutting_proxy(postgres.port) as proxy:
        lake = install_in_a_lake(postgres.url(port=proxy.port), home).open_warehouse()
        lake.migrate()
        for number in range(n_cuts):
            run_id, when = f"r{number}", (When.__args__)[number % 2]
            lake.start_run(make_run(run_id), "soak")
            proxy.when = when
            is_told = _publishes(lake, run_id)
            if is_told is not (when == "after"):
                yield f"cut {when} the COMMIT of {run_id}: published is {is_told}"
            yield from _look(lake, run_id, is_whole=is_told)
            if proxy.cuts != number + 1:
                yield f"{run_id}: {proxy.cuts} connections were cut"
            if not is_told and not _publishes(lake, run_id):
                yield f"{run_id} is not published after the connection was lost"
            advance()


def stop_the_server(home: Path, postgres: PostgresServer, n_stops: int, seed: int, advance: Advance) -> Iterator[str]:
    """Stop PostgreSQL while a run is published, start it, and publish again, so often; yield what is wrong then."""
    lake, random = install_in_a_lake(postgres.url(), home).open_warehouse(), Random(seed)
    lake.migrate()
    for number in range(n_stops):
        run_id = f"r{number}"
        lake.start_run(make_run(run_id), "soak")
        failing = threading.Timer(random.uniform(0, _LONGEST_PUBLISH), _restart, [postgres])
        failing.start()
        is_told = _publishes(lake, run_id)
        failing.join()
        if is_told:
            yield from _look(lake, run_id, is_whole=True)
        elif not _is_whole_or_absent(lake, run_id):
            yield f"{run_id} is torn after the server was stopped"
        _publishes(lake, run_id)
        yield from _look(lake, run_id, is_whole=True)
        advance()


def _restart(postgres: PostgresServer) -> None:
    postgres.stop(signal.SIGQUIT)
    postgres.start()


def _publishes(lake: AnyWarehouse, run_id: str) -> bool:
    """Publish a run, and return whether the lake says that it is published."""
    try:
        lake.publish(run_id, make_frames(), "soak")
    except WarehouseError:
        return False
    return True


def _look(lake: AnyWarehouse, run_id: str, *, is_whole: bool) -> Iterator[str]:
    counted = _count(lake, run_id)
    expected = {table: frame.height if is_whole else 0 for table, frame in make_frames().items()}
    if counted != expected:
        yield f"{run_id} has {counted}, expected {expected}"


def _is_whole_or_absent(lake: AnyWarehouse, run_id: str) -> bool:
    whole = {table: frame.height for table, frame in make_frames().items()}
    return _count(lake, run_id) in (whole, dict.fromkeys(whole, 0))


def _count(lake: AnyWarehouse, run_id: str) -> dict[str, int]:
    with opened(lake) as con:
        sql = "SELECT count(*) FROM {} WHERE run_id = $1"
        return {table: con.execute(sql.format(table), [run_id]).fetchall()[0][0] for table in RUN_TABLES}
