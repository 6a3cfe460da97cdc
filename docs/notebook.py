# %% [markdown]
# # Sizing in a notebook
#
# The rules are plain Python: frames go in, frames come out. No engine runs and no database is opened. This page is
# [a script of cells](notebook.py): run it line by line in an editor that knows `# %%`, or whole with
# `python docs/notebook.py`.
#
# ## Six names
#
# A portfolio is a row per selected asset. Scores lie in [0, 1]. What is held already has `is_held`.

# %%
from datetime import date, timedelta

import altair as alt
import numpy as np
import polars as pl

from sizing import DayInputs, RebalancingLimits, rebalance, size_portfolios

names = pl.DataFrame(
    {
        "portfolio_id": "six",
        "asset": ["LLY", "AVGO", "V", "CAT", "COP", "KO"],
        "bucket": ["Health Care", "Technology", "Financials", "Industrials", "Energy", "Staples"],
        "score": [0.95, 0.91, 0.83, 0.74, 0.71, 0.66],
        "is_held": False,
    }
)
sized = size_portfolios(names, RebalancingLimits())

# %% [markdown]
# Every step from score to weight is a column, and the last column is the same in words.

# %%
steps = sized.positions.select("asset", "score", "size_category", "raw_weight", "stage1_cap", "target_weight")
sentence = sized.positions["sizing_reason"][0]

# %% [markdown]
# | asset | score | size_category | raw_weight | stage1_cap | target_weight |
# |---|---|---|---|---|---|
# | LLY | 0.95 | max | 0.2036 | position | 0.15 |
# | AVGO | 0.91 | max | 0.2036 | position | 0.15 |
# | V | 0.83 | standard | 0.1629 | position | 0.15 |
# | CAT | 0.74 | base | 0.1357 | | 0.15 |
# | COP | 0.71 | base | 0.1357 | | 0.15 |
# | KO | 0.66 | light | 0.1086 | | 0.15 |
#
# The sentence of LLY:
#
# > Rank 1, score 0.95, max x1.5: raw 0.2036, stage 1 0.15, capped by position, stage 2 0.15, residual limited by
# > position_cap, target 0.15000000.
#
# The defaults cap a position at 15 %. Six positions of 15 % are 90 %, so 5 % of the 95 % that should be invested stay
# in cash. The summary of the portfolio reports it, with the cheapest way out:
# `max_single_position 0.15 -> 0.1584 would place it all`.

# %%
summary = sized.portfolios.row(0, named=True)
cash, way_out = summary["cash_weight"], summary["relaxation"]

# %% [markdown]
# ## What if the cap were another?
#
# `size_portfolios` sizes many portfolios at once, each under its own limits. So a what-if is no loop: the same names
# under fifty-one portfolio ids, one for each cap from 5 % to 30 % in steps of half a percent.

# %%
caps = {f"{tenths / 10} %": tenths / 1000 for tenths in range(50, 301, 5)}
many = size_portfolios(
    names.drop("portfolio_id").join(pl.DataFrame({"portfolio_id": list(caps)}), how="cross"),
    {name: RebalancingLimits(max_single_position=cap) for name, cap in caps.items()},
)

# %%
cap = pl.col("portfolio_id").replace_strict(caps).alias("cap")
weights = many.positions.select(cap, "asset", weight=pl.col("target_weight").cast(pl.Float64))
totals = many.portfolios.select(
    cap,
    "effective_positions",
    invested=pl.col("invested_weight").cast(pl.Float64),
    cash=pl.col("cash_weight").cast(pl.Float64),
)

# %% [markdown]
# ![Weights by asset, the invested share and the effective number of positions, against the cap from 5 % to
# 30 %](pictures/what_if_cap.svg)
#
# **The insight: a cap has three lives.** Below 95 % / 6 = 15.8 % it is a limit on the *investment*: every position is
# at the cap, the scores say nothing any more, and each point of cap costs six points of invested weight. From there to
# 20.4 % it is what it is meant to be, a limit on *concentration*: all is invested, the best two are held back, and
# their excess goes to the others. Above 20.4 %, the weight that the best name gets from its score alone, it is *no
# limit* at all. The default of 15 % is meant for ten names; with six it is in its first life, and costs 5 % cash.

