"""The second lifecycle: one portfolio, one day and one name at a time, in plain Python, straight off the specification.

Days are numbers of sessions, weights whole numbers of 1e-8, scores whole numbers of 1e-12. Slots are those of
tests/sizing/reference/selection.py, with who is locked in the place of who is pinned.
What does not belong here: Polars, and anything of `sizing` but the limits.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from fractions import Fraction

from sizing.limits.model import RebalancingLimits
from tests.sizing.days import Score
from tests.sizing.lifecycle.reference_state import Life
from tests.sizing.reference import selection as slots
from tests.sizing.reference.selection import Asked, Name, Rounds, best_first, exactly, units

WEIGHT_UNITS = 10**8
SNAP = Fraction(1, 10**4)
"""Part of a unit that is no part of a weight: it is rounded up."""


@dataclass(frozen=True)
class Case:
    """All that decides one portfolio's day."""

    limits: RebalancingLimits
    day: int
    date: date
    scores: tuple[Score, ...] = ()
    book: Mapping[str, int] = field(default_factory=dict)
    restrictions: frozenset[tuple[str, str]] = frozenset()
    buckets: Mapping[str, str] = field(default_factory=dict)
    lives: Mapping[str, Life] = field(default_factory=dict)

    def life_of(self, asset: str) -> Life | None:
        """Return what is remembered of a name that counts as held."""
        life = self.lives.get(asset)
        return life if life is not None and life.is_held else None

    def days_since_closes(self, asset: str) -> list[int]:
        life = self.lives.get(asset)
        return [] if life is None else [self.day - one for one in life.closed]


@dataclass(frozen=True)
class Verdict:
    """What is decided on one name."""

    gate: str | None = None
    gate_limit: float | None = None
    is_locked: bool = False
    is_pinned: bool = False
    pinned: int | None = None
    kept_by: str | None = None
    kept_from: str | None = None
    days_held: int | None = None
    count: int | None = None
    gate_days_left: int | None = None
    begins_term: bool = False

    @property
    def is_selected(self) -> bool:
        return self.gate is None


def decide(case: Case) -> dict[str, Verdict]:
    """Decide on every candidate, by asset."""
    asked = Asked(case.limits, case.scores, frozenset(case.book), case.restrictions, dict(case.buckets))
    names = slots.candidates(asked)
    judged = {name.asset: judge(name, case) for name in names}
    rounds = choose(names, judged, case.limits)
    verdicts = {}
    for asset, verdict in judged.items():
        gate, limit = rounds.stopped.get(asset, (None, None))
        decided = replace(verdict, gate=gate, gate_limit=limit)
        if gate is not None:
            decided = stopped(decided, verdict)
        verdicts[asset] = decided
    return verdicts


def stopped(decided: Verdict, judged: Verdict) -> Verdict:
    """Take from a name without a place what only a name with one has."""
    is_by_slot = judged.gate is None
    left = None if is_by_slot else judged.gate_days_left
    kept = {"is_pinned": False, "pinned": None, "kept_by": None, "kept_from": None}
    return replace(decided, begins_term=False, gate_days_left=left, **kept)


def judge(name: Name, case: Case) -> Verdict:
    return judge_holding(name, case) if name.is_held else judge_new(name, case)


def exit_units(limits: RebalancingLimits) -> int:
    return units(exactly(limits.min_score_threshold))


def is_below_exit(name: Name, limits: RebalancingLimits) -> bool:
    return name.units is not None and name.units < exit_units(limits)


def recovery_units(limits: RebalancingLimits) -> int:
    if limits.grace_recovery_score is not None:
        return units(exactly(limits.grace_recovery_score))
    return max(units(exactly(limits.min_score_new_position)), exit_units(limits))


def is_observed(name: Name) -> bool:
    return name.units is not None and name.age == 0


def count_after(name: Name, case: Case) -> int | None:
    """Return the number of failing scores after the first, with the score of the day; None: no grace."""
    life, limits = case.life_of(name.asset), case.limits
    if life is None or limits.grace_period_days == 0:
        return None
    if not is_observed(name):
        return life.count
    if name.units < exit_units(limits):
        return 0 if life.count is None else life.count + 1
    return None if name.units >= recovery_units(limits) else life.count


