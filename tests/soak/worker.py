"""One life of a process: it does the work of a day as the flow does it, and writes down what it was told is done.

The flow's own function runs, without Prefect's engine. What was acknowledged is appended to a journal, one
JSON object a line: what is written there was seen before the process died.
"""

import asyncio
import json
import os
import sys
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import date
from functools import wraps
from pathlib import Path
from typing import Any

from prefect.client.schemas.objects import State
from prefect.settings import PREFECT_SERVER_ALLOW_EPHEMERAL_MODE, temporary_settings

from flows import backfill
from flows import daily_rebalance as daily
from flows.backfill import BackfillConfig
from sql.any_warehouse import AnyWarehouse
from sql.lake import Lake
from sql.records import Ingest, RunRecord, StartedRun
from sql.warehouse import Warehouse
from tasks.config.settings import RebalanceConfig, Settings
from tasks.retries import NO_RETRIES
from tasks.stages import Stage
from tasks.trading_calendar import find_calendar
from tests.soak.faults import Faults, Kill
from tests.soak.sabotage import SABOTAGES

WRITERS = (
    "migrate",
    "record_ingest",
    "record_history",
    "record_refusal",
    "start_run",
    "record_event",
    "publish",
    "publish_many",
    "export",
    "snapshot",
)

find_calendar("XNYS").require_open(date(2025, 6, 2))  # a process forked from here has the calendar already


@dataclass(frozen=True)
class Order:
    """What a process is to do: which day from which inbox, where, how it dies, and what is broken on purpose.

    `first`: a backfill of the days from there on. `is_kept_open`: the whole day goes through one connection.
    """

    settings: Settings
    day: date
    journal: Path
    first: date | None = None
    kill: Kill | None = None
    sabotage: str | None = None
    is_kept_open: bool = False


def live(order: Order) -> None:
    """Do the work of the day; journal what was acknowledged, then the outcome and the steps, or the error."""
    faults = begin(order)
    _do_without_retries()
    try:
        with temporary_settings({PREFECT_SERVER_ALLOW_EPHEMERAL_MODE: False}), _kept_open(order):
            state = asyncio.run(_flow(order))
    except Exception as error:  # noqa: BLE001 - whatever it is, the harness is told
        tell(order.journal, "failed", error=f"{type(error).__name__}: {error}")
        raise SystemExit(1) from None
    tell(order.journal, "done", outcome=state.name, steps=[asdict(step) for step in faults.steps])


def _flow(order: Order) -> Coroutine[Any, Any, State[Any]]:
    if order.first is None:
        return daily.daily_rebalance.fn(RebalanceConfig(as_of_date=order.day, settings=order.settings))
    return backfill.backfill.fn(BackfillConfig(first=order.first, last=order.day, settings=order.settings))


def _do_without_retries() -> None:
    """Let the first error of a stage be the last one: without a flow run it is a function that tries again."""
    ours = [module for name, module in sys.modules.items() if name.startswith(("flows.", "tasks."))]
    for module in ours:
        for value in vars(module).values():
            if isinstance(value, Stage):
                value.retries = NO_RETRIES


@contextmanager
def _kept_open(order: Order) -> Iterator[None]:
    """Let every step of this process use one open connection, where the order says so."""
    if not order.is_kept_open:
        yield
        return
    warehouse = order.settings.open_warehouse()
    warehouse.migrate()
    with warehouse.kept_open() as session:
        Settings.open_warehouse = lambda _: session  # type: ignore[method-assign]
        yield


def begin(order: Order) -> Faults:
    """Count the steps of this process, journal what the warehouse acknowledges, and break what is to be broken."""
    tell(order.journal, "order")
    if order.sabotage:
        SABOTAGES[order.sabotage]()
    faults = Faults(order.settings.warehouse.parent, order.kill)
    faults.install()
    for store in (Warehouse, Lake):
        for name in WRITERS:
            if hasattr(store, name):
                setattr(store, name, _journaled(getattr(store, name), name, order.journal, faults))
    return faults


def tell(journal: Path, what: str, **facts: object) -> None:
    """Append one line to the journal."""
    line = json.dumps({"what": what, "at": time.monotonic(), **facts}, default=str)
    descriptor = os.open(journal, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(descriptor, f"{line}\n".encode())
    os.close(descriptor)


def _journaled(method: Callable[..., Any], name: str, journal: Path, faults: Faults) -> Callable[..., Any]:
    @wraps(method)
    def journaled(self: AnyWarehouse, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - whatever the method has
        before, faults.stage = faults.stage, name
        try:
            answer = method(self, *args, **kwargs)
        finally:
            faults.stage = before
        tell(journal, name, runs=_run_ids(args), ingests=_ingest_ids(answer))
        return answer

    return journaled


def _run_ids(args: tuple[Any, ...]) -> list[str]:
    match args:
        case (str(run_id), *_):
            return [run_id]
        case (RunRecord() as run, *_):
            return [run.run_id]
        case ([*started], *_):
            return [one.record.run_id for one in started if isinstance(one, StartedRun)]
    return []


def _ingest_ids(answer: Ingest | tuple[Ingest, ...] | object) -> list[int]:
    ingests = answer if isinstance(answer, tuple) else (answer,)
    return [one.ingest_id for one in ingests if isinstance(one, Ingest)]
