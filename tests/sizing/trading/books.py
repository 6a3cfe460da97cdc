"""Random books whose targets obey their limits, as lines and rules of the reference and as a frame of the product."""

from fractions import Fraction

import polars as pl
from hypothesis import strategies as st

from sizing import RebalancingLimits
from sizing.trading.trades import Trades, trade_portfolios
from tests.sizing.trading.reference_trades import UNITS, Line, Rules

Book = tuple[list[Line], Rules]


def trades_of(books: list[Book]) -> Trades:
    """Trade all books in one frame; the portfolio of a book is its number."""
    rows = [
        (_name(number), line.asset, line.bucket, line.current, line.target, line.is_immovable, line.must_close)
        for number, (lines, _) in enumerate(books)
        for line in lines
    ]
    names = ("portfolio_id", "asset", "bucket", "current", "target", "is_immovable", "must_close")
    types = (pl.String, pl.String, pl.String, pl.Int64, pl.Int64, pl.Boolean, pl.Boolean)
    frame = pl.DataFrame(rows, schema=dict(zip(names, types, strict=True)), orient="row")
    weights = frame.select(
        "portfolio_id",
        "asset",
        "bucket",
        *(
            (pl.col(name).cast(pl.Decimal(20, 8)) / UNITS).cast(pl.Decimal(10, 8)).alias(f"{name}_weight")
            for name in names[3:5]
        ),
        "is_immovable",
        "must_close",
    )
    return trade_portfolios(weights, {_name(number): limits_of(rules) for number, (_, rules) in enumerate(books)})


def after_of(trades: Trades, number: int) -> dict[str, int]:
    """Return the book that the trades of one portfolio leave, in units."""
    own = trades.assets.filter(pl.col("portfolio_id") == _name(number))
    return {asset: int(weight * UNITS) for asset, weight in own.select("asset", "post_trade_weight").iter_rows()}


def limits_of(rules: Rules) -> RebalancingLimits:
    return RebalancingLimits(
        target_total_allocation=rules.total / UNITS,
        enable_dynamic_sizing=rules.cap is not None,
        max_single_position=1.0 if rules.cap is None else rules.cap / UNITS,
        min_position_size=0.0,
        enable_bucket_diversification=rules.bucket is not None,
        max_allocation_per_bucket=1.0 if rules.bucket is None else rules.bucket / UNITS,
        max_allocation_by_bucket={bucket: limit / UNITS for bucket, limit in rules.buckets.items()},
        rebalance_band=float(rules.band),
        min_trade_weight=rules.min_trade / UNITS,
        max_turnover=None if rules.max_turnover is None else rules.max_turnover / UNITS,
    )


def _name(number: int) -> str:
    return f"{number:06d}"


def obeying(lines: list[Line], rules: Rules) -> list[Line]:
    """Lower the targets of what may be traded until they obey the limits, immovable rows excepted."""
    kept: list[Line] = []
    for line in lines:
        target = line.current if line.is_immovable else line.target
        if not line.is_immovable:
            rooms = [rules.total - sum(_fixed(one, lines, kept) for one in lines if one is not line)]
            if rules.cap is not None:
                rooms.append(rules.cap)
            limit = rules.bucket_limit(line.bucket)
            if limit is not None:
                here = [one for one in lines if one.bucket == line.bucket and one is not line]
                rooms.append(limit - sum(_fixed(one, lines, kept) for one in here))
            target = max(0, min(target, *rooms))
        kept.append(
            Line(
                line.asset,
                line.bucket,
                line.current,
                0 if line.must_close else target,
                line.is_immovable,
                line.must_close,
            )
        )
    return kept


def _fixed(line: Line, lines: list[Line], kept: list[Line]) -> int:
    """Return what another line takes: its target once it has one, its weight if it is immovable, else nothing yet."""
    number = lines.index(line)
    if number < len(kept):
        return kept[number].target
    return line.current if line.is_immovable else 0


def weights(step: int) -> st.SearchStrategy[int]:
    """Weights of at most 0.4 in whole steps, and some of any size: ties are common."""
    return st.one_of(st.integers(0, 8).map(lambda n: n * step), st.integers(0, 40_000_000), st.just(0))


@st.composite
def books(draw: st.DrawFn) -> Book:
    step = draw(st.sampled_from((1, 7, 1_000_003, 5_000_000)))
    cap = draw(st.sampled_from((None, 15_000_000, 6 * step, 3_333_333)))
    rules = Rules(
        total=draw(st.sampled_from((95_000_000, 100_000_000, 20 * step, 33_333_333))),
        cap=cap,  # without dynamic sizing there is neither cap nor bucket limit
        bucket=None if cap is None else draw(st.sampled_from((None, 40_000_000, 9 * step))),
        buckets=draw(st.sampled_from(({}, {"x": 10 * step}))),
        band=Fraction(draw(st.sampled_from((0, 0.05, 0.25, 1.0)))).limit_denominator(100),
        min_trade=draw(st.sampled_from((0, 0, step, 2_000_000))),
        max_turnover=draw(st.sampled_from((None, None, 10 * step, step, 5_000_000))),
    )
    lines = []
    for number in range(draw(st.integers(1, 7))):
        kind = draw(st.sampled_from(("free",) * 6 + ("immovable", "must_close")))
        current = draw(weights(step))
        target = draw(st.one_of(weights(step), st.integers(-2, 2).map(lambda n, u=current: max(0, u + n * step // 4))))
        lines.append(
            Line(
                f"a{number}",
                draw(st.sampled_from("xyz")),
                current,
                target,
                kind == "immovable" and current > 0,
                kind == "must_close" and current > 0,
            )
        )
    order = draw(st.permutations(lines))
    return obeying(list(order), rules), rules
