"""The kill switch: orders that nothing is published, of a portfolio or of all, until somebody lifts them.

*Requires* an open connection and a transaction around every function, which operations.py opens: a halt is looked up in
the very transaction that publishes.
"""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sql.engine.statements import Connection, command, has_table, query
from sql.errors import HaltedError, WarehouseError
from sql.text import first_of, grouped, listed

_Halt = dict[str, Any]


class Order(NamedTuple):
    """An order to halt that is in force: of a portfolio, or of all (None)."""

    portfolio_id: str | None
    by: str
    reason: str
    happened_at: datetime


def halt(con: Connection, portfolio_ids: Collection[str] | None, by: str, reason: str) -> None:
    """Halt the publication of portfolios, None: of all. What is halted already is halted for this reason too."""
    _record(con, _names(portfolio_ids), by, reason, is_halted=True)


def resume(con: Connection, portfolio_ids: Collection[str] | None, by: str, reason: str) -> None:
    """Lift the halts of portfolios, None: the one of all, or none of them.

    *Raises* `WarehouseError` saying what is halted, when one of them is not.
    """
    names = _names(portfolio_ids)
    in_force = _in_force(con)
    halted = [one["portfolio_id"] for one in in_force]
    if not_halted := [_title(name) for name in names if name not in halted]:
        msg = (
            f"not halted: {listed(not_halted)} ({len(not_halted)} of {len(names)} named). Halted are: "
            f"{_describe(in_force) or 'none'}. Nothing was lifted: name what is halted, each halt is lifted for itself"
        )
        raise WarehouseError(msg)
    _record(con, names, by, reason, is_halted=False)


def reject_halted(con: Connection, what: str, portfolio_ids: Collection[str]) -> None:
    """Reject what is to be published for the portfolios. *Raises* `HaltedError` when a halt covers one of them."""
    if covering := [one for one in _in_force(con) if one["portfolio_id"] in {None, *portfolio_ids}]:
        raise HaltedError(what, _describe(covering))


def read_orders(con: Connection) -> tuple[Order, ...]:
    """Return the orders that are in force; none in a file of a release that had no halts."""
    if not has_table(con, "halts"):
        return ()
    return tuple(Order(**row) for row in query(con, "orders_in_force").iter_rows(named=True))


def take_over(con: Connection, orders: Sequence[Order]) -> str:
    """Add orders that are in force elsewhere, and describe what is halted then."""
    known = {order[:-1] for order in read_orders(con)}
    for order in orders:
        if order[:-1] not in known:
            row = {"by": order.by, "reason": order.reason, "happened_at": order.happened_at}
            command(con, "record_halts", portfolio_ids=[order.portfolio_id], is_halted=True, **row)
    return _describe(_in_force(con))


def _in_force(con: Connection) -> list[_Halt]:
    return query(con, "halts_in_force").rows(named=True)


def _names(portfolio_ids: Collection[str] | None) -> list[str | None]:
    if portfolio_ids is None:
        return [None]
    if not portfolio_ids:
        msg = "no portfolio is named, so nothing was halted or lifted: name portfolios, or all of them"
        raise WarehouseError(msg)
    return [*sorted(set(portfolio_ids))]


def _record(con: Connection, names: list[str | None], by: str, reason: str, *, is_halted: bool) -> None:
    if not (by.strip() and reason.strip()):
        msg = f"a halt has by {by!r} and reason {reason!r}, expected text for both: who and why"
        raise WarehouseError(msg)
    order = {"is_halted": is_halted, "by": by.strip(), "reason": reason.strip(), "happened_at": datetime.now(UTC)}
    command(con, "record_halts", portfolio_ids=names, **order)


def _describe(halts: list[_Halt]) -> str:
    lines = (
        (_title(one["portfolio_id"]), f"since {one['since']:%Y-%m-%d %H:%M} UTC by {one['by']}: {one['reason']}")
        for one in halts
    )
    return "; ".join(first_of([" ".join(one) for one in grouped(lines)]))


def _title(portfolio_id: str | None) -> str:
    return portfolio_id or "all portfolios"
