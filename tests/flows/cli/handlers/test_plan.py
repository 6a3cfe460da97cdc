"""`ballast plan`, the limits as flags, and what `run`, `backfill` and `replay` tell a program."""

import csv
import dataclasses
import io
import json
import re
import sys
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from flows.cli.app import app
from sizing import RebalancingLimits
from tasks.config.portfolios import load_portfolios
from tasks.config.settings import Settings
from tasks.inputs.portfolio_groups import Group
from tasks.preflight.what_if import Plan, plan_day
from tests.helpers.command_line import Ballast

DAY = "2025-06-02"
ROOT = Path(__file__).parents[4]


@pytest.fixture(scope="module")
def first_day(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Plan:
    """The plan of the first day of the sample, with nothing published yet."""
    folder, config = tmp_path_factory.mktemp("nothing"), ROOT / "deployments" / "portfolios.yaml"
    names = ("warehouse", "snapshot", "export_folder")
    settings = Settings(config=config, inbox=sample, **{name: folder / name for name in names})
    limits = load_portfolios(config)
    return plan_day(settings, date.fromisoformat(DAY), [Group("XNYS", limits, {})], limits, {})


@pytest.fixture
def planned(first_day: Plan, ballast: Ballast, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[int, str, str]]:
    """Show a plan as the command does: that of the first day, or one with other results."""

    def run(*words: object, **changes: Any) -> tuple[int, str, str]:  # noqa: ANN401 - fields of a plan
        monkeypatch.setattr(
            "flows.cli.handlers.plan.plan_day", lambda *_: dataclasses.replace(first_day, **{"warnings": ()} | changes)
        )
        return ballast("plan", "--as-of", DAY, *words)

    return run


def test_every_limit_is_a_flag_of_run_and_plan_in_its_section_with_its_description(ballast: Ballast) -> None:
    for command in ("run", "plan"):
        _, out, _ = ballast(command, "--help")
        text = " ".join(out.replace("│", " ").split())
        for name, field in RebalancingLimits.model_fields.items():
            assert f" --{name.replace('_', '-')} " in text
            assert str(field.description) in text
        sections = re.findall("╭─ (Sizing|Scores|Selection|Diversification|Trading) ", out)
        assert sections == ["Sizing", "Scores", "Selection", "Diversification", "Trading"]


@pytest.mark.parametrize(
    ("words", "given"),
    [
        ("--max-single-position 0.10", {"max_single_position": 0.1}),
        ("--residual-strategy cash_bucket", {"residual_strategy": "cash_bucket"}),
        ("--no-enable-dynamic-sizing", {"enable_dynamic_sizing": False}),
        ("--max-total-positions 10.0", {"max_total_positions": 10}),
        ("--max-total-positions 1e1", {"max_total_positions": 10}),
        ("--replacement-margin none", {"replacement_margin": None}),
        ("--exclude-assets AMZN FCX", {"exclude_assets": ("AMZN", "FCX")}),
        ("--empty-exclude-assets", {"exclude_assets": ()}),
        ("--max-allocation-by-bucket.Energy 0.2", {"max_allocation_by_bucket": {"Energy": 0.2}}),
        ("--max-positions-by-bucket.Energy 2", {"max_positions_by_bucket": {"Energy": 2}}),
        ("--score-tiers 0.9 top 1.5 0.6 rest 1", {"score_tiers": ((0.9, "top", 1.5), (0.6, "rest", 1.0))}),
        ("", {}),
    ],
)
def test_a_flag_gives_the_limit_as_the_model_takes_it(words: str, given: dict[str, Any]) -> None:
    for command in ("run", "plan"):
        _, bound, _ = app.parse_args([command, *words.split()])
        asked = bound.arguments.get("limits", {})
        assert asked == given
        assert RebalancingLimits(**asked)


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["--as-of", "2025-06-0x"], 2, 'Invalid value for --as-of: unable to convert "2025-06-0x" into date.'),
        (["--as-of", "2025-06-07"], 2, "2025-06-07 (Saturday) is not a trading day of XNYS"),
        (["--as-of", "2025-06-11"], 1, "no scores for 2025-06-11"),
        (["--inbox", "EMPTY"], 1, "whose name has a day: expected files like scores_2024-12-02.csv"),
        (["--inbox", "nowhere"], 1, "no inbox folder at nowhere"),
        (["--config", "nowhere.yaml"], 1, "no portfolio config at nowhere.yaml"),
        (["--portfolio", "cor"], 2, "--portfolio cor is unknown; did you mean core?"),
        (["--max-single-positon", "0.1"], 2, "Did you mean --max-single-position?"),
        (["--max-total-positions", "9.5"], 2, "Invalid value for --max-total-positions"),
        (["--max-single-position", "much"], 2, "Invalid value for --max-single-position"),
        (
            ["--max-single-position", "1.5"],
            2,
            "--max-single-position: expected a number above 0 and at most 1, got 1.5",
        ),
        (
            ["--max-single-position", "0.03", "--portfolio", "core", "--min-position-size", "0.04"],
            2,
            "--max-single-position 0.03 and --min-position-size 0.04: min_position_size 0.04 is above",
        ),
        (["--json", "--csv"], 2, "--json and --csv exclude each other"),
    ],
)
def test_a_wrong_turn_is_one_sentence_and_makes_nothing(
    ballast: Ballast, tmp_path: Path, words: list[str], code: int, sentence: str
) -> None:
    (tmp_path / "empty").mkdir()
    for command in ("plan", "run"):
        left, out, err = ballast(command, *(tmp_path / "empty" if word == "EMPTY" else word for word in words))
        assert (left, out) == (code, "")
        assert sentence in " ".join(err.split())
    assert [path.name for path in tmp_path.iterdir()] == ["empty"]


