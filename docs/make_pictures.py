"""Draw the pictures of docs/sizing.md and docs/notebook.py with the real sizer: `make reference`."""

import runpy
import sys
from pathlib import Path

import altair as alt
import polars as pl

from docs.lifecycle_examples import EXAMPLES as LIVES
from docs.lifecycle_examples import follow
from docs.worked_examples import EXAMPLES, STAGES, sized

PICTURES = Path(__file__).with_name("pictures")
COLOURS = {
    "kept": "#8A929C",
    "added": "#0072B2",
    "cut": "#D55E00",
    "cut: max_single_position 15 %": "#D55E00",
    "cut: max_allocation_per_bucket 40 %": "#F0A35E",
    "cash": "#E3CF8E",
}
"""Blue and vermilion are distinct with any colour vision."""

LIFE = {"sized freely": "#8A929C", "kept in grace": "#E69F00", "locked": "#0072B2", "score missing": "#BBBBBB"}
WHY = {
    None: "sized freely",
    "grace_period_days": "kept in grace",
    "min_holding_days": "locked",
    "score_missing": "score missing",
}

STRATEGIES = {"cap": "proportional", "cap_top_slice": "safe_top_slice", "cap_cash": "cash_bucket"}
HEADINGS = dict(zip(STAGES, ["Raw weight", "Stage 1: cap", "Stage 2: redistribute", "Target"], strict=True))
"""What the README calls the stages."""
_PANEL, _ROW = 165, 17
_NOISE = 1e-7
"""Less is rounding to whole units, which no chart shows."""
_CONFIG = alt.Config(
    font="Helvetica, Arial, sans-serif",
    background="white",
    padding=14,
    view=alt.ViewConfig(stroke=None),
    axis=alt.AxisConfig(labelFontSize=11, domain=False, ticks=False, gridColor="#ECECEC"),
    title=alt.TitleConfig(anchor="start", fontSize=15, subtitleFontSize=12, subtitleColor="#555555", offset=10),
    header=alt.HeaderConfig(labelFontSize=12, labelFontWeight="bold", labelAnchor="start", title=None),
    legend=alt.LegendConfig(orient="bottom", title=None, labelFontSize=12, labelLimit=260, columns=4),
)


def main() -> None:
    """Draw them all."""
    PICTURES.mkdir(exist_ok=True)
    cells = runpy.run_path(str(Path(__file__).with_name("notebook.py")))
    pictures = {
        "two_stage_sizing": _two_stages(),
        "sizing_cap": _stages("cap", "One score far above the others: the cap, and where its excess goes"),
        "sizing_buckets": _stages(
            "buckets", "One bucket with four names: what is above 40 % goes to the other buckets"
        ),
        "sizing_cash": _stages("cash", "Three names under a cap of 15 %: the rest is cash"),
        "sizing_strategies": _strategies(),
        "lifecycle": _lives(),
        "what_if_cap": cells["picture"],
        "risk_weights": cells["risk_picture"],
    }
    for name, picture in pictures.items():
        picture.save(PICTURES / f"{name}.svg")
    sys.stderr.write(f"docs/pictures: {', '.join(pictures)}\n")


def _stages(name: str, title: str) -> alt.FacetChart:
    """Show each weight in each stage: what it kept of the stage before, and what was added or cut."""
    rows = pl.DataFrame([bar for row in _weights(name).iter_rows(named=True) for bar in _bars(row)])
    subtitle = "weights in percent; the dashed line is max_single_position"
    return _panels(rows, list(STAGES), EXAMPLES[name].limits.max_single_position, [title, subtitle])


def _two_stages() -> alt.FacetChart:
    """Show both caps of stage 1 at work, each in a colour of its own, and where their excess goes."""
    positions, _ = sized("two_stage")
    capped = dict(positions.select(pl.format("{} {}", "asset", "bucket"), "stage1_cap").iter_rows())
    limits = {"position": "cut: max_single_position 15 %", "bucket": "cut: max_allocation_per_bucket 40 %"}
    bars = [bar for row in _weights("two_stage").iter_rows(named=True) for bar in _bars(row)]
    rows = pl.DataFrame(
        bar
        | {
            "panel": HEADINGS[str(bar["panel"])],
            "kind": limits[capped[str(bar["asset"])]] if bar["kind"] == "cut" else bar["kind"],
        }
        for bar in bars
    )
    title = [
        "Two limits cap, then the other positions take what was cut",
        "weights in percent; dashed: max_single_position. Raw, position a has 24 % and the bucket tech 48 %",
    ]
    return _panels(rows, list(HEADINGS.values()), EXAMPLES["two_stage"].limits.max_single_position, title)


def _strategies() -> alt.FacetChart:
    """Show where the three strategies put the same residual."""
    last_two = list(STAGES.values())[-2:]
    rows = pl.DataFrame(
        [
            bar | {"panel": strategy}
            for name, strategy in STRATEGIES.items()
            for row in _weights(name).iter_rows(named=True)
            for bar in _change(row["asset"], strategy, *(row[column] for column in last_two))
        ]
    )
    title = ["The same residual, three strategies", "stage 2 and what the strategy adds, in percent"]
    return _panels(rows, list(STRATEGIES.values()), EXAMPLES["cap"].limits.max_single_position, title)


