"""Random days with returns: one market of a few names, several portfolios, each with risk limits of its own.

Gaps, short and old histories, flat and suspect prices, copies and pinned holdings are common, not rare. What does not
belong here: the rules.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from random import Random

from hypothesis import strategies as st

from sizing import RebalancingLimits
from sizing.frames.day_inputs import DayInputs
from sizing.pipeline import Rebalance, rebalance
from tests.sizing.days import WIDE, Ban
from tests.sizing.risk.days import risk_day
from tests.sizing.risk.reference import Observed, Return

NAMES = ("t1", "t2", "t3", "d1", "d2", "d3", "i1", "i2", "c1")
PORTFOLIOS = 6
SESSIONS = 60
"""Sessions of the calendar: more than any window drawn here."""

SCORE_STEPS = (0.65, 0.7, 0.75, 0.8, 0.8, 0.95)
KINDS = (
    *("whole",) * 8,
    "gap",
    "gap",
    "copy",
    "copy",
    "young",
    "new",
    "stale",
    "old",
    "flat",
    "suspect",
    "given",
    "none",
)

Observations = Mapping[str, Observed]


@dataclass(frozen=True)
class DrawnRisk:
    """A day still in its parts, so that a property can change one of them."""

    seed: int
    limits: dict[str, RebalancingLimits]
    observed: Observations
    scores: dict[str, float]
    held: dict[tuple[str, str], str]
    bans: tuple[Ban, ...] = ()

    def day(self) -> DayInputs:
        return risk_day(
            self.limits, self.observed, sessions=SESSIONS, scores=self.scores, held=self.held, bans=self.bans
        )

    @cached_property
    def result(self) -> Rebalance:
        return rebalance(self.day())

    def of(self, **changes: object) -> "DrawnRisk":
        """Return the same day under other limits."""
        asked = {name: RebalancingLimits(**{**one.model_dump(), **changes}) for name, one in self.limits.items()}
        return replace(self, limits=asked)

    def without_returns(self, asset: str) -> "DrawnRisk":
        return replace(self, observed={name: of for name, of in self.observed.items() if name != asset})

    def __repr__(self) -> str:
        asked = {name: one.model_dump(exclude_defaults=True) for name, one in self.limits.items()}
        return f"seed {self.seed}: limits={asked}\nscores={self.scores}\nheld={self.held}\nbans={self.bans}"


def draw_risk_limits(random: Random) -> dict[str, object]:
    """Draw risk limits alone; each is off in some."""
    pick = random.choice
    return {
        "volatility_mode": pick(("inverse", "inverse", "none")),
        "volatility_half_life_days": pick((5, 20, 40)),
        "volatility_window_days": pick((45, 55)),
        "min_observations": pick((20, 22)),
        "volatility_strength": pick((1, 0.5, 0)),
        "min_volatility_multiplier": pick((0.5, 0.1, 1)),
        "max_volatility_multiplier": pick((2, 10, 1)),
        "reference_volatility": pick((None, None, 0.3)),
        "max_position_risk": pick((None, None, 0.02, 0.005, 0.0012)),
        "correlation_mode": pick(("crowding", "none")),
        "correlation_half_life_days": pick((20, 60)),
        "correlation_strength": pick((0.5, 1, 0)),
        "correlation_shrinkage": pick((0.2, 0, 1)),
        "min_crowding": pick((0.5, 0.1, 1)),
        "target_volatility": pick((None, None, 0.02, 0.08, 0.15, 1)),
        "max_plausible_return": pick((0.5, 0.25)),
        "max_missing_volatility_share": 1,
    }


def draw_sizing_limits(random: Random) -> dict[str, object]:
    pick = random.choice
    return {
        **WIDE,
        "max_total_positions": pick((100, 100, 4)),
        "sizing_mode": pick(("adaptive", "equal_weight", "score_weighted")),
        "target_total_allocation": pick((0.95, 1.0, 0.6, 0.3)),
        "min_position_size": pick((0.0, 0.02, 0.05)),
        "max_single_position": pick((0.15, 0.3, 1.0)),
        "residual_strategy": pick(("safe_top_slice", "proportional", "cash_bucket")),
        "max_residual_per_asset": pick((0.05, 1.0)),
        "max_residual_multiple": pick((0.5, None)),
        "enable_bucket_diversification": pick((True, False)),
        "max_allocation_per_bucket": pick((0.4, 0.25)),
    }


def draw_limits(random: Random) -> RebalancingLimits:
    return RebalancingLimits(**draw_sizing_limits(random), **draw_risk_limits(random))


def draw_observed(random: Random, kinds: tuple[str, ...] = KINDS) -> dict[str, Observed]:
    """Draw a market with one factor; what is missing leaves at least twenty complete sessions to those who have some.

    At most 34 of the newest sessions are asked of the youngest, and three names at most miss two sessions each.
    """
    market = [random.gauss(0, 0.01) for _ in range(SESSIONS - 1)]
    observed: dict[str, Observed] = {}
    gaps = 0
    for name in NAMES:
        size, share = random.choice((0.004, 0.01, 0.02, 0.04)), random.choice((0, 0.5, 1, -0.7))
        moves = {age: share * of + random.gauss(0, size) for age, of in enumerate(market)}
        kind = random.choice(kinds)
        if kind == "gap":
            gaps += 1
            kind = "gap" if gaps <= 3 else "whole"
        whole = {age: Return(min(max(move, -0.19), 0.24)) for age, move in moves.items()}
        observed[name] = _of_kind(kind, whole, observed, random)
    return {name: of for name, of in observed.items() if of}


def _of_kind(kind: str, whole: dict[int, Return], before: Observations, random: Random) -> Observed:
    oldest = {"young": 34, "new": random.choice((19, 20, 21, 22)), "none": 0}.get(kind, SESSIONS)
    newest = {"stale": random.choice((1, 5)), "old": 6}.get(kind, 0)
    changed = dict(whole)
    if kind == "copy":
        changed = dict(random.choice([of for of in before.values() if len(of) == SESSIONS - 1] or [whole]))
    if kind == "gap":
        for age in random.sample(range(34), 2):
            del changed[age]
    if kind == "suspect":
        changed[random.randrange(SESSIONS - 1)] = Return(random.choice((0.5, -1 / 3, -0.5, 0.7, 0.25, -0.2)))
    if kind == "given":
        changed[random.randrange(SESSIONS - 1)] = Return(random.choice((0.8, -0.6)), is_given=True)
    if kind == "flat":
        changed = dict.fromkeys(whole, Return(0.0))
    return {age: one for age, one in changed.items() if newest <= age < oldest}


def draw_day(seed: int, kinds: tuple[str, ...] = KINDS, **asked: object) -> DrawnRisk:
    """Return the day of a seed, always the same; `asked` are limits of every portfolio."""
    random = Random(seed)
    names = [f"P{number}" for number in range(PORTFOLIOS)]
    limits = {name: RebalancingLimits(**{**draw_limits(random).model_dump(), **asked}) for name in names}
    unscored = set(random.sample(NAMES, random.choice((0, 0, 1))))
    held = {
        (name, asset): random.choice(("0.05", "0.1", "0.15", "0.02"))
        for name in names
        for asset in random.sample(NAMES, random.choice((0, 2, 4)))
    }
    return DrawnRisk(
        seed=seed,
        limits=limits,
        observed=draw_observed(random, kinds),
        scores={name: random.choice(SCORE_STEPS) for name in NAMES if name not in unscored},
        held=held,
        bans=(Ban(random.choice(NAMES), "no_trade"),) if random.random() < 0.2 else (),
    )


def days(kinds: tuple[str, ...] = KINDS, **asked: object) -> st.SearchStrategy[DrawnRisk]:
    return st.integers(0, 2**32 - 1).map(lambda seed: draw_day(seed, kinds, **asked))
