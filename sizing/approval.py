"""When a portfolio's targets need manual approval before they become visible.

An approval policy is no limit: it changes no weight, and it is no part of what makes two runs the same.
What does not belong here: who approves, and what then happens.
"""

from collections.abc import Mapping
from typing import Self

import polars as pl
from pydantic import BaseModel, ConfigDict, Field, model_validator

from sizing.frames.limit_columns import column_types


class ApprovalPolicy(BaseModel):
    """When the targets of a portfolio wait for approval. One trigger is enough."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    always: bool = Field(default=False, description="Every day waits.")
    max_turnover: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="A day waits when its one-way turnover, half of all that is traded, is above.",
    )
    max_closes: int | None = Field(default=None, ge=0, description="A day waits when it closes more positions.")
    max_cash_moved: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="A day waits when buys and sells differ by more: cash put in or taken out.",
    )
    first_day: bool = Field(default=False, description="The first day waits, when nothing earlier is visible.")
    four_eyes: bool = Field(default=False, description="The person who requested the run may not approve it.")

    @model_validator(mode="after")
    def _require_trigger(self) -> Self:
        limits = (self.max_turnover, self.max_closes, self.max_cash_moved)
        if self.always or self.first_day or any(limit is not None for limit in limits):
            return self
        msg = "no day would wait: give always, first_day, max_turnover, max_closes or max_cash_moved"
        raise ValueError(msg)


_SCHEMA = {"portfolio_id": pl.String(), **column_types(ApprovalPolicy)}


def summarise_moves(targets: pl.DataFrame | pl.LazyFrame) -> pl.DataFrame:
    """Summarise the trades of each portfolio. *Requires* `portfolio_id, is_cash, action, trade_weight`.

    *Returns* `portfolio_id, turnover, n_close, cash_moved`: half of all that is traded, and |buys - sells|, of assets
    alone: cash always makes up the difference. Sums are exact; a float is made of them at the end.
    """
    trade = pl.col("trade_weight")
    return (
        targets.lazy()
        .filter(~pl.col("is_cash"))
        .group_by("portfolio_id")
        .agg(
            turnover=trade.abs().sum().cast(pl.Float64) / 2,
            n_close=(pl.col("action") == "close").sum().cast(pl.Int64),
            cash_moved=trade.sum().abs().cast(pl.Float64),
        )
        .sort("portfolio_id")
        .collect()
    )


def find_approvals(moves: pl.DataFrame, policies: Mapping[str, ApprovalPolicy]) -> pl.DataFrame:
    """Return the portfolios that wait for approval, and each reason with value and limit.

    *Requires* what `summarise_moves` returns, and `is_first_day`. *Returns* `portfolio_id, reason, needs_four_eyes`,
    one row a portfolio that waits; a portfolio without a policy never does.
    """
    rows = [{"portfolio_id": portfolio_id, **policy.model_dump()} for portfolio_id, policy in policies.items()]
    checked = moves.join(pl.DataFrame(rows, _SCHEMA), on="portfolio_id", how="inner")
    return (
        checked.select("portfolio_id", reason=_reason(), needs_four_eyes="four_eyes")
        .filter(pl.col("reason") != "")
        .sort("portfolio_id")
    )


def _reason() -> pl.Expr:
    """Join the reasons; a null text is left out."""
    is_first = pl.col("first_day") & pl.col("is_first_day")
    return pl.concat_str(
        pl.when("always").then(pl.lit("every day waits")),
        _above("turnover", "max_turnover"),
        _above("n_close", "max_closes"),
        _above("cash_moved", "max_cash_moved"),
        pl.when(is_first).then(pl.lit("first day: nothing earlier is visible")),
        separator="; ",
        ignore_nulls=True,
    )


def _above(got: str, limit: str) -> pl.Expr:
    sentence = pl.format(f"{got} {{}} is above {limit} {{}}", got, limit)
    return pl.when(pl.col(got) > pl.col(limit)).then(sentence)