# %%
multipliers = sized.positions["score_multiplier"]
reachable, best = 0.95 / 6, 0.95 * multipliers.max() / multipliers.sum()
x = alt.X("cap:Q", title=None, axis=alt.Axis(format=".0%"), scale=alt.Scale(domain=[0.05, 0.30]))
lives = alt.Chart(pl.DataFrame({"cap": [reachable, best]})).mark_rule(color="#333333", strokeDash=[4, 3]).encode(x=x)


def weight(column: str) -> alt.Y:
    """Draw a column of weights."""
    return alt.Y(f"{column}:Q", title=None, axis=alt.Axis(format=".0%"))


# %%
colour = alt.Color(
    "asset:N",
    legend=None,
    scale=alt.Scale(
        domain=names["asset"].to_list(), range=["#0072B2", "#0072B2", "#009E73", "#D55E00", "#D55E00", "#7A5195"]
    ),
)
lines = alt.Chart(weights).mark_line(strokeWidth=2.2).encode(x=x, y=weight("weight"), color=colour)
ends = (
    weights.filter(cap=0.30)
    .group_by(pl.col("weight").round(6), maintain_order=True)
    .agg(pl.col("cap", "asset").first(), together=pl.col("asset").str.join(", "))
)
words = alt.Chart(ends).mark_text(align="left", dx=6).encode(x=x, y=weight("weight"), text="together:N", color=colour)
invested = alt.Chart(totals).mark_area(color="#9CC7E3", line={"color": "#0072B2"}).encode(x=x, y=weight("invested"))
effective = (
    alt.Chart(totals)
    .mark_line(color="#0072B2", strokeWidth=2.2)
    .encode(x=x, y=alt.Y("effective_positions:Q", title=None, scale=alt.Scale(domain=[5.6, 6.1])))
)

# %%
picture = (
    alt.vconcat(
        (lines + words + lives).properties(title="Weight of each asset", width=600, height=210),
        (invested + lives).properties(title="Invested share: up to 95 % the rest is cash", width=600, height=90),
        (effective + lives).properties(title="Effective number of positions", width=600, height=90),
        title=alt.Title("What if max_single_position were another?", offset=12, fontSize=15),
    )
    .configure(font="Helvetica, Arial, sans-serif", background="white", padding=14)
    .configure_title(anchor="start", fontSize=12)
    .configure_view(stroke=None)
)

# %% [markdown]
# ## What if sizes knew what moves together?
#
# `rebalance` takes a whole day: scores, assets, holdings, restrictions, and for [risk limits](risk.md) the returns of
# the last sessions. The closes here are made: a market, four industries and each name's own noise, over 252 sessions.
# Ten names have the same score, so every difference is risk.

# %%
industries = {
    "Chips": {"NVDA": 0.030, "AMD": 0.028, "AVGO": 0.022, "MU": 0.026},
    "Oil": {"XOM": 0.014, "CVX": 0.013, "COP": 0.016},
    "Health": {"LLY": 0.015, "JNJ": 0.009},
    "Staples": {"KO": 0.008},
}
random = np.random.default_rng(7)
sessions = [date(2026, 11, 20) - timedelta(days=age) for age in range(252)][::-1]
market = random.normal(0, 1, 252)
closes = pl.concat(
    pl.DataFrame({"asset": asset, "bucket": bucket, "session": sessions, "close": 100 * np.exp(np.cumsum(moves))})
    for bucket, own in industries.items()
    for together in [random.normal(0, 1, 252)]
    for asset, size in own.items()
    for moves in [size * (0.5 * market + 0.65 * together + 0.55 * random.normal(0, 1, 252))]
)