def _lives() -> alt.FacetChart:
    """Show the weight of a holding over its days, why it is kept, and its scores."""
    rows = pl.DataFrame(
        {
            "panel": one.title,
            "day": day.number,
            "weight": day.target_weight,
            "score": day.score,
            "kind": WHY[day.kept_by or day.gate],
            "label": "none" if day.score is None else f"{day.score:.2f}",
        }
        for one in LIVES.values()
        for day in follow(one)
    )
    kinds, scale = alt.Scale(domain=list(LIFE), range=list(LIFE.values())), alt.Scale(domain=[0, 0.18])
    x = alt.X("day:O", title="day", axis=alt.Axis(labelAngle=0))
    weights = (
        alt.Chart()
        .mark_bar()
        .encode(x=x, y=alt.Y("weight:Q", title="target", scale=scale, axis=alt.Axis(format=".0%")))
        .encode(color=alt.Color("kind:N", scale=kinds))
    )
    scores = alt.Chart().mark_text(dy=-7, fontSize=11).encode(x=x, y="weight:Q", text="label:N")
    title = [
        "A holding whose scores fail: its target day by day",
        "above each bar the score of the day; below 0.60 it fails, from 0.65 it is sized freely",
    ]
    chart = alt.layer(weights, scores).properties(width=230, height=150)
    facet = alt.Facet("panel:N", sort=[one.title for one in LIVES.values()])
    return chart.facet(facet, data=rows, columns=len(LIVES), spacing=18).properties(
        title=alt.Title(title[0], subtitle=title[1:]), config=_CONFIG
    )


def _weights(name: str) -> pl.DataFrame:
    """Return a row per asset with its weight after each stage, and one for cash where some is left."""
    positions, portfolios = sized(name)
    has_buckets = positions["bucket"].n_unique() > 1
    asset = pl.format("{} {}", "asset", "bucket") if has_buckets else pl.col("asset")
    weights = positions.select(asset.alias("asset"), *(pl.col(one).cast(pl.Float64) for one in STAGES.values()))
    cash = portfolios.select(asset=pl.lit("CASH"), target_weight=pl.col("cash_weight").cast(pl.Float64))
    return pl.concat([weights, cash.filter(pl.col("target_weight") > 0)], how="diagonal").fill_null(0.0)


def _bars(row: dict[str, float]) -> list[dict[str, object]]:
    weights = [row[column] for column in STAGES.values()]
    before = [weights[0], *weights]
    return [
        bar
        for stage, old, new in zip(STAGES, before, weights, strict=False)
        for bar in _change(str(row["asset"]), stage, old, new)
    ]


def _change(asset: str, panel: str, old: float, new: float) -> list[dict[str, object]]:
    """Return the bars of one weight in one panel, the first of them with the weight as its label."""
    moved = ("added" if new > old else "cut", min(old, new), max(old, new))
    ends = [("cash", 0.0, new)] if asset == "CASH" else [("kept", 0.0, min(old, new)), moved]
    labels = [f"{100 * new:.1f}" if new else "", ""]
    return [
        {"panel": panel, "asset": asset, "kind": kind, "low": low, "high": high, "label": label}
        for (kind, low, high), label in zip(ends, labels, strict=False)
        if high > low + _NOISE
    ]


def _panels(rows: pl.DataFrame, panels: list[str], cap: float, title: list[str]) -> alt.FacetChart:
    right = max(rows["high"].max(), cap) * 1.3
    scale = alt.Scale(domain=[0, right], nice=False)
    y = alt.Y(
        "asset:N", sort=rows["asset"].unique(maintain_order=True).to_list(), title=None, axis=alt.Axis(grid=False)
    )
    seen = [kind for kind in COLOURS if kind in rows["kind"]]
    kinds = alt.Scale(domain=seen, range=[COLOURS[kind] for kind in seen])
    bars = (
        alt.Chart()
        .mark_bar(height=_ROW - 5)
        .encode(
            y=y,
            x=alt.X("low:Q", title=None, scale=scale, axis=alt.Axis(format=".0%", tickCount=3)),
            x2="high:Q",
            color=alt.Color("kind:N", scale=kinds),
        )
    )
    words = alt.Chart().mark_text(align="right", fontSize=11).encode(y=y, x=alt.datum(right), text="label:N")
    line = alt.Chart().transform_aggregate(n="count()", groupby=["panel"])
    line = line.mark_rule(color="#333333", strokeDash=[4, 3]).encode(x=alt.datum(cap))
    chart = alt.layer(line, bars, words).properties(width=_PANEL, height=alt.Step(_ROW))
    facet = alt.Facet("panel:N", sort=panels)
    return chart.facet(facet, data=rows, columns=len(panels), spacing=18).properties(
        title=alt.Title(title[0], subtitle=title[1:]), config=_CONFIG
    )


if __name__ == "__main__":
    main()