def test_a_plan_says_what_would_happen_to_whom_and_why(planned: Ballast) -> None:
    code, out, err = planned()
    assert code == 0
    assert out.startswith(f"{DAY} core, income, opportunity: would be published\n")
    rows = [line.split() for line in out.splitlines()]
    assert ["core", "none→4", "none→4", "none→0", "none→0.2200", "none→0.5100"] in rows
    assert "core, the largest change first. Bound by max_new_positions, max_single_position, " in out
    assert ["core", "0.2200", "0.4400", "0.0000", "0", "0", "1.0000", "0.4400", "0.5100"] in rows
    assert ["asset", "visible", "planned", "held", "trade", "after", "action", "trade_reason", "reason"] in rows
    assert ["AMZN", "0.0000", "0.1100", "0.0000", "0.1100", "0.1100", "open", "open", "Rank"] in [r[:9] for r in rows]
    assert err == ""


@pytest.mark.parametrize(
    ("width", "row"), [(80, ["AMZN", "0.1100", "0.1100", "0.1100", "Rank", "1,"]), (60, ["asset", "AMZN"])]
)
def test_a_narrow_terminal_shows_what_it_has_place_for(
    planned: Ballast, monkeypatch: pytest.MonkeyPatch, width: int, row: list[str]
) -> None:
    monkeypatch.setattr("flows.cli.handlers.plan.out", lambda: _console(width))
    _, out, _ = planned()
    assert max(map(len, out.splitlines())) <= width
    assert row in [line.split()[: len(row)] for line in out.splitlines()]


def test_each_trade_leads_from_what_is_held_towards_what_is_planned(planned: Ballast, first_day: Plan) -> None:
    _, out, _ = planned("--csv", "--all-rows")
    traded = [row for row in csv.DictReader(io.StringIO(out)) if row["is_cash"] == "false" and row["action"] != "hold"]
    assert len(traded) > 3
    for row in traded:
        planned_weight, held, trade, after = (
            Decimal(row[name]) for name in ("target_weight", "current_weight", "trade_weight", "post_trade_weight")
        )
        assert after == held + trade, row
        assert abs(trade) <= abs(planned_weight - held), row
        assert trade * (planned_weight - held) > 0, row
    assert first_day.targets.height >= len(traded)


