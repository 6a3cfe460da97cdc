"""Small random days for the properties of selection: one universe, several portfolios, each with its own limits.

Few assets, few distinct scores and tight limits: ties, full buckets and pinned holdings are common, not rare.
"""

from dataclasses import dataclass, replace

from hypothesis import strategies as st

from sizing import RebalancingLimits
from sizing.frames.day_inputs import DayInputs
from sizing.pipeline import Rebalance, rebalance
from tests.sizing.days import Ban, Score, a_day, limits

ASSETS = ("t1", "t2", "t3", "d1", "d2", "i1", "c1")
BUCKETS = ("t", "d", "i", "c")
PORTFOLIOS = 12
"""Portfolios of a drawn day: one run of the rules takes as long for twelve as for one."""

SCORE_STEPS = (0.3, 0.6, 0.62, 0.65, 0.7, 0.75, 0.8, 0.95)


@dataclass(frozen=True)
class DrawnDay:
    """A day still in its parts, so that a property can change one of them."""

    limits: dict[str, RebalancingLimits]
    scores: tuple[Score, ...]
    held: dict[tuple[str, str], str]
    bans: tuple[Ban, ...]

    def day(self) -> DayInputs:
        unknown = {"c1": None}
        return a_day(self.limits, scores=self.scores, held=self.held, bans=self.bans, buckets=unknown)

    def run(self) -> Rebalance:
        return rebalance(self.day())

    def describe(self, portfolio_id: str) -> str:
        """Return what one portfolio was made from, for the message of a test that fails."""
        one = self.alone(portfolio_id)
        asked = one.limits[portfolio_id].model_dump(exclude_defaults=True)
        scored = [(score.asset, score.score, score.age, score.model) for score in one.scores]
        return f"{asked}\n{scored}\n{one.held}\n{one.bans}"

    def alone(self, portfolio_id: str) -> "DrawnDay":
        held = {key: weight for key, weight in self.held.items() if key[0] == portfolio_id}
        return replace(self, limits={portfolio_id: self.limits[portfolio_id]}, held=held)


limits_of_a_portfolio = st.builds(
    limits,
    max_new_positions=st.integers(0, 4),
    max_total_positions=st.integers(1, 6),
    max_positions_per_bucket=st.integers(1, 3),
    allow_bucket_overflow=st.booleans(),
    min_buckets_represented=st.integers(0, 4),
    replacement_margin=st.sampled_from((None, 0, 0.05, 0.1)),
    exclude_buckets=st.sampled_from(((), (), ("d",))),
    max_score_age_days=st.sampled_from((0, 3)),
    model=st.sampled_from(("default", "default", "growth")),
    target_total_allocation=st.sampled_from((0.95, 1.0, 0.3, 0.04)),
    min_position_size=st.sampled_from((0.02, 0.0, 0.1)),
    sizing_mode=st.sampled_from(("adaptive", "equal_weight", "score_weighted")),
    enable_dynamic_sizing=st.sampled_from((True, True, True, False)),
    enable_bucket_diversification=st.booleans(),
    max_allocation_per_bucket=st.sampled_from((0.4, 0.25, 0.1)),
    rebalance_band=st.sampled_from((0.05, 0.0, 1.0)),
)


holdings = st.sets(st.sampled_from(ASSETS), max_size=6).map(sorted)


@st.composite
def scores(draw: st.DrawFn) -> tuple[Score, ...]:
    drawn = []
    for model in ("default", "growth"):
        for asset in ASSETS:
            age = draw(st.sampled_from((0, 0, 0, 0, 1, 4, None)))
            if age is not None:
                drawn.append(Score(asset, draw(st.sampled_from(SCORE_STEPS)), age=age, model=model))
    return tuple(drawn)


@st.composite
def drawn_days(draw: st.DrawFn) -> DrawnDay:
    names = [f"P{number:02}" for number in range(PORTFOLIOS)]
    weights = st.sampled_from(("0.05", "0.05", "0.15", "0.30000001", "0.00000001", "0"))
    return DrawnDay(
        limits={name: draw(limits_of_a_portfolio) for name in names},
        scores=draw(scores()),
        held={(name, asset): draw(weights) for name in names for asset in draw(holdings)},
        bans=tuple(
            draw(
                st.lists(
                    st.builds(
                        Ban,
                        st.sampled_from(ASSETS),
                        st.sampled_from(("no_buy", "no_trade", "must_sell")),
                        st.sampled_from((None, *names)),
                    ),
                    max_size=3,
                )
            )
        ),
    )
