"""The kill switch: set it or lift it. Set, nothing of the portfolios is published, whoever runs a day."""

from collections.abc import Collection, Mapping
from typing import Literal

from sizing.text import listed
from sql.errors import WarehouseError
from tasks.config.settings import Settings
from tasks.errors import ConfigError, UsageError
from tasks.retries import RETRIES
from tasks.runs.snapshots import snapshot
from tasks.stages import run_logger, stage
from tasks.text import all_unknown

_PATIENT = RETRIES._replace(times=30)
"""A backfill holds the warehouse for a quarter of days: a kill switch waits for its turn, some minutes."""

Action = Literal["halt", "resume"]
_DONE: Mapping[Action, str] = {
    "halt": "halted by {by}: nothing is published until `ballast resume`",
    "resume": "resumed by {by}: held days are published when they are run again",
}


def switch(settings: Settings, action: Action, portfolio_ids: tuple[str, ...] | None, by: str, reason: str) -> str:
    """Halt publication of the portfolios, or lift their halts; None: of all, or the halt of all.

    *Returns* what is halted now, in one sentence. *Raises* `UsageError` for an unknown name.
    """
    names = "all portfolios" if portfolio_ids is None else listed(portfolio_ids)
    bring_up_to_date(settings)
    if portfolio_ids:
        require_known_portfolios(settings, portfolio_ids)
    (set_halt if action == "halt" else lift_halt)(settings, portfolio_ids, by, reason)
    snapshot(settings)
    in_force = listed(halts_in_force(settings)) or "nothing"
    return f"{names} {_DONE[action].format(by=by)}; halted now: {in_force}"


@stage("look up portfolios", _PATIENT)
def require_known_portfolios(settings: Settings, portfolio_ids: Collection[str]) -> None:
    """Reject a name that neither the config file nor any run knows: a halt of it would stop nothing.

    The config file is read for a name that no run knows, and may have thousands of portfolios. One that cannot be read
    does not stand in the way of a halt: then the names of the runs count.
    *Raises* `UsageError` with the nearest known name.
    """
    known = set(settings.open_warehouse().query("known_portfolios")["portfolio_id"])
    if known.issuperset(portfolio_ids):
        return
    from tasks.config.portfolios import load_portfolios  # noqa: PLC0415 - the calendars take half a second to import

    try:
        known |= set(load_portfolios(settings.config))
    except ConfigError as error:
        run_logger().warning("only portfolios of earlier runs are known: %s", error)
    unknown_names = [name for name in dict.fromkeys(portfolio_ids) if name not in known]
    if unknown_names:
        msg = f"{all_unknown('portfolio', unknown_names, known)}. Nothing was halted or lifted: correct the name"
        raise UsageError(msg)


@stage("halt", _PATIENT)
def set_halt(settings: Settings, portfolio_ids: tuple[str, ...] | None, by: str, reason: str) -> None:
    """Halt publication of the portfolios; None: of all."""
    settings.open_warehouse().halt(portfolio_ids, by, reason)
    run_logger().warning("halted by %s: %s", by, reason)


@stage("resume", _PATIENT)
def lift_halt(settings: Settings, portfolio_ids: tuple[str, ...] | None, by: str, reason: str) -> None:
    """Lift the halts of the portfolios; None: the one of all."""
    settings.open_warehouse().resume(portfolio_ids, by, reason)
    run_logger().info("resumed by %s: %s", by, reason)


def halts_in_force(settings: Settings) -> tuple[str, ...]:
    """Name what is halted now; `all` for the halt of all portfolios."""
    names = settings.open_warehouse().query("halts_in_force")["portfolio_id"]
    return tuple(sorted(names.fill_null("all")))


@stage("open warehouse", _PATIENT)
def bring_up_to_date(settings: Settings) -> None:
    """Bring the warehouse up to date: a halt may be the first command of a release.

    *Raises* `WarehouseError` where there is none: halted in the wrong folder, everything would go on elsewhere.
    """
    warehouse = settings.open_warehouse()
    if not warehouse.exists():
        msg = (
            f"no warehouse at {warehouse.name}: nothing was halted or resumed. Correct the path, or the folder; "
            "before the first run, make it with `ballast db migrate`"
        )
        raise WarehouseError(msg)
    warehouse.migrate()