def _console(width: int) -> Any:  # noqa: ANN401 - rich's
    from rich.console import Console  # noqa: PLC0415 - one that believes it is a terminal

    return Console(highlight=False, emoji=False, width=width, force_terminal=False, file=sys.stdout)


def test_json_has_an_object_a_portfolio_with_the_targets_that_change(planned: Ballast) -> None:
    code, out, err = planned("--json")
    core, income, _ = json.loads(out)
    assert (code, err) == (0, "")
    assert (core["portfolio_id"], core["state"], core["visible_run_id"], core["n_positions"]) == (
        "core",
        "published",
        None,
        4,
    )
    assert (core["cash_weight"], core["turnover"]) == (0.51, 0.22)
    amzn = next(row for row in core["targets"] if row["asset"] == "AMZN")
    assert (amzn["visible_target_weight"], amzn["target_weight"], amzn["action"]) == (0, 0.11, "open")
    assert any(row["action"] == "close" for row in income["targets"])


def test_csv_has_a_row_a_target(planned: Ballast) -> None:
    rows = list(csv.DictReader(io.StringIO(planned("--csv")[1])))
    assert {row["portfolio_id"] for row in rows} == {"core", "income", "opportunity"}
    assert next(row for row in rows if row["asset"] == "AMZN")["target_weight"] == "0.11000000"


def test_rows_that_stay_are_shown_when_they_are_asked_for(planned: Ballast, first_day: Plan) -> None:
    same = first_day.targets.with_columns(is_changed=pl.lit(value=False))
    assert "Every target would stay as it is." in planned(targets=same)[1]
    assert "AMZN" in planned("--all-rows", targets=same)[1]


@pytest.mark.parametrize(
    ("state", "code", "words"),
    [
        ("unchanged", 0, "nothing would change: because"),
        ("held", 3, "would be held: because"),
        ("halted", 3, "is halted, and would be held: because"),
        ("rejected", 4, "would be rejected: because"),
        ("failed", 1, "would fail: because"),
        ("proposed", 6, "would wait for approval: because"),
    ],
)
def test_a_plan_exits_as_the_run_would(planned: Ballast, first_day: Plan, state: str, code: int, words: str) -> None:
    [result] = first_day.results
    told = dataclasses.replace(result, state=state, reason="because [of] it")
    left, out, err = planned(results=(result, told), warnings=("look [here]",))
    assert (left, err) == (code, "warning: look [here]\n")
    assert f"{words} [of] it\n" in out


@pytest.mark.slow
@pytest.mark.parametrize(
    ("flags", "turnover", "held_back", "scale"),
    [
        pytest.param("", 0.22, 0, 1.0, marks=pytest.mark.slow),
        pytest.param("--max-turnover 0.1", 0.1, 0, 5 / 11, marks=pytest.mark.slow),
        ("--min-trade-weight 0.04 --max-turnover 0.1", 0.1, 0, 5 / 11),
    ],
)
def test_the_limits_of_trades_are_planned_as_any_limit(
    ballast: Ballast, flags: str, turnover: float, held_back: int, scale: float
) -> None:
    code, out, _ = ballast("plan", "--as-of", DAY, "--portfolio", "core", "--json", *flags.split())
    [core] = json.loads(out)
    assert code == 0
    assert core["turnover"] == pytest.approx(turnover, abs=1e-7)
    assert (core["n_held_back"], core["n_released"]) == (held_back, 0)
    assert core["trade_scale"] == pytest.approx(scale, abs=1e-7)
    assert core["bought_weight"] == core["invested_after_weight"] == pytest.approx(2 * turnover, abs=1e-7)
    assert core["cash_after_weight"] == pytest.approx(0.95 - 2 * turnover, abs=1e-7)
    for row in core["targets"]:
        assert row["post_trade_weight"] == pytest.approx(row["current_weight"] + row["trade_weight"], abs=1e-9)
    assert sum(row["target_weight"] for row in core["targets"]) == pytest.approx(0.95)