def is_missing(name: Name, case: Case) -> bool:
    """Whether no score counts: in grace, and below the exit score where there is grace, only one of today does."""
    if name.units is None:
        return True
    if is_observed(name) or case.limits.grace_period_days == 0:
        return False
    life = case.life_of(name.asset)
    return name.units < exit_units(case.limits) or (life is not None and life.count is not None)


def judge_holding(name: Name, case: Case) -> Verdict:
    """Judge a holding by the order of the rules; who keeps its place here may still lose it to the slots."""
    limits, life = case.limits, case.life_of(name.asset)
    opened = None if life is None else life.opened
    base = Verdict(
        days_held=None if opened is None else case.day - opened,
        count=count_after(name, case),
    )
    if name.restriction == "must_sell":
        return replace(base, gate="must_sell")
    if name.is_outside and name.restriction != "no_trade":
        return replace(base, gate="excluded")
    fails = not is_missing(name, case) and is_below_exit(name, limits)
    if lock := lock_of(name, case, base.days_held):
        qualifies = lock in ("core_assets", "min_holding_days") and not fails and base.count is None
        return replace(
            base,
            is_locked=True,
            is_pinned=not qualifies,
            pinned=None if qualifies else case.book[name.asset],
            kept_by=lock,
            kept_from=exit_gate(base.count if is_observed(name) else None, limits)[0]
            if is_below_exit(name, limits)
            else None,
            gate_days_left=limits.min_holding_days - base.days_held if lock == "min_holding_days" else None,
        )
    if life is None and (shut := shut_out(name, case)):
        return replace(base, gate=shut[0], gate_limit=shut[1], gate_days_left=shut[2])
    return judge_unlocked(name, case, base, fails=fails)


def lock_of(name: Name, case: Case, days_held: int | None) -> str | None:
    """Return why a holding cannot lose its place, the first reason of the order."""
    life = case.lives.get(name.asset)
    is_gone = case.limits.reads_lifecycle and life is not None and not life.is_held
    core = None if is_gone else case.limits.core_assets.get(name.asset)
    reasons = {
        "no_trade": name.restriction == "no_trade",
        "score_missing": is_missing(name, case),
        "core_assets": core is not None and case.date <= core.until,
        "min_holding_days": days_held is not None and days_held < case.limits.min_holding_days,
    }
    return next((reason for reason, holds in reasons.items() if holds), None)


def judge_unlocked(name: Name, case: Case, base: Verdict, *, fails: bool) -> Verdict:
    """Judge a holding that nothing locks: its term, its grace, its score."""
    limits, life = case.limits, case.life_of(name.asset)
    days_in_term = None if life is None or life.term is None else case.day - life.term
    term = limits.max_holding_days
    left = None if term is None or days_in_term is None else max(0, term - days_in_term)
    begins_term = False
    if left == 0 and is_observed(name):
        is_good = name.units >= units(exactly(limits.min_score_new_position))
        if limits.max_holding_action == "close" or not is_good:
            return replace(base, gate="max_holding_days", gate_limit=term)
        begins_term = True
    if fails:
        gate, limit = exit_gate(base.count, limits)
        if gate == "grace_period_days" or base.count is None:
            return replace(base, gate=gate, gate_limit=limit)
    if base.count is not None:
        return replace(
            base,
            is_pinned=True,
            pinned=decayed(name, case, base.count),
            kept_by="grace_period_days",
            kept_from="below_min_score_threshold" if fails else None,
            gate_days_left=max(0, limits.grace_period_days - base.count),
            begins_term=begins_term,
        )
    return replace(base, gate_days_left=term if begins_term else left, begins_term=begins_term)


def exit_gate(count: int | None, limits: RebalancingLimits) -> tuple[str, float]:
    """Return the gate of a holding that fails, as far as grace does not keep it."""
    if count is not None and count >= limits.grace_period_days:
        return "grace_period_days", limits.grace_period_days
    return "below_min_score_threshold", limits.min_score_threshold


