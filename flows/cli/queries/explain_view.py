"""The page of `ballast explain`: the answer in a sentence, the steps with their numbers, what would change it."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import TypeAlias

import polars as pl
from rich.bar import Bar
from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from flows.cli.queries.explain_life import LIFE
from flows.terminal.console import plain, print_trimmed

Row: TypeAlias = Mapping[str, str | None]
Steps: TypeAlias = Mapping[str, Row]
"""The rows of the story by their quantity."""

_SIZES = (
    "holding",
    "pinned weight",
    "within limits",
    "raw weight",
    "stage 1 weight",
    "stage 2 weight",
    "residual weight",
    "target weight",
)
"""Weights that have a bar."""
_PARTS: Mapping[str, tuple[str, ...]] = {
    "Selection": (
        "holding",
        "restriction",
        "score",
        "score age",
        "rank",
        "gate",
        "kept by",
        "no volatility",
        "entry score",
        "rival",
    ),
    "Sizing": (
        *(
            "grace factor",
            "pinned weight",
            "within limits",
            "total to divide",
            "tier",
            "multiplier",
            *("volatility", "reference", "by volatility", "crowding", "by crowding", "size", "position cap"),
            "dropped",
            "lambda",
            "raw weight",
        ),
        *("theta", "stage 1 weight", "factor", "bucket factor", "stage 2 weight"),
        *("left over", "room", "bucket room", "left for it", "bucket mu", "mu", "residual weight"),
        *("before the scale", "scale", "total volatility", "rounded down", "rounding unit", "risk share"),
        *("positions", "invested weight", "reachable weight", "residual", "relaxation"),
    ),
    "Result": ("target weight", "change", "held back to", "turnover", "trade", "post-trade"),
}
_LIFE, _CHANGES, _RECORD = "Its life", "What would change it", "Record"
_LONGEST_VALUE = 17
"""Longer values stand before the words: the column of numbers stays narrow."""
_LONGEST_NAME, _BAR, _WIDE = 16, 14, 88


def print_page(console: Console, portfolio: str, asset: str, day: date, steps: pl.DataFrame) -> None:
    """Print the page: on a terminal with bars and colours, wrapped to its width; piped a line a step.

    *Requires* in `steps` the rows of the query `explained`.
    """
    is_life = pl.col("quantity").is_in(LIFE) & ~pl.col("is_change")
    story = {row["quantity"]: row for row in steps.filter(~pl.col("is_change"), ~is_life).iter_rows(named=True)}
    console.print(Text(answer(portfolio, asset, day, story), style="bold"), soft_wrap=not console.is_terminal)
    if sized := _explain_size(story):
        console.print(Text(sized), soft_wrap=not console.is_terminal)
    named = {quantity for quantities in _PARTS.values() for quantity in quantities}
    parts = {
        part: [story[quantity] for quantity in quantities if quantity in story] for part, quantities in _PARTS.items()
    }
    parts[_LIFE] = list(steps.filter(is_life).iter_rows(named=True))
    parts[_CHANGES] = list(steps.filter("is_change").iter_rows(named=True))
    parts[_RECORD] = [row for quantity, row in story.items() if quantity not in named]
    largest = max((_number(story, quantity) for quantity in _SIZES), default=Decimal(0))
    for part, rows in parts.items():
        if rows:
            console.print()
            console.print(Text(part, style="bold cyan"))
            for row in rows:
                _print_row(console, row, largest)


def answer(portfolio: str, asset: str, day: date, story: Steps) -> str:
    """Return in one sentence what the portfolio does with the asset: of the book that the trades leave."""
    target, trade = _number(story, "target weight"), _number(story, "trade")
    if "holding" not in story:
        return _explain_cash(portfolio, day, target, story)
    current = _number(story, "holding")
    if "trade" not in story:
        return f"{portfolio} does not hold {asset} on {day}{_explain_gate(story)}."
    after = current + trade
    gate = _explain_gate(story) if target == 0 else ""
    if after == 0:
        return f"{portfolio} closes {asset}, held at {current:.4f}, on {day}{gate}."
    if trade == 0:
        does = f"keeps {asset} at {current:.4f}"
    elif current == 0:
        does = f"opens {asset} at {after:.4f}"
    else:
        does = f"{'increases' if trade > 0 else 'decreases'} {asset} from {current:.4f} to {after:.4f}"
    return f"{portfolio} {does} on {day}{gate}{_explain_rest(target, after, story)}."


def _explain_cash(portfolio: str, day: date, target: Decimal, story: Steps) -> str:
    """Return what the trades leave in cash, what the targets do where that is other, and which limit forces it."""
    is_told = "post-trade" in story and story["post-trade"]["value"]
    after = _number(story, "post-trade") if is_told else target
    limit = story["reachable weight"]["limit_value"]
    planned = f"; the targets leave {target:.4f}" if after != target else ""
    return f"{portfolio} leaves {after:.4f} in cash on {day}{planned}{f': {limit} binds' if limit else ''}."


def _explain_rest(target: Decimal, after: Decimal, story: Steps) -> str:
    """Return what the target is where the trade does not reach it, and the limit that stops the trade before."""
    if after == target:
        return ""
    limit = story["turnover" if "turnover" in story and after != _number(story, "holding") else "trade"]["limit_value"]
    return f"; {limit} keeps it from its target {target:.4f}" if limit else f"; its target is {target:.4f}"


def _explain_gate(story: Steps) -> str:
    if "dropped" in story:
        return f": dropped, {story['dropped']['limit_value']}"
    gate = story["gate"]
    if gate["value"] == "none":
        return ""
    entry, score = story.get("entry score"), story["score"]["value"]
    stays = "stay" if "trade" in story else "be"
    needs = f"; it has {score or 'no score'} and would {stays} in from {entry['value']}" if entry else ""
    return f": {gate['limit_value'] or gate['value']} stops it{needs}"


def _explain_size(story: Steps) -> str:
    """Return of a position its rank, its size and what bound it."""
    if "pinned weight" in story:
        kept = f", kept by {story['kept by']['limit_value'] or story['kept by']['value']}" if "kept by" in story else ""
        return f"Its weight is frozen{kept}: the stages do not apply."
    if "stage 2 weight" not in story:
        return ""
    limits = [story[stage]["limit_value"] for stage in ("stage 1 weight", "stage 2 weight", "residual weight")]
    bound = next((limit for limit in limits if limit), None)
    bound_by = f"bound by {bound}" if bound else "bound by no limit"
    scale = story["scale"] if "scale" in story and _number(story, "scale") < 1 else None
    scaled = f", times {_number(story, 'scale'):.4f} by {scale['limit_value']}" if scale else ""
    return (
        f"Rank {story['rank']['value']} by score {story['score']['value']}, size {story['tier']['value']}, "
        f"{bound_by}{scaled}."
    )


def _print_row(console: Console, row: Row, largest: Decimal) -> None:
    """Print a step: name, number, bar and words on a line; on a narrow terminal the words below."""
    is_wide, has_bars = console.width >= _WIDE, console.is_terminal and largest > 0
    value = _value(row)
    is_long = len(value) > _LONGEST_VALUE
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(width=_LONGEST_NAME, style="cyan")
    grid.add_column(width=_LONGEST_VALUE, justify="right", style="bold")
    cells: list[RenderableType] = [Text(str(row["quantity"])), Text("" if is_long else value)]
    if has_bars:
        grid.add_column(width=_BAR)
        cells.append(_bar(row, largest))
    words = _words(row, value if is_long else "")
    if is_wide:
        grid.add_column(overflow="fold")
        cells.append(words)
    grid.add_row(*cells)
    print_trimmed(console, Padding(grid, (0, 0, 0, 2), expand=False))
    if not is_wide:
        print_trimmed(console, Padding(words, (0, 0, 0, 4)))


def _value(row: Row) -> str:
    value = plain(row["value"])
    return f"{value[:19]} UTC" if row["quantity"] == "published at" else value


def _words(row: Row, value: str) -> Text:
    """Return the words, after a value that is too long for its column, and with the limit behind them."""
    text = Text()
    if value:
        text.append(value, style="bold").append(". ")
    text.append(plain(row["words"]))
    if row["limit_value"]:
        text.append(f" [{plain(row['limit_value'])}]", style="yellow")
    return text


def _bar(row: Row, largest: Decimal) -> RenderableType:
    if row["quantity"] not in _SIZES or row["value"] is None:
        return ""
    color = "green" if row["quantity"] == "target weight" else "blue"
    return Bar(float(largest), 0, float(row["value"]), width=_BAR, color=color)


def _number(story: Steps, quantity: str) -> Decimal:
    return Decimal(story[quantity]["value"] or 0) if quantity in story else Decimal(0)