@pytest.mark.slow
def test_a_small_change_is_planned_as_held_back(ballast: Ballast) -> None:
    income = json.loads(ballast("plan", "--as-of", DAY, "--portfolio", "income", "--json", "--all-rows")[1])[0]
    flags = ("--min-trade-weight", "0.01", "--rebalance-band", "0")
    less = json.loads(ballast("plan", "--as-of", DAY, "--portfolio", "income", "--json", "--all-rows", *flags)[1])[0]
    reasons = {row["asset"]: row["trade_reason"] for row in less["targets"]}
    held = [row for row in less["targets"] if reasons[row["asset"]] == "held_by_min_trade"]
    assert held
    assert less["n_held_back"] == len(held)
    assert all(0 < abs(row["target_weight"] - row["current_weight"]) < 0.01 for row in held)
    assert all((row["trade_weight"], row["action"]) == (0, "hold") for row in held)
    weights = [{row["asset"]: row["target_weight"] for row in one["targets"]} for one in (income, less)]
    assert weights[0] == weights[1]


@pytest.mark.server
@pytest.mark.usefixtures("connected")
def test_the_run_does_what_was_planned_and_tells_it_to_a_program(ballast: Ballast, settings: Settings) -> None:
    asked = [
        "--as-of",
        DAY,
        "--portfolio",
        "core",
        "--max-single-position",
        "0.1",
        "--exclude-assets",
        "AMZN",
        "--json",
    ]
    code, out, err = ballast("plan", *asked)
    assert code == 0
    assert "portfolio core: limits other than configured: max_single_position 0.1 (0.11)" in err
    [core] = json.loads(out)
    assert not settings.warehouse.exists()

    code, out, err = ballast("run", *asked)
    assert code == 0
    told = {"as_of_date": DAY, "run_id": core["run_id"], "portfolio_ids": ["core"]}
    assert json.loads(out) == [told | {"state": "published", "message": "every check passed"}]
    assert f"{DAY} published core 4 positions" in err
    shown = "SELECT asset, target_weight, trade_weight, action, target_reason FROM current_targets ORDER BY asset"
    published = settings.open_warehouse().query_snapshot(shown)
    names = published.columns
    expected = sorted((row for row in core["targets"]), key=lambda row: str(row["asset"]))
    numbers = published.with_columns(pl.col("target_weight", "trade_weight").cast(pl.Float64))
    assert numbers.rows() == [tuple(row[name] for name in names) for row in expected]
    assert {row["asset"]: row["target_weight"] for row in expected}["CASH"] == 0.55

    [again] = json.loads(ballast("run", *asked)[1])
    assert (again["run_id"], again["state"]) == (core["run_id"], "unchanged")
    [planned_again] = json.loads(ballast("plan", *asked)[1])
    assert (planned_again["state"], planned_again["targets"]) == ("unchanged", [])
    [replayed] = json.loads(ballast("replay", "--as-of", DAY, "--json")[1])
    assert (replayed["run_id"], replayed["state"], replayed["n_differences"]) == (core["run_id"], "identical", 0)
    [filled] = json.loads(ballast("backfill", "--from", DAY, "--to", DAY, "--json")[1])
    assert (filled["as_of_date"], filled["state"]) == (DAY, "published")
    assert filled["portfolio_ids"] == ["core", "income", "opportunity"]


@pytest.mark.server
@pytest.mark.usefixtures("connected")
def test_a_day_that_an_error_ends_is_told_to_a_program_too(ballast: Ballast, tmp_path: Path, sample: Path) -> None:
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    for name in ("assets.csv", f"scores_{DAY}.csv"):
        (inbox / name).write_bytes((sample / name).read_bytes())
    (inbox / "scores_2025-06-03.csv").write_text("date,asset,technical_score\n")
    words = ["run", "--from", DAY, "--to", "2025-06-03", "--inbox", inbox, "--portfolio", "core", "--json"]
    code, out, err = ballast(*words)
    assert code == 1
    good, bad = json.loads(out)
    assert (good["as_of_date"], good["state"]) == (DAY, "published")
    assert (bad["as_of_date"], bad["state"], bad["run_id"]) == ("2025-06-03", "failed", None)
    assert "has a header but no rows" in bad["message"]
    assert "error: " in err
