"""The second selection: one portfolio and one name at a time, in plain Python, straight off docs/selection.md.

Scores are whole numbers of 1e-12, so that nothing hangs on the last bit of a float. The counterfactual is brute
force: the rules are run again for every score at which anything could change.
What does not belong here: Polars, and anything of `sizing` but the limits, which are the question.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction

from sizing.limits.model import RebalancingLimits
from tests.sizing.days import Score

UNITS = 10**12
"""Scores are compared on a grid of 1e-12."""

RESTRICTIONS = ("must_sell", "no_trade", "no_buy")
"""In the order of the gates: of several, the first applies."""


@dataclass(frozen=True)
class Asked:
    """All that decides one portfolio's day."""

    limits: RebalancingLimits
    scores: tuple[Score, ...]
    held: frozenset[str]
    restrictions: frozenset[tuple[str, str]]  # asset, restriction
    buckets: dict[str, str]


@dataclass(frozen=True)
class Name:
    """A candidate, as far as the rules look at it."""

    asset: str
    bucket: str
    units: int | None
    is_held: bool
    restriction: str | None = None
    is_outside: bool = False
    age: int | None = None
    has_partial_score: bool = False

    @property
    def is_pinned(self) -> bool:
        if not self.is_held or self.restriction == "must_sell":
            return False
        return self.restriction == "no_trade" or (self.units is None and not self.is_outside)


@dataclass(frozen=True)
class Answer:
    """A decision."""

    name: Name
    gate: str | None
    gate_limit: float | None
    is_reserved: bool
    candidate_rank: int | None
    bucket_rank: int | None
    entry_units: int | None = None
    rival: str | None = None

    @property
    def is_selected(self) -> bool:
        return self.gate is None


def units(score: float | Fraction) -> int:
    return round(Fraction(score) * UNITS)


def exactly(number: float) -> Fraction:
    return Fraction(repr(number))


def best_first(names: Iterable[Name]) -> list[Name]:
    """Order by score, then by name; what has no score comes last."""
    return sorted(names, key=lambda name: (-1 if name.units is None else -name.units, name.asset))


def decide_by_hand(asked: Asked, *, with_counterfactual: bool = True) -> dict[str, Answer]:
    """Answer for every candidate, by asset."""
    names = candidates(asked)
    rounds = choose(names, asked.limits)
    ranked = best_first(name for name in names if name.units is not None)
    answers = {}
    for name in names:
        in_bucket = [other for other in ranked if other.bucket == name.bucket]
        answer = Answer(
            name,
            *rounds.stopped.get(name.asset, (None, None)),
            is_reserved=name.asset in rounds.reserved,
            candidate_rank=None if name.units is None else ranked.index(name) + 1,
            bucket_rank=None if name.units is None else in_bucket.index(name) + 1,
        )
        answers[name.asset] = tell(answer, names, asked.limits, rounds) if with_counterfactual else answer
    return answers


# Section 1: universe ---------------------------------------------------------------------------------------


def candidates(asked: Asked) -> list[Name]:
    scored_today = {one.asset for one in asked.scores if one.age == 0 and score_of(one, asked.limits) is not None}
    return [make_name(asset, asked) for asset in sorted(asked.held | scored_today)]


def score_of(one: Score, limits: RebalancingLimits) -> tuple[int, bool] | None:
    """Return the score and whether a part of it is missing; None where the row has no score, or is another model's."""
    if one.model != limits.model:
        return None
    if one.score is not None:
        return units(one.score), False
    parts = ((limits.technical_score_weight, one.technical), (limits.fundamental_score_weight, one.fundamental))
    asked_for = [(exactly(weight), part) for weight, part in parts if weight > 0]
    there = [(weight, exactly(part)) for weight, part in asked_for if part is not None]
    if not there:
        return None
    score = sum(weight * part for weight, part in there) / sum(weight for weight, _ in there)
    return units(score), len(there) < len(asked_for)


def make_name(asset: str, asked: Asked) -> Name:
    limits = asked.limits
    is_held = asset in asked.held
    oldest = limits.max_score_age_days if is_held else 0
    found = [(one.age, score_of(one, limits)) for one in asked.scores if one.asset == asset and one.age <= oldest]
    age, score = min((pair for pair in found if pair[1] is not None), default=(None, None))
    bucket = asked.buckets.get(asset, "unclassified")
    return Name(
        asset=asset,
        bucket=bucket,
        units=score[0] if score else None,
        is_held=is_held,
        restriction=next((kind for kind in RESTRICTIONS if (asset, kind) in asked.restrictions), None),
        is_outside=is_outside(asset, bucket, limits),
        age=age,
        has_partial_score=bool(score and score[1]),
    )


