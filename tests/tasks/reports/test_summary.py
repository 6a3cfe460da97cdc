"""The summary of a run in words: what to look at first, what changed and why, nothing read as Markdown that is none."""

import re
from datetime import date
from decimal import Decimal

import polars as pl
import pytest

from sizing.text import MOST_NAMED
from tasks.reports.day_tables import not_the_change, rejected_rows, unpublished
from tasks.reports.priority import first_portfolios
from tasks.reports.run_artifacts import MOST_TARGETS, summarise, target_table
from tasks.reports.summary import first_lines, moves_of, run_queries, sql_block, summary_page
from tasks.reports.tables import as_markdown, escape_markdown
from tests.tasks.run_rows import row, weights

DAY = date(2025, 6, 3)
CHANGES = {
    "portfolio_id": pl.String,
    "asset": pl.String,
    "previous_as_of_date": pl.Date,
    "change_reason": pl.String,
}


def _changes(*rows: tuple[str, str | None], before: date | None = date(2025, 6, 2)) -> pl.DataFrame:
    return pl.DataFrame([("p", asset, before, reason) for asset, reason in rows], schema=CHANGES, orient="row")


def _day(*portfolios: str) -> pl.DataFrame:
    counts = dict.fromkeys(("n_positions", "n_open", "n_close", "n_increase", "n_decrease"), 1)
    weights = {"turnover": 0.2322, "invested_weight": Decimal("0.6"), "cash_weight": Decimal("0.35")}
    book = {"bought_weight": 0.4, "sold_weight": 0.1, "n_held_back": 2, "n_released": 1, "trade_scale": 1.0}
    book |= {
        "invested_before_weight": 0.3,
        "invested_after_weight": Decimal("0.6"),
        "cash_after_weight": Decimal("0.35"),
    }
    numbers = weights | book | {"n_missed": 0, "n_binding": 2, "is_cash_forced": False}
    numbers |= dict.fromkeys(("n_in_grace", "n_locked", "n_shut_out"), 0)
    return pl.DataFrame([{"portfolio_id": portfolio} | counts | numbers for portfolio in portfolios])


def _why(rows: pl.DataFrame, changes: pl.DataFrame) -> list[tuple[str, str]]:
    return moves_of(rows, changes).select("asset", "why").rows()


def test_the_reason_of_a_change_is_what_moved_of_its_own() -> None:
    changes = _changes(("A", "score 0.6 -> 0.7; rank 3 -> 1; holding 0.1 -> 0.2; others in: X, Y; others out: Z"))
    assert _why(weights(row("A", "0.1", "0.2")), changes) == [("A", "score 0.6 -> 0.7; rank 3 -> 1")]


def test_a_change_made_by_others_has_the_reason_of_its_target() -> None:
    assert _why(weights(row("A", "0.1", "0.2")), _changes(("A", "others in: X"))) == [("A", "because")]


def test_a_close_and_a_first_day_have_the_reason_of_the_target() -> None:
    assert _why(weights(row("A", "0.1", "0")), _changes(("A", "score 0.6 -> 0.5"))) == [("A", "because")]
    assert _why(weights(row("A", "0", "0.1")), _changes(("A", "first run"), before=None)) == [("A", "because")]


def test_holds_and_cash_are_no_moves_and_the_largest_is_first() -> None:
    rows = weights(row("A", "0.1", "0.1"), row("B", "0", "0.1"), row("C", "0.3", "0.1"), row("CASH", "0", "0.7"))
    assert [asset for asset, _ in _why(rows, _changes())] == ["C", "B"]


def test_warnings_and_refusals_come_before_everything_else() -> None:
    moves = moves_of(weights(row("A", "0", "0.1")), _changes())
    page = summary_page("T", [first_lines(["bucket | unknown"], ["1 of 9 rows"])], _day("p"), moves, ["the end"])
    order = [
        "# T",
        "- **Warning:** bucket \\| unknown",
        "- **Rejected:** 1 of 9 rows",
        "### Portfolios",
        "### p\n",
        "the end",
    ]
    places = [page.index(part) for part in order]
    assert places == sorted(places)


