"""Days to prove the selection on: one maker, fed by a seeded generator or by hypothesis.

A drawn day is one day of several portfolios, so that one run of the rules answers for all of them. Few assets, few
distinct scores and tight limits: ties, full buckets, pinned holdings and replacement rounds are common, not rare.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from random import Random
from typing import Any

import polars as pl
from hypothesis import strategies as st
from hypothesis.vendor.pretty import RepresentationPrinter

from sizing import RebalancingLimits
from sizing.frames.day_inputs import DayInputs
from sizing.frames.holding_states import STATES
from sizing.limits.fields import MOST_POSITIONS
from sizing.limits.lifecycle import CoreAsset
from tests.helpers.examples import ALL_EXAMPLES
from tests.sizing.days import AS_OF, Ban, Score, a_day
from tests.sizing.reference.selection import RESTRICTIONS, UNITS, Asked

BUCKET_OF = {"t": "tech", "d": "drugs", "i": "industry", "c": "care", "u": None}
ASSETS = ("t1", "t2", "t3", "t4", "d1", "d2", "d3", "i1", "i2", "c1", "u1", "u2")
BUCKETS = tuple(bucket for bucket in BUCKET_OF.values() if bucket)
MODELS = ("default", "growth", "value")
PORTFOLIOS = 20
N_DAYS = int(os.environ.get("BALLAST_FUZZ_DAYS", "8" if ALL_EXAMPLES else "4"))
"""Days that each guarantee is asked of; the slow rules have days of their own."""

LADDER = (0.3, 0.59, 0.6, 0.65, 0.65, 0.7, 0.7, 0.75, 0.8, 0.85, 0.9, 1.0)
THRESHOLDS = (
    (0.6, 0.65),
    (0.6, 0.65),
    (0.6, 0.6),
    (0.0, 0.0),
    (0.0, 0.0),
    (0.3, 0.5),
    (0.7, 0.6),
    (0.5, 0.8),
    (1.0, 1.0),
)
AGES = (0,) * 12 + (1, 1, 3, 4, None)


@dataclass(frozen=True)
class Past:
    """What is remembered of a name, in days before the day."""

    portfolio_id: str
    asset: str
    held_for: int | None = None
    term: int | None = None
    grace_count: int | None = None
    closed: tuple[int, ...] = ()
    is_held: bool = True

    def row(self) -> tuple[Any, ...]:
        held, term, closes = map(days_ago, (self.held_for, self.term)), None, [days_ago(one) for one in self.closed]
        opened, term = held
        in_grace = self.grace_count is not None
        return (
            *(self.portfolio_id, self.asset, self.is_held, True, opened, term),
            *(AS_OF if in_grace else None, self.grace_count, Decimal("0.2") if in_grace else None, closes),
            *(self.held_for, self.term, list(self.closed)),
        )


def days_ago(number: int | None) -> date | None:
    return None if number is None else AS_OF - timedelta(days=number)


@dataclass(frozen=True, eq=False)  # a day is itself: what was decided on it is kept
class SelectionDay:
    """A day still in its parts, so that a property can change one of them."""

    limits: dict[str, RebalancingLimits]
    scores: tuple[Score, ...]
    held: dict[tuple[str, str], str]
    bans: tuple[Ban, ...]
    past: tuple[Past, ...] = ()

    def _repr_pretty_(self, printer: RepresentationPrinter, _: bool) -> None:  # noqa: FBT001 - hypothesis asks for it
        printer.text(f"a day of {len(self.limits)} portfolios")  # a failure tells of the one that matters

    def day(self) -> DayInputs:
        names = {name for _, name in self.held} | {one.asset for one in self.scores}
        buckets = {name: BUCKET_OF[name[0]] for name in names}
        day = a_day(self.limits, scores=self.scores, held=self.held, bans=self.bans, buckets=buckets)
        states = pl.DataFrame([one.row() for one in self.past], schema=STATES.schema, orient="row")
        return replace(day, states=states)

    def asked(self, portfolio_id: str) -> Asked:
        """Return what the slow rules are asked for one portfolio."""
        return Asked(
            limits=self.limits[portfolio_id],
            scores=self.scores,
            held=frozenset(name for one, name in self.held if one == portfolio_id),
            restrictions=frozenset(
                (ban.asset, ban.restriction) for ban in self.bans if ban.portfolio_id in (None, portfolio_id)
            ),
            buckets={name: bucket for name in ASSETS if (bucket := BUCKET_OF[name[0]])},
        )

    def alone(self, portfolio_id: str) -> "SelectionDay":
        own = self.limits[portfolio_id]
        return SelectionDay(
            limits={portfolio_id: own},
            scores=tuple(one for one in self.scores if one.model == own.model),
            held={key: weight for key, weight in self.held.items() if key[0] == portfolio_id},
            bans=tuple(ban for ban in self.bans if ban.portfolio_id in (None, portfolio_id)),
            past=tuple(one for one in self.past if one.portfolio_id == portfolio_id),
        )

    def describe(self, portfolio_id: str) -> str:
        """Return what one portfolio was made from, for the message of a test that fails."""
        one = self.alone(portfolio_id)
        lines = [
            f"limits: {one.limits[portfolio_id].model_dump(exclude_defaults=True)}",
            *(str(score) for score in one.scores),
            f"held: {one.held}",
            *(str(ban) for ban in one.bans),
            *(str(past) for past in one.past),
        ]
        return "\n".join(lines)

    def with_scores(self, changes: Iterable[tuple[str, str, int]]) -> "SelectionDay":
        """Return one portfolio for each change (portfolio, asset, score in units): a copy in which only that differs.

        The copies are called "0", "1", and so on, and follow a model each.
        """
        limits, scores, held, past, bans = {}, [], {}, [], [ban for ban in self.bans if ban.portfolio_id is None]
        for number, (portfolio_id, asset, units) in enumerate(changes):
            name, one = str(number), self.alone(portfolio_id)
            limits[name] = one.limits[portfolio_id].model_copy(update={"model": name})
            scores += [replace(score, model=name) for score in rescored(one, portfolio_id, asset, units)]
            held |= {(name, held_asset): weight for (_, held_asset), weight in one.held.items()}
            bans += [replace(ban, portfolio_id=name) for ban in one.bans if ban.portfolio_id is not None]
            past += [replace(own, portfolio_id=name) for own in one.past]
        return SelectionDay(limits, tuple(scores), held, tuple(bans), tuple(past))


def rescored(drawn: SelectionDay, portfolio_id: str, asset: str, units: int) -> list[Score]:
    """Return the scores with another one in place of the row that counted for the asset."""
    own = drawn.limits[portfolio_id]
    weighs = (own.technical_score_weight > 0, own.fundamental_score_weight > 0)

    def has_score(one: Score) -> bool:
        parts = zip(weighs, (one.technical, one.fundamental), strict=True)
        return one.score is not None or any(counts and part is not None for counts, part in parts)

    ages = [one.age for one in drawn.scores if one.asset == asset and has_score(one)]
    return [
        Score(asset, units / UNITS, age=one.age, model=one.model)
        if (one.asset, one.age) == (asset, min(ages, default=None))
        else one
        for one in drawn.scores
    ]


def make_day(rng: Random, portfolios: int = PORTFOLIOS) -> SelectionDay:
    names = [f"P{number:02}" for number in range(portfolios)]
    return SelectionDay(
        limits={name: make_limits(rng) for name in names},
        scores=tuple(score for model in MODELS for score in make_scores(rng, model)),
        held={
            (name, asset): rng.choice(("0.05", "0.05", "0.1", "0.3", "0.00000001", "0"))
            for name in names
            for asset in make_holdings(rng)
        },
        bans=tuple(make_bans(rng, names)),
    )


def make_limits(rng: Random) -> RebalancingLimits:
    """Draw limits; half of the portfolios are made for the later gates, where few names fail the first ones."""
    drawn = make_any_limits(rng)
    if rng.random() < 0.5:
        return drawn
    late = {
        "replacement_margin": rng.choice((0, 0, 0.05)),
        "max_total_positions": rng.choice((2, 3, 3, 4, 5, 6, 7)),
        "max_new_positions": rng.choice((1, 2, 3, 5)),
        "max_positions_per_bucket": rng.choice((1, 1, 2, 2, 3, 12)),
        "allow_bucket_overflow": rng.random() < 0.5,
        "min_buckets_represented": rng.choice((0, 0, 2, 3, 4, 5)),
        "min_score_threshold": rng.choice((0.0, 0.3)),
        "min_score_new_position": rng.choice((0.0, 0.6)),
        "allow_unclassified": True,
        "exclude_assets": (),
        "include_assets": (),
        "include_buckets": (),
    }
    return drawn.model_copy(update=late)


def make_any_limits(rng: Random) -> RebalancingLimits:
    threshold, entry = rng.choice(THRESHOLDS)
    technical, fundamental = rng.choice(((0.6, 0.4), (0.6, 0.4), (1.0, 0.0), (0.0, 1.0), (0.5, 0.25)))
    return RebalancingLimits(
        model=rng.choice(MODELS),
        technical_score_weight=technical,
        fundamental_score_weight=fundamental,
        max_score_age_days=rng.choice((0, 3, 3, 3)),
        min_score_threshold=threshold,
        min_score_new_position=entry,
        max_new_positions=rng.choice((0, 1, 1, 2, 2, 3, 5, MOST_POSITIONS)),
        max_total_positions=rng.choice((1, 2, 3, 3, 4, 4, 5, 6, 8, MOST_POSITIONS)),
        max_positions_per_bucket=rng.choice((1, 1, 2, 2, 3, 4, MOST_POSITIONS)),
        max_positions_by_bucket={
            bucket: rng.choice((1, 2, 3)) for bucket in some(rng, (*BUCKETS, "unclassified"), 0.2)
        },
        allow_bucket_overflow=rng.random() < 0.3,
        min_buckets_represented=rng.choice((0, 1, 2, 2, 3, 4, 5, MOST_POSITIONS)),
        replacement_margin=rng.choice((None, 0, 0, 0.05, 0.05, 0.2)),
        allow_unclassified=rng.random() < 0.5,
        **make_universe(rng),
    )


def make_universe(rng: Random) -> dict[str, tuple[str, ...]]:
    """Draw what the portfolio leaves out, and sometimes what alone it wants."""
    universe = {
        "exclude_assets": some(rng, ASSETS, rng.choice((0.0, 0.1))),
        "exclude_buckets": some(rng, BUCKETS, 0.03),
    }
    if rng.random() < 0.15:
        universe["include_buckets"] = some(rng, (*BUCKETS, "unclassified"), rng.choice((0.0, 0.5)))
        universe["include_assets"] = some(rng, ASSETS, rng.choice((0.0, 0.3)))
    return universe


def some(rng: Random, names: Iterable[str], share: float) -> tuple[str, ...]:
    return tuple(name for name in names if rng.random() < share)


def make_holdings(rng: Random) -> tuple[str, ...]:
    return some(rng, ASSETS, rng.choice((0.0, 0.2, 0.4, 0.4, 0.6, 0.8)))


def make_bans(rng: Random, names: list[str]) -> list[Ban]:
    whose = [name for name in names for _ in range(rng.choice((0, 0, 1, 2)))] + [None] * rng.choice((0, 0, 1, 2))
    return [Ban(rng.choice(ASSETS), rng.choice(RESTRICTIONS), name) for name in whose]


def make_scores(rng: Random, model: str) -> list[Score]:
    """Draw the scores of one model: on the ladder with many ties, a grid step beside it, or anywhere."""
    style = rng.choice(("ladder", "ladder", "ladder", "beside", "any"))
    scores = []
    for asset in ASSETS:
        age = rng.choice(AGES)
        if age is not None:
            scores.append(make_score(rng, style, asset, age, model))
        if age and rng.random() < 0.5:
            scores.append(Score(asset, make_number(rng, style), age=age + 1, model=model))
            scores.append(Score(asset, age=0, model=model))  # today's row came, and says nothing
    return scores


def make_score(rng: Random, style: str, asset: str, age: int, model: str) -> Score:
    if rng.random() < 0.75:
        return Score(asset, make_number(rng, style), age=age, model=model)
    technical, fundamental = make_number(rng, "ladder"), make_number(rng, "ladder")
    there = rng.choice(((technical, fundamental), (technical, fundamental), (technical, None), (None, fundamental)))
    return Score(asset, None, *there, age=age, model=model)


def make_number(rng: Random, style: str) -> float:
    if style == "any":
        return round(rng.uniform(0.4, 1.0), rng.choice((2, 4, 12)))
    number = rng.choice(LADDER)
    steps = rng.choice((-1, 0, 1)) if style == "beside" else 0
    return min(1.0, (round(number * UNITS) + steps) / UNITS)


def with_past(rng: Random, drawn: SelectionDay) -> SelectionDay:
    """Return the day with limits of the lifecycle in most portfolios, and a past for most names."""
    limits = {name: one.model_copy(update=make_lifecycle(rng, one)) for name, one in drawn.limits.items()}
    past = tuple(
        make_past(rng, name, asset, is_held=(name, asset) in drawn.held)
        for name in limits
        for asset in some(rng, ASSETS, 0.8)
    )
    return replace(drawn, limits=limits, past=past)


def make_lifecycle(rng: Random, limits: RebalancingLimits) -> dict[str, Any]:
    if rng.random() < 0.1:
        return {}
    recovery = rng.choice((None, None, 0.75))
    is_above = recovery is not None and recovery >= limits.min_score_threshold
    core = {asset: CoreAsset(until=AS_OF, reason="a test") for asset in some(rng, ASSETS, 0.1)}
    return {
        "grace_period_days": rng.choice((0, 1, 2, 5)),
        "grace_recovery_score": recovery if is_above else None,
        "min_holding_days": rng.choice((0, 0, 2, 5)),
        "max_holding_days": rng.choice((None, None, 6, 9)),
        "max_holding_action": rng.choice(("review", "review", "close")),
        "reentry_cooldown_days": rng.choice((0, 0, 3)),
        "max_round_trips": rng.choice((None, None, 1, 2)),
        "reentry_score": rng.choice((None, 0.85)),
        "core_assets": {name: one for name, one in core.items() if name not in limits.exclude_assets},
    }


def make_past(rng: Random, portfolio_id: str, asset: str, *, is_held: bool) -> Past:
    closed = tuple(sorted(rng.sample(range(1, 9), rng.choice((0, 0, 1, 2)))))
    if not is_held or rng.random() < 0.05:  # a holding may be what a file shows as gone
        return Past(portfolio_id, asset, closed=closed or (30,), is_held=False)
    held_for = rng.choice((None, 1, 2, 4, 7, 10))
    term = rng.choice((1, 4, 7, 10)) if held_for is None else min(held_for, rng.choice((4, 7, 10)))
    return Past(portfolio_id, asset, held_for, term, rng.choice((None, None, 0, 1, 4)), closed)


@cache
def known_day(seed: int, portfolios: int) -> SelectionDay:
    rng = Random(seed)
    drawn = make_day(rng, portfolios)
    return drawn if seed % 2 else with_past(rng, drawn)


def drawn_days(portfolios: int = PORTFOLIOS) -> st.SearchStrategy[SelectionDay]:
    """Draw whole days by their seed, the same for every property: each is made and decided once. Half have a past."""
    return st.integers(0, N_DAYS - 1).map(lambda seed: known_day(seed, portfolios))


small_days = st.randoms(use_true_random=False).map(lambda rng: make_day(rng, portfolios=4))
"""Days of which hypothesis makes every choice."""
