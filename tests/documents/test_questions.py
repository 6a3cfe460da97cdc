"""The questions of docs/schema.md, asked of the snapshot after the week of the shipped sample."""

from pathlib import Path

import duckdb
import polars as pl
import pytest

from sql.engine.scripts import Script, read_scripts
from tasks.config.settings import Settings
from tests.helpers.command_line import exit_code

ROOT = Path(__file__).parents[2]
QUESTIONS = {question.name: question for question in read_scripts("questions")}
WITHOUT_ROWS = {
    "12_what_went_wrong",
    "14_refused_files",
    "17_what_waits",
    "18_what_approval_changes",
    "19_what_is_halted",
    "21_corrections",
    "26_every_row_counted",
    "27_replays",
    "28_superseded_holdings",
    "29_who_approved",
    "30_history_of_halts",
    "31_corrected_inputs",
    "36_what_to_order",
}
"""What nothing of a good week answers."""


@pytest.fixture
def snapshot(sample_week: Settings) -> Path:
    return sample_week.snapshot


def _ask(snapshot: Path, question: Script) -> pl.DataFrame:
    with duckdb.connect(str(snapshot), read_only=True) as con:
        return con.sql(question.sql).pl()


@pytest.mark.slow
def test_every_question_is_answered(snapshot: Path) -> None:
    unanswered = {name for name, question in QUESTIONS.items() if _ask(snapshot, question).is_empty()}
    assert unanswered == WITHOUT_ROWS


def test_a_reader_of_the_snapshot_alone_has_every_comment(snapshot: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code("db", "schema", "--snapshot", snapshot) == 0
    assert capsys.readouterr().out == (ROOT / "docs" / "schema.md").read_text(encoding="utf-8")


def test_what_changed_and_why_is_told_of_the_sample(snapshot: Path) -> None:
    changes = {row["asset"]: row for row in _ask(snapshot, QUESTIONS["02_what_changed"]).iter_rows(named=True)}
    assert (changes["AVGO"]["change"], changes["NEE"]["change"]) == ("opened", "closed")
    assert changes["AVGO"]["change_reason"] == (
        "selected, no longer stopped by below_min_score_new_position; score 0.54754 -> 0.8164; rank 24 -> 6; "
        "others in: COP; others out: JPM, NEE; others moved in rank or size: 8"
    )


def test_a_weight_of_the_sample_tells_its_whole_story(snapshot: Path) -> None:
    story = {row["quantity"]: row for row in _ask(snapshot, QUESTIONS["03_why_this_weight"]).iter_rows(named=True)}
    assert story["score"]["words"].startswith("0.6 x technical 0.8655 + 0.4 x fundamental 0.9143")
    assert story["entry score"]["value"] == "0.6"
    assert (story["target weight"]["value"], story["stage 2 weight"]["value"]) == ("0.08571428", "0.0857142857143")
    assert story["trade"]["value"] == "0.00000000"


def test_the_sums_of_every_day_are_exact(snapshot: Path) -> None:
    assert _ask(snapshot, QUESTIONS["24_sums"]).rows() == [(15, 0)]


def test_a_limit_that_binds_names_the_buckets_that_reach_it(snapshot: Path) -> None:
    rows = _ask(snapshot, QUESTIONS["08_binding_limits"])
    reached = {(row["portfolio_id"], row["constraint_name"]): row["reached_by"] for row in rows.iter_rows(named=True)}
    assert reached["core", "max_positions_per_bucket"] == "Consumer Discretionary"
    assert reached["core", "max_total_positions"] is None
