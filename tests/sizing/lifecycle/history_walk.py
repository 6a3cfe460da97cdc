"""The walk of the product through random histories: all of them together, one run of the rules a day."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import polars as pl

from sizing.frames.day_inputs import DayInputs
from sizing.frames.holding_states import DAY_COUNTS, STATES, count_days
from sizing.lifecycle.transition import correct_states
from sizing.pipeline import rebalance
from tests.sizing.days import HOLDINGS, RESTRICTIONS, SCORES, asset_frame
from tests.sizing.lifecycle.histories import BUCKETS, History
from tests.sizing.lifecycle.reference import WEIGHT_UNITS, Case
from tests.sizing.lifecycle.reference_state import Life
from tests.sizing.lifecycle.states import DUST, FIRST_DAY, SESSIONS, file_frame, on

DUST_UNITS = round(DUST * WEIGHT_UNITS)
Book = dict[str, int]


@dataclass(frozen=True)
class Step:
    """One published day of one portfolio: what went in, and what came out of the product."""

    case: Case  # with the state as the product corrected it
    is_from_file: bool
    decisions: Mapping[str, Mapping[str, Any]]
    targets: Mapping[str, Mapping[str, Any]]
    pinned: Mapping[str, float | None]
    after: Mapping[str, Life]


@dataclass
class Walk:
    """All histories on their way: the state and the book of each after its last published day."""

    histories: Sequence[History]
    states: pl.DataFrame = field(default_factory=lambda: STATES.drop(DAY_COUNTS))
    books: dict[str, Book] = field(default_factory=dict)
    earlier_books: dict[str, Book] = field(default_factory=dict)
    inputs: DayInputs | None = None  # of the last day

    def __iter__(self) -> Iterator[dict[str, Step]]:
        last = max(max(one.scores) for one in self.histories)
        for day in range(last + 1):
            yield self.walk(day)

    def walk(self, day: int) -> dict[str, Step]:
        """Run the rules on a day; return a step of each portfolio that publishes."""
        active = [one for one in self.histories if day in one.published]
        if not active:
            return {}
        held = {one.name: self._holdings(one, day) for one in active}
        inputs = self.inputs = day_inputs(active, held, self.states, day)
        result = rebalance(inputs)
        is_active = pl.col("portfolio_id").is_in(list(held))
        self.states = pl.concat([self.states.filter(~is_active), result.lifecycle])
        before, after = lives_of(inputs.states), lives_of(result.lifecycle)
        decisions, sized = by_portfolio(result.decisions), by_portfolio(result.sizing_audit)
        targets = by_portfolio(result.targets.filter(~pl.col("is_cash")))
        steps = {}
        for history in active:
            name = history.name
            steps[name] = Step(
                case=case_of(history, held[name].book, before.get(name, {}), day),
                is_from_file=held[name].is_from_file,
                decisions=decisions.get(name, {}),
                targets=targets.get(name, {}),
                pinned={asset: row["pinned_weight"] for asset, row in sized.get(name, {}).items()},
                after=after.get(name, {}),
            )
            self._publish(name, steps[name])
        return steps

    def _publish(self, name: str, step: Step) -> None:
        self.earlier_books[name] = dict(step.case.book)
        after = {asset: to_units(row["post_trade_weight"]) for asset, row in step.targets.items()}
        self.books[name] = {asset: weight for asset, weight in after.items() if weight > 0}

    def _holdings(self, history: History, day: int) -> "Held":
        book = self.books.get(history.name, {})
        shown = read_file(history.files.get(day, {}), book, self.earlier_books.get(history.name, {}))
        return Held(shown or book, is_from_file=bool(shown))


@dataclass(frozen=True)
class Held:
    """What a portfolio holds on a day, and whether a positions file says so."""

    book: Book
    is_from_file: bool


def read_file(file: Mapping[str, str | int], book: Mapping[str, int], earlier: Mapping[str, int]) -> dict[str, int]:
    """Return the holdings that a file shows; none: it has no row of the portfolio."""
    shown: dict[str, int] = {}
    for asset, kind in file.items():
        known: dict[str | int, int] = {
            "book": book.get(asset, 0),
            "before": earlier.get(asset, 0),
            "gone": 0,
            "dust": DUST_UNITS // 2,
        }
        shown[asset] = known[kind] if isinstance(kind, str) else kind
    return {asset: weight for asset, weight in shown.items() if weight > 0}


def day_inputs(active: Sequence[History], held: Mapping[str, Held], states: pl.DataFrame, day: int) -> DayInputs:
    """Build a day of many portfolios as the tasks do: states corrected by the holdings, and counted."""
    rows = [(name, asset, to_weight(one)) for name, here in held.items() for asset, one in here.book.items()]
    holdings = pl.DataFrame(rows, schema=HOLDINGS, orient="row")
    files = file_frame({name: day for name, here in held.items() if here.is_from_file})
    own = states.filter(pl.col("portfolio_id").is_in(list(held)))
    scores = [
        (one.model, one.asset, on(day - one.age), one.age, one.score, None, None)
        for history in active
        for one in history.scores_on(day)
    ]
    bans = [(one.name, asset, kind, None) for one in active for asset, kind in sorted(one.restrictions[day])]
    return DayInputs(
        as_of_date=on(day),
        limits={one.name: one.limits_on(day) for one in active},
        scores=pl.DataFrame(scores, schema=SCORES, orient="row"),
        assets=asset_frame(BUCKETS, BUCKETS),
        holdings=holdings,
        restrictions=pl.DataFrame(bans, schema=RESTRICTIONS, orient="row"),
        states=count_days(correct_states(own, holdings, files, DUST), on(day), SESSIONS[: day + 1]),
    )


def case_of(history: History, book: Book, lives: Mapping[str, Life], day: int) -> Case:
    return Case(
        limits=history.limits_on(day),
        day=day,
        date=on(day),
        scores=history.scores_on(day),
        book=book,
        restrictions=history.restrictions[day],
        buckets=BUCKETS,
        lives=lives,
    )


def by_portfolio(frame: pl.DataFrame) -> dict[str, dict[str, dict[str, Any]]]:
    rows: dict[str, dict[str, dict[str, Any]]] = {}
    for row in frame.iter_rows(named=True):
        rows.setdefault(row["portfolio_id"], {})[row["asset"]] = row
    return rows


def lives_of(states: pl.DataFrame) -> dict[str, dict[str, Life]]:
    """Return the states of a frame by portfolio and asset."""
    found: dict[str, dict[str, Life]] = {}
    for row in states.iter_rows(named=True):
        dates = (row[name] for name in ("opened_on", "term_started_on", "grace_started_on"))
        opened, term, grace = (None if one is None else number_of(one) for one in dates)
        entry = row["grace_entry_weight"]
        life = Life(
            is_held=row["is_held"],
            is_confirmed=row["is_confirmed"],
            opened=opened,
            term=term,
            grace=grace,
            count=row["grace_count"],
            entry_weight=None if entry is None else to_units(entry),
            closed=tuple(number_of(one) for one in row["closed_on"]),
        )
        found.setdefault(row["portfolio_id"], {})[row["asset"]] = life
    return found


def number_of(day: date) -> int:
    return (day - FIRST_DAY) // timedelta(days=1)


def to_units(weight: Decimal) -> int:
    return int(weight * WEIGHT_UNITS)


def to_weight(units: int) -> Decimal:
    return Decimal(units) / WEIGHT_UNITS
