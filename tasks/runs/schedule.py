"""Which day a scheduled run is for, and whether it starts too late to do any good.

After an outage late runs start all at once, the newest first: the day is that of the scheduled start, and a run that is
late is rejected before anything is read, whatever the tables say of its day.
"""

from collections.abc import Collection
from datetime import UTC, date, datetime, timedelta

import polars as pl

from tasks.config.settings import Settings
from tasks.errors import ConfigError, StaleRunError
from tasks.retries import RETRIES
from tasks.stages import scheduled_start_time, stage
from tasks.trading_calendar import find_calendar

_HOUR = timedelta(hours=1)


def scheduled_day(exchange: str) -> date:
    """Return the day of the flow run's scheduled start, in the time zone of the exchange.

    A retry has the first one's.
    """
    return scheduled_start().astimezone(find_calendar(exchange).time_zone).date()


@stage("reject a stale run", RETRIES)
def require_fresh(settings: Settings, day: date, portfolio_ids: Collection[str], scheduled: datetime) -> None:
    """Let a scheduled run go on that starts in time, and whose portfolios have no later day that is published or waits.

    *Raises* `StaleRunError` with the command that runs the day all the same.
    """
    late = datetime.now(UTC) - scheduled
    if late > settings.max_late_hours * _HOUR:
        reason = f"it starts {late / _HOUR:.1f} hours after its scheduled start, more than {settings.max_late_hours:g}"
        raise _stale(day, reason)
    # A warehouse that is not there yet has no later day.
    newest = _newest_days(settings, portfolio_ids) if settings.open_warehouse().exists() else {}
    later = {portfolio_id: one for portfolio_id, one in newest.items() if one > day}
    if later:
        portfolio_id, newest_day = max(later.items(), key=lambda one: one[1])
        reason = f"{newest_day} is published or waits for approval already, of {len(later)} portfolios ({portfolio_id})"
        raise _stale(day, reason)


def _newest_days(settings: Settings, portfolio_ids: Collection[str]) -> dict[str, date]:
    newest = settings.open_warehouse().query("newest_days").filter(pl.col("portfolio_id").is_in(list(portfolio_ids)))
    return dict(newest.select("portfolio_id", "as_of_date").iter_rows())


def _stale(day: date, reason: str) -> StaleRunError:
    msg = (
        f"the scheduled run of {day} is stale: {reason}. Nothing was read or computed: if the day is wanted, "
        f"`ballast run --as-of {day}` or a run with as_of_date {day} in its form does it"
    )
    return StaleRunError(msg)


def scheduled_start() -> datetime:
    """Return when the flow run was to start. *Raises* `ConfigError` where it has no such time."""
    scheduled = scheduled_start_time()
    if scheduled is None:
        msg = "no as_of_date is given and the run has no scheduled time: give the day"
        raise ConfigError(msg)
    return scheduled