def is_outside(asset: str, bucket: str, limits: RebalancingLimits) -> bool:
    if asset in limits.exclude_assets or bucket in limits.exclude_buckets:
        return True
    if not limits.include_assets and not limits.include_buckets:
        return False
    return asset not in limits.include_assets and bucket not in limits.include_buckets


# Section 2: gates ------------------------------------------------------------------------------------------


def first_gate(name: Name, limits: RebalancingLimits) -> tuple[str, float | None] | None:
    """Return the gate that stops a candidate before any slot is filled, and its limit; None: it qualifies."""
    if name.restriction == "must_sell" or (name.restriction is not None and not name.is_held):
        return name.restriction, None
    if name.is_pinned:
        return None
    if name.is_outside:
        return "excluded", None
    if not name.is_held and name.bucket == "unclassified" and not limits.allow_unclassified:
        return "no_bucket", None
    if name.is_held:
        return below(name, "below_min_score_threshold", limits.min_score_threshold)
    return below(name, "below_min_score_new_position", limits.min_score_new_position)


def below(name: Name, gate: str, least: float) -> tuple[str, float] | None:
    return None if name.units is not None and name.units >= units(exactly(least)) else (gate, least)


def limit_of(bucket: str, limits: RebalancingLimits) -> int:
    return limits.max_positions_by_bucket.get(bucket, limits.max_positions_per_bucket)


# Section 3: places -----------------------------------------------------------------------------------------


@dataclass
class Rounds:
    """Who has a place so far, and who was stopped by what."""

    limits: RebalancingLimits
    pinned: list[Name]
    holdings: list[Name]  # not pinned, not closed
    new: list[Name]  # qualified, not entered
    entered: list[Name] = field(default_factory=list)
    reserved: list[str] = field(default_factory=list)
    stopped: dict[str, tuple[str, float | None]] = field(default_factory=dict)

    def stop(self, name: Name, gate: str, limit: float | None = None) -> None:
        self.stopped[name.asset] = gate, getattr(self.limits, gate) if limit is None else limit

    def close(self, name: Name, gate: str, limit: float | None) -> None:
        self.stop(name, gate, limit)
        self.holdings.remove(name)

    def enter(self, name: Name) -> None:
        self.stopped.pop(name.asset, None)
        self.new.remove(name)
        self.entered.append(name)

    def in_bucket(self, bucket: str) -> list[Name]:
        return [name for name in (*self.pinned, *self.holdings, *self.entered) if name.bucket == bucket]

    def selected(self) -> frozenset[str]:
        return frozenset(name.asset for name in (*self.pinned, *self.holdings, *self.entered))


def choose(names: Sequence[Name], limits: RebalancingLimits) -> Rounds:
    gates = {name: first_gate(name, limits) for name in names}
    qualified = best_first(name for name in names if gates[name] is None)
    rounds = Rounds(
        limits,
        pinned=[name for name in qualified if name.is_pinned],
        holdings=[name for name in qualified if name.is_held and not name.is_pinned],
        new=[name for name in qualified if not name.is_held],
    )
    rounds.stopped = {name.asset: gate for name, gate in gates.items() if gate is not None}
    if not limits.allow_bucket_overflow:
        close_above_the_buckets(rounds)
    reserve(rounds)
    close_above_the_total(rounds)
    let_in(rounds)
    if limits.replacement_margin is not None:
        replacement(rounds, units(exactly(limits.replacement_margin)))
    return rounds


def close_above_the_buckets(rounds: Rounds) -> None:
    for bucket in {name.bucket for name in rounds.holdings}:
        limit = limit_of(bucket, rounds.limits)
        pinned = [name for name in rounds.pinned if name.bucket == bucket]
        others = [name for name in rounds.holdings if name.bucket == bucket]
        for name in others[max(0, limit - len(pinned)) :]:
            rounds.close(name, "max_positions_per_bucket", limit)


def reserve(rounds: Rounds) -> None:
    """Find the representatives, and give them places as far as these reach."""
    limits = rounds.limits
    have_pinned = {name.bucket for name in rounds.pinned}
    representatives = first_of_each_bucket(rounds.holdings, without=have_pinned)
    have_holdings = have_pinned | {name.bucket for name in representatives}
    representatives += first_of_each_bucket(rounds.new, without=have_holdings)[: limits.max_new_positions]
    asked_for = max(0, limits.min_buckets_represented - len(have_pinned))
    room = max(0, limits.max_total_positions - len(rounds.pinned))
    rounds.reserved = [name.asset for name in representatives[:asked_for][:room]]