# %%
returns = closes.select(
    "asset", "session", session_return=pl.col("close").pct_change().over("asset"), is_given=pl.lit(value=False)
).drop_nulls()
ten = closes.select("asset", "bucket").unique(maintain_order=True)
scores = ten.select(
    "asset",
    model=pl.lit("default"),
    score_date=pl.lit(sessions[-1]),
    score_age_days=pl.lit(0, pl.Int32),
    score=pl.lit(0.8),
    technical_score=pl.lit(None, pl.Float64),
    fundamental_score=pl.lit(None, pl.Float64),
)
nothing = pl.DataFrame(schema=dict.fromkeys(("portfolio_id", "asset", "restriction", "reason"), pl.String))
equal = RebalancingLimits(
    sizing_mode="equal_weight", max_single_position=0.3, max_new_positions=10, max_missing_score_share=1
)
inverse = equal.model_copy(update={"volatility_mode": "inverse"})
measured = equal.model_copy(update={"target_volatility": 1.0})
day = rebalance(
    DayInputs(
        as_of_date=sessions[-1],
        limits={
            "equal weight": measured,
            "inverse volatility": inverse,
            "with crowding": inverse.model_copy(update={"correlation_mode": "crowding"}),
        },
        scores=scores,
        assets=ten,
        holdings=pl.DataFrame(
            schema={"portfolio_id": pl.String, "asset": pl.String, "current_weight": pl.Decimal(10, 8)}
        ),
        restrictions=nothing,
        returns=returns,
        sessions=sessions[1:],
    )
)
risks = day.sizing_audit.join(ten, on="asset").select(
    "portfolio_id",
    "asset",
    "bucket",
    "volatility",
    "crowding",
    "risk_share",
    weight=pl.col("target_weight").cast(pl.Float64),
)
of_industries = risks.group_by("portfolio_id", "bucket").agg(pl.col("weight", "risk_share").sum())

# %%
across = alt.X("share:Q", title=None, axis=alt.Axis(format=".0%", tickCount=4))
down = alt.Y("asset:N", sort=ten["asset"].to_list(), title=None, axis=alt.Axis(grid=False))
wide = alt.Chart().mark_bar(height=15, color="#C9CFD8").encode(y=down, x=across)
narrow = (
    alt.Chart()
    .mark_bar(height=7)
    .encode(
        y=down,
        x=alt.X("risk_share:Q"),
        color=alt.Color(
            "bucket:N",
            scale=alt.Scale(domain=list(industries), range=["#D55E00", "#0072B2", "#009E73", "#7A5195"]),
            title=None,
        ),
    )
)
risk_picture = (
    (wide + narrow)
    .properties(width=190, height=alt.Step(20))
    .facet(
        alt.Facet("portfolio_id:N", title=None, header=alt.Header(labelFontWeight="bold", labelAnchor="start")),
        data=risks.with_columns(share=pl.col("weight") / pl.col("weight").sum().over("portfolio_id")),
        columns=3,
        title=alt.Title(
            "Ten names with the same score: weight and risk",
            subtitle="wide: part of what is invested; narrow: part of the variance",
            offset=10,
        ),
    )
    .configure(font="Helvetica, Arial, sans-serif", background="white", padding=14)
    .configure_title(anchor="start", fontSize=15, subtitleFontSize=12)
    .configure_legend(orient="bottom", title=None)
    .configure_view(stroke=None)
)

# %% [markdown]
# ![Weight and risk share of ten names: equal weights, inverse volatility, and with crowding](pictures/risk_weights.svg)
#
# With equal weights four chip names are 40 % of what is invested, and 68 % of the risk. Inverse volatility brings that
# to 46 %, and crowding to 43 %: there each name bears between 8.6 % and 11.4 % of the risk, near a tenth each.

# %% [markdown]
# [Sizing](sizing.md) has the equations, [the limits](../sizing/limits/model.py) all that can be set in this way.
