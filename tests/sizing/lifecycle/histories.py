"""Random histories of portfolios: some weeks of a few names each, and all that does not depend on the rules.

A history is one portfolio with a model of its own. What does not belong here: the rules (history_walk.py runs them).
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random

from sizing import RebalancingLimits
from tests.sizing.days import Score
from tests.sizing.lifecycle.states import on

DAYS = 60 if "BALLAST_FUZZ_HISTORIES" in os.environ else 24
"""Days of a history; fewer in make test."""

NAMES = ("t1", "t2", "t3", "d1", "d2", "i1", "u1")
BUCKETS = {"t1": "t", "t2": "t", "t3": "t", "d1": "d", "d2": "d", "i1": "i"}
"""Asset u1 is in no list, so its bucket is unknown."""
OLDEST_SCORE = 4

_STEPS = (0.3, 0.55, 0.58, 0.6, 0.62, 0.64, 0.65, 0.66, 0.7, 0.75, 0.8, 0.95)


@dataclass(frozen=True)
class History:
    """What happens to one portfolio from day to day: all that does not depend on what the rules decide."""

    name: str
    limits: Mapping[int, RebalancingLimits]  # from this day on
    scores: Mapping[int, Mapping[str, float]]
    published: frozenset[int]
    files: Mapping[int, Mapping[str, str | int]]  # how a file differs from the book, by asset
    restrictions: Mapping[int, frozenset[tuple[str, str]]]

    def limits_on(self, day: int) -> RebalancingLimits:
        return self.limits[max(first for first in self.limits if first <= day)]

    def scores_on(self, day: int) -> tuple[Score, ...]:
        """Return the scores of the day and of those before it, with their ages."""
        ages = range(min(day, OLDEST_SCORE) + 1)
        return tuple(
            Score(asset, score, age=age, model=self.name)
            for age in ages
            for asset, score in self.scores[day - age].items()
        )


def draw_limits(random: Random, name: str) -> RebalancingLimits:
    """Draw limits that bind; every limit of the lifecycle is off in some."""
    pick = random.choice
    holding_days = pick((0, 0, 2, 3, 10))
    most_days = pick((None, None, 1, 5, 15))
    if most_days is not None and most_days <= holding_days:
        most_days = holding_days + 1
    core = random.sample(NAMES, pick((0, 0, 1, 2)))
    return RebalancingLimits(
        model=name,
        grace_period_days=pick((0, 1, 2, 5)),
        grace_decay_rate=pick((0.8, 0.5, 1.0, 0.93)),
        min_decay_factor=pick((0.1, 0.0, 0.5)),
        grace_recovery_score=pick((None, None, 0.6, 0.64, 0.8)),
        min_holding_days=holding_days,
        max_holding_days=most_days,
        max_holding_action=pick(("review", "review", "close")),
        reentry_cooldown_days=pick((0, 0, 1, 5)),
        max_round_trips=pick((None, None, 1, 2)),
        round_trip_window_days=pick((5, 20)),
        reentry_score=pick((None, None, 0.7, 0.95)),
        core_assets={asset: {"until": on(random.randrange(DAYS)), "reason": "wanted"} for asset in core},
        exclude_assets=random.sample([one for one in NAMES if one not in core], pick((0, 0, 0, 1))),
        allow_unclassified=pick((True, False)),
        max_new_positions=pick((0, 1, 2, 4)),
        max_total_positions=pick((1, 2, 3, 4, 6)),
        max_positions_per_bucket=pick((1, 2, 3)),
        allow_bucket_overflow=pick((True, False)),
        min_buckets_represented=pick((0, 1, 2, 3, 4)),
        replacement_margin=pick((None, 0, 0.02, 0.1)),
        max_score_age_days=pick((0, 2, 3)),
        target_total_allocation=pick((0.95, 1.0, 0.3)),
        min_position_size=pick((0.02, 0.0, 0.1)),
        sizing_mode=pick(("adaptive", "equal_weight", "score_weighted")),
        enable_dynamic_sizing=pick((True, True, False)),
        max_single_position=pick((0.15, 0.4, 1.0)),
        max_allocation_per_bucket=pick((0.4, 0.25, 1.0)),
        rebalance_band=pick((0.05, 0.0)),
        max_turnover=pick((None, None, 0.05, 0.2)),
        incumbent_bias=pick((0.0, 0.1)),
    )


def draw_history(seed: int, days: int = DAYS) -> History:
    """Return the history of a seed, always the same."""
    random = Random(seed)
    name = f"H{seed:06d}"
    limits = {0: draw_limits(random, name)}
    if random.random() < 0.4:
        limits[random.randrange(days // 4, days)] = draw_limits(random, name)
    return History(
        name=name,
        limits=limits,
        scores=_draw_scores(random, days),
        published=frozenset(day for day in range(days) if random.random() < 0.9),
        files={day: _draw_file(random) for day in range(days) if day == 0 or random.random() < 0.3},
        restrictions={day: _draw_restrictions(random) for day in range(days)},
    )


def _draw_scores(random: Random, days: int) -> dict[int, dict[str, float]]:
    """Let the score of each name wander, and stay away for a day or for a week."""
    scores: dict[int, dict[str, float]] = {day: {} for day in range(days)}
    for asset in NAMES:
        step, away = random.randrange(len(_STEPS)), 0
        for day in range(days):
            step = min(len(_STEPS) - 1, max(0, step + random.choice((-3, -1, -1, 0, 0, 0, 1, 1, 3))))
            away = away - 1 if away > 0 else random.choice((1, 7)) if random.random() < 0.06 else 0
            if not away:
                scores[day][asset] = _STEPS[step]
    return scores


def _draw_file(random: Random) -> dict[str, str | int]:
    """Report of each name whether the file has what the book has, what it had before, nothing, dust or a weight."""
    kinds = ("book",) * 8 + ("before", "before", "gone", "dust", "weight")
    picked = {asset: random.choice(kinds) for asset in NAMES}
    return {
        asset: random.choice((4000000, 12345678, 10000)) if kind == "weight" else kind for asset, kind in picked.items()
    }


def _draw_restrictions(random: Random) -> frozenset[tuple[str, str]]:
    kinds = ("no_buy", "no_trade", "must_sell")
    return frozenset((asset, random.choice(kinds)) for asset in NAMES if random.random() < 0.02)