def test_a_portfolio_has_percentages_and_its_largest_changes() -> None:
    moved = [row(f"I{i}", "0.1", f"0.1{i}") for i in range(1, 6)]
    moves = moves_of(weights(row("A", "0", "0.102"), row("B", "0.0710", "0"), *moved), _changes())
    page = summary_page("T", [], _day("p"), moves, [])
    assert "| p | 1 | 1 | 1 | 2 | 60.00% | 35.00% | 2 |" in page
    assert "| p | 30.00% | 40.00% | 10.00% | 23.22% | 2 | 1 | 1.0000 | 60.00% | 35.00% |" in page
    assert "| open | A |  | 0.00% | 10.20% | +10.20 | 10.20% | rebalance | because |" in page
    assert "| close | B |  | 7.10% | 0.00% | \N{MINUS SIGN}7.10 | 0.00% | rebalance | because |" in page
    assert page.count("| increase |") == 3
    assert "And 2 smaller trades." in page


def test_of_fifty_portfolios_ten_are_shown_others_counted() -> None:
    names = [f"p{i:02}" for i in range(50)]
    moves = moves_of(weights(*(row("A", "0", f"0.{i + 10}", name) for i, name in enumerate(names))), _changes())
    page = summary_page("T", [], _day(*names).with_columns(turnover=pl.int_range(pl.len())), moves, [])
    assert re.findall(r"\n### (p\d+)", page) == names[40:]
    assert len(re.findall(r"\n\| p\d", page)) == 20
    assert "40 more: 40 positions, 40 opened, 40 closed, cash after the trades in 40 of them, at most 0.3500." in page


def test_of_ten_portfolios_each_is_shown() -> None:
    names = [f"p{i}" for i in range(10)]
    page = summary_page("T", [], _day(*names), moves_of(weights(row("A", "0", "0.1")), _changes()), [])
    assert len(re.findall(r"\n\| p\d", page)) == 20
    assert " more" not in page


def test_what_needs_a_look_comes_before_what_trades_most() -> None:
    day = _day(*(f"p{i:02}" for i in range(20))).with_columns(
        turnover=pl.int_range(pl.len()),
        n_missed=pl.when(portfolio_id="p00").then(2).otherwise(0),
        is_cash_forced=pl.col("portfolio_id").is_in(["p01", "p02"]),
    )
    assert first_portfolios(day) == ["p00", "p01", "p02", *(f"p{i}" for i in range(13, 20))]


def test_the_sentence_names_few_portfolios_and_counts_many() -> None:
    few, many = _day("p", "q"), _day(*(f"p{i}" for i in range(1_000)))
    assert summarise(few) == "; ".join(f"{name} 1 positions, 1 opened, 1 closed, cash 0.3500" for name in "pq")
    assert summarise(many) == (
        "1,000 portfolios: 1,000 positions, 1,000 opened, 1,000 closed, cash after the trades in 1,000 of them, "
        "at most 0.3500"
    )


@pytest.mark.parametrize(
    ("scale", "words"), [(0.3636, "cash 0.3500, max_turnover leaves 0.3636 of the trades"), (None, "cash 0.3500")]
)
def test_the_sentence_says_what_max_turnover_leaves(scale: float | None, words: str) -> None:
    assert summarise(_day("p").with_columns(trade_scale=pl.lit(scale))).endswith(words)


def test_what_is_held_back_released_or_scaled_has_a_table_the_largest_change_first() -> None:
    rows = weights(
        row(
            "HELD",
            "0.1",
            "0.102",
            trade_weight=Decimal(0),
            post_trade_weight=Decimal("0.1"),
            trade_reason="held_by_band",
        ),
        row("FREE", "0.155", "0.15", trade_reason="above_cap"),
        row("PART", "0", "0.2", trade_weight=Decimal("0.1"), post_trade_weight=Decimal("0.1"), trade_reason="open"),
        row("ALL", "0", "0.1", trade_reason="open"),
        row("CASH", "0.745", "0.448"),
    )
    shown = [[cell.text for cell in cells] for cells in not_the_change(rows).rows]
    assert [[one[0], *one[2:8]] for one in shown] == [
        ["PART", "0.00%", "20.00%", "+20.00", "+10.00", "10.00%", "open"],
        ["FREE", "15.50%", "15.00%", "\N{MINUS SIGN}0.50", "\N{MINUS SIGN}0.50", "15.00%", "above_cap"],
        ["HELD", "10.00%", "10.20%", "+0.20", "", "10.00%", "held_by_band"],
    ]
    assert [cells[0].text for cells in not_the_change(rows, most=1).rows] == ["PART"]
    assert not_the_change(rows, most=1).note == "The first 1 of 3 changes."
    assert not_the_change(weights(row("ALL", "0", "0.1"))).rows == ()