def decayed(name: Name, case: Case, count: int) -> int:
    """Return p = min(current, max(w0 max(r^k, f), m)) in whole units."""
    limits, life, current = case.limits, case.life_of(name.asset), case.book[name.asset]
    entry = life.entry_weight if life is not None and life.entry_weight is not None else current
    share = max(exactly(limits.grace_decay_rate) ** count, exactly(limits.min_decay_factor))
    least = exactly(limits.min_position_size) * WEIGHT_UNITS if limits.enable_dynamic_sizing else Fraction(0)
    return int(min(Fraction(current), max(entry * share, least) + SNAP))


def judge_new(name: Name, case: Case) -> Verdict:
    limits = case.limits
    if name.restriction is not None:
        return Verdict(gate=name.restriction)
    if name.is_outside:
        return Verdict(gate="excluded")
    if name.bucket == "unclassified" and not limits.allow_unclassified:
        return Verdict(gate="no_bucket")
    if shut := shut_out(name, case):
        return Verdict(gate=shut[0], gate_limit=shut[1], gate_days_left=shut[2])
    if name.units < units(exactly(limits.min_score_new_position)):
        return Verdict(gate="below_min_score_new_position", gate_limit=limits.min_score_new_position)
    return Verdict()


def shut_out(name: Name, case: Case) -> tuple[str, int, int] | None:
    """Return the gate that its closes shut on a name, its limit, and the sessions until it opens."""
    limits, ages = case.limits, case.days_since_closes(name.asset)
    if limits.reentry_score is not None and name.units >= units(exactly(limits.reentry_score)):
        return None
    cooldown, trips, window = limits.reentry_cooldown_days, limits.max_round_trips, limits.round_trip_window_days
    if cooldown and ages and ages[0] <= cooldown:
        return "reentry_cooldown_days", cooldown, cooldown + 1 - ages[0]
    if trips is not None and sum(age <= window for age in ages) >= trips:
        return "max_round_trips", trips, window + 1 - ages[trips - 1]
    return None


# Who keeps its place ---------------------------------------------------------------------------------------


def choose(names: list[Name], judged: Mapping[str, Verdict], limits: RebalancingLimits) -> Rounds:
    qualified = best_first(name for name in names if judged[name.asset].gate is None)
    in_grace = {name.asset for name in qualified if judged[name.asset].kept_by == "grace_period_days"}
    rounds = Rounds(
        limits,
        pinned=[name for name in qualified if judged[name.asset].is_locked],
        holdings=[name for name in qualified if name.is_held and not judged[name.asset].is_locked],
        new=[name for name in qualified if not name.is_held],
    )
    rounds.stopped = {asset: (one.gate, one.gate_limit) for asset, one in judged.items() if one.gate is not None}
    if not limits.allow_bucket_overflow:
        slots.close_above_the_buckets(rounds)
    reserve(rounds, in_grace)
    slots.close_above_the_total(rounds)
    slots.let_in(rounds)
    if limits.replacement_margin is not None:
        slots.replacement(rounds, units(exactly(limits.replacement_margin)))
    return rounds


def reserve(rounds: Rounds, in_grace: set[str]) -> None:
    """Find the representatives: who is locked, the best other holding, the best new name, at last one in grace.

    Where not all new names may be opened, first come those whose bucket nothing in grace could represent.
    """
    limits = rounds.limits
    first = slots.first_of_each_bucket
    have = {name.bucket for name in rounds.pinned}
    representatives = first((name for name in rounds.holdings if name.asset not in in_grace), without=have)
    have_holdings = have | {name.bucket for name in representatives}
    fits = [name for name in rounds.new if len(rounds.in_bucket(name.bucket)) < slots.limit_of(name.bucket, limits)]
    new = first(fits, without=have_holdings)
    by_need = sorted(new, key=lambda name: bool(rounds.in_bucket(name.bucket)))
    opened = by_need[: limits.max_new_positions]
    representatives += [name for name in new if name in opened]
    have_others = have | {name.bucket for name in representatives}
    representatives += first(rounds.holdings, without=have_others)
    wanted = max(0, limits.min_buckets_represented - len(have))
    room = max(0, limits.max_total_positions - len(rounds.pinned))
    rounds.reserved = [name.asset for name in representatives[:wanted][:room]]
