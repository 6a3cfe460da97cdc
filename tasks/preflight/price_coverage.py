"""For which sessions that limits read the returns of there are no prices: looked at before a run.

What does not belong here: which names have no volatility then (inputs/warnings/volatility_coverage.py).
"""

from collections.abc import Collection, Mapping
from datetime import date

from sizing.limits.model import RebalancingLimits
from sizing.text import counted, listed
from sql.snapshot_reader import Reader
from tasks.inputs.day_prices import longest_window
from tasks.inputs.day_sources import NOW
from tasks.text import have
from tasks.trading_calendar import exchange_of, find_calendar

Limits = Mapping[str, RebalancingLimits]


def days_with_prices(snapshot: Reader, day: date, of_calendars: Mapping[str, Limits]) -> frozenset[date]:
    """Return the days up to `day` of which prices were read, as far back as limits read them."""
    firsts = [find_calendar(name).before(day, longest_window(limits)) for name, limits in of_calendars.items()]
    known = snapshot.query("known_prices", first=min(firsts, default=day), last=day, known_at=NOW)
    return frozenset(known["as_of_date"])


def describe_missing_prices(day: date, of_calendars: Mapping[str, Limits], priced: Collection[date]) -> tuple[str, ...]:
    """Return for each calendar how many sessions that limits read have no prices, and what to deliver.

    A return needs the close of the session before it: the one before the window counts too.
    """
    found = []
    for calendar, limits in of_calendars.items():
        reading = {name: one for name, one in limits.items() if one.reads_returns}
        sessions = find_calendar(calendar).until(day, longest_window(reading) + 1) if reading else ()
        missing = [session for session in sessions if session not in priced]
        if not missing:
            continue
        least = min(one.min_observations for one in reading.values())
        effect = (
            " No name has a volatility, so nothing is opened or closed."
            if len(sessions) - len(missing) <= least
            else ""
        )
        found.append(
            f"limits of {listed(sorted(reading))} read the returns of {len(sessions) - 1} sessions of "
            f"{exchange_of(calendar)}: {counted(len(missing), 'session')} of {sessions[0]} to {sessions[-1]} "
            f"{have(len(missing))} no prices ({listed([str(one) for one in missing])}): deliver "
            f"prices of these days (close, or daily_return).{effect}"
        )
    return tuple(found)