def first_of_each_bucket(ordered: Iterable[Name], without: set[str]) -> list[Name]:
    first: dict[str, Name] = {}
    for name in ordered:
        if name.bucket not in without:
            first.setdefault(name.bucket, name)
    return list(first.values())


def close_above_the_total(rounds: Rounds) -> None:
    limits = rounds.limits
    others = [name for name in rounds.holdings if name.asset not in rounds.reserved]
    new_representatives = sum(name.asset in rounds.reserved for name in rounds.new)
    room = max(0, limits.max_total_positions - len(rounds.pinned) - len(rounds.reserved))
    for number, name in enumerate(others[room:]):
        is_for_a_bucket = number < new_representatives
        gate = "min_buckets_represented" if is_for_a_bucket else "max_total_positions"
        rounds.close(name, gate, getattr(limits, gate))


def let_in(rounds: Rounds) -> None:
    limits = rounds.limits
    taken = {name.bucket: len(rounds.in_bucket(name.bucket)) for name in rounds.new}
    queue = []
    for name in rounds.new:
        limit = limit_of(name.bucket, limits)
        if taken[name.bucket] < limit:
            taken[name.bucket] += 1
            queue.append(name)
        else:
            rounds.stop(name, "max_positions_per_bucket", limit)
    queue.sort(key=lambda name: name.asset not in rounds.reserved)  # stable: representatives first, then the best
    room = limits.max_total_positions - len(rounds.pinned) - len(rounds.holdings)
    for number, name in enumerate(queue):
        if number >= room:
            rounds.stop(name, "max_total_positions")
        elif number >= limits.max_new_positions:
            rounds.stop(name, "max_new_positions")
        else:
            rounds.enter(name)


def replacement(rounds: Rounds, margin: int) -> None:
    while len(rounds.entered) < rounds.limits.max_new_positions:
        for name in best_first(rounds.new):
            rival = weakest_that_it_may_meet(rounds, name)
            if rival and name.units > rival.units and name.units - rival.units >= margin:
                rounds.close(rival, "replaced", rounds.limits.replacement_margin)
                rounds.enter(name)
                break
        else:
            return


def weakest_that_it_may_meet(rounds: Rounds, name: Name) -> Name | None:
    limit, there = limit_of(name.bucket, rounds.limits), len(rounds.in_bucket(name.bucket))
    may_meet = [other for other in rounds.holdings if other.asset not in rounds.reserved]
    if there > limit:
        return None
    if there == limit:
        may_meet = [other for other in may_meet if other.bucket == name.bucket]
    return best_first(may_meet)[-1] if may_meet else None


# Section 4: the counterfactual -----------------------------------------------------------------------------


def tell(answer: Answer, names: Sequence[Name], limits: RebalancingLimits, rounds: Rounds) -> Answer:
    name = answer.name
    if name.is_pinned or name.units is None:
        return answer
    plausible = plausible_scores(name, names, limits)
    entry = next((score for score in plausible if name.asset in selected_with(name, score, names, limits)), None)
    if entry is None:
        return answer
    if not answer.is_selected:
        left = rounds.selected() - selected_with(name, entry, names, limits)
        rival = next((other.asset for other in reversed(best_first(names)) if other.asset in left), None)
    else:
        just_below = selected_with(name, entry - 1, names, limits) if entry > 0 else frozenset()
        came = just_below - rounds.selected()
        rival = next((other.asset for other in best_first(names) if other.asset in came), None)
    return replace(answer, entry_units=entry, rival=rival)


def plausible_scores(name: Name, names: Sequence[Name], limits: RebalancingLimits) -> list[int]:
    """Return every score at which a comparison could turn out another way, from the lowest."""
    margin = units(exactly(limits.replacement_margin or 0))
    others = {other.units for other in names if other.units is not None and other != name}
    corners = {0, UNITS, units(limits.min_score_threshold), units(limits.min_score_new_position)}
    corners |= {score + step for score in others for step in (-margin, 0, margin)}
    return sorted({score + step for score in corners for step in (-1, 0, 1) if 0 <= score + step <= UNITS})


def selected_with(name: Name, score: int, names: Sequence[Name], limits: RebalancingLimits) -> frozenset[str]:
    changed = [replace(other, units=score) if other == name else other for other in names]
    return choose(changed, limits).selected()
