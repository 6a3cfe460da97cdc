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
import altair as alt
import polars as pl

from sizing import RebalancingLimits, size_portfolios

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
# in cash. Nobody has to find that out: the summary of the portfolio says it, with the cheapest way out:
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
# [Sizing](sizing.md) has the equations, [the limits](../sizing/limits/model.py) all that can be asked in this way.