def test_no_trade_at_all_leaves_the_table_of_portfolios_alone() -> None:
    page = summary_page("T", [], _day("p"), moves_of(weights(row("A", "0.1", "0.1")), _changes()), [])
    assert page.count("###") == 2


def test_rejected_rows_are_shown_with_their_number() -> None:
    rows = pl.DataFrame({"source": ["s.csv"], "row_number": [4], "reason": ["no | score"], "row_json": ['{"a":1}']})
    shown = as_markdown(rejected_rows(rows.with_columns(n_refused=30)))
    assert "The first 1 of 30 rows." in shown
    assert "| s.csv | 4 | no \\| score |" in shown
    assert as_markdown(rejected_rows(rows.clear().with_columns(n_refused=pl.lit(0)))) == ""


def test_a_huge_value_of_a_rejected_row_is_cut_with_its_length() -> None:
    rows = pl.DataFrame({"source": ["s.csv"], "row_number": [4], "reason": ["no score"], "row_json": ["z" * 1_000_000]})
    table = rejected_rows(rows.with_columns(n_refused=1))
    assert len(as_markdown(table)) < 3_000
    assert table.rows[0][3].text.endswith("zzz... (1,000,000 characters)")


MISSING = pl.DataFrame(
    {"model": ["default"], "asset": ["A"], "last_score_date": [DAY], "held_in": ["p, q"], "n_missing": [3]}
)
STAYING = pl.DataFrame(
    {"portfolio_id": ["p", "q"], "as_of_date": [DAY, None], "run_id": ["r1", None], "n_portfolios": [5, 5]}
)


def test_missing_scores_name_holdings_and_portfolios() -> None:
    shown = as_markdown(unpublished(MISSING, STAYING)[0])
    assert "The first 1 of 3 assets" in shown
    assert "| A | default | 2025-06-03 | p, q |" in shown


def test_what_stays_in_force_is_shown_where_nothing_does() -> None:
    shown = as_markdown(unpublished(MISSING, STAYING)[1])
    assert "| p | 2025-06-03 | r1 |" in shown
    assert "| q | none yet |  |" in shown
    assert "The first 2 of 5 portfolios." in shown


def test_a_hostile_name_is_neither_markup_nor_a_new_line() -> None:
    assert (
        escape_markdown("a|b\n<img src=x> *c* _d_ `e` [f](g)")
        == "a\\|b &lt;img src=x> \\*c\\* \\_d\\_ \\`e\\` \\[f](g)"
    )


def test_the_sql_to_ask_on_names_the_run_and_the_day() -> None:
    shown = sql_block(*run_queries("r1", DAY))
    assert "run_id = 'r1'" in shown
    assert "DATE '2025-06-03'" in shown


def test_a_long_target_table_shows_what_is_traded() -> None:
    many = weights(*(row(f"A{i}", "0.001", "0.001") for i in range(MOST_TARGETS)), row("Z", "0", "0.0001"))
    rows, told = target_table(many)
    assert told == ", 500 of 501 rows, what is traded first"
    assert rows[0]["asset"] == "Z"
    assert target_table(many.head(3))[1] == ""


def test_the_sentence_counts_who_is_kept_and_who_is_shut_out() -> None:
    one = _day("p").with_columns(n_in_grace=pl.lit(2), n_locked=pl.lit(1), n_shut_out=pl.lit(3))
    counts = ", 2 kept in grace, 1 locked, 3 shut out"
    assert summarise(one).endswith(counts)
    many = pl.concat([one.with_columns(portfolio_id=pl.lit(f"p{number}")) for number in range(MOST_NAMED + 1)])
    assert summarise(many).endswith(", 22 kept in grace, 11 locked, 33 shut out")
