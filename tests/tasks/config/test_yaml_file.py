"""Mistakes in portfolios.yaml: where each stands, what is allowed there, all of them at once and in their order."""

import re
from pathlib import Path

import pytest

from sizing.limits.model import RebalancingLimits
from tasks.config.portfolios import load_portfolios, read_config
from tasks.errors import ConfigError


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return tmp_path / "portfolios.yaml"


def told(config: Path, text: str | bytes) -> list[tuple[int, int, str]]:
    """Return the line, the column and the sentence of each mistake, as the message has them."""
    config.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ConfigError) as caught:
        load_portfolios(config)
    first, *others = str(caught.value).splitlines()
    lines = others if first.endswith(f" mistakes in {config}:") else [first, *others]
    found = [re.fullmatch(rf"{re.escape(str(config))}:(\d+):(\d+): (.*)", line) for line in lines]
    assert all(found), lines
    return [(int(one[1]), int(one[2]), one[3]) for one in found if one]


FULL_OF_MISTAKES = """\
defaults:
  preset: conservativ
  rebalance_band: 2
  exclude_assets: [AAA, ON]
portfolio: 3
portfolios:
  core:
    max_singel_position: 0.2
    max_total_positions: 10.5
    max_total_positions: 11
    sizing_mode: adptive
    score_tiers:
      - [0.9, max]
      - {min_score: 2, size_category: x, score_multiplier: 1}
    approval: {max_turnver: 0.1, four_eyes: true}
    exchange: XNYX
  second:
    min_position_size: 0.5
    max_allocation_by_bucket:
      Energy: 3
    max_residual_per_asset: much
feeds:
  scores:
    path: x
    decimal: ";"
"""


def test_all_mistakes_are_reported_in_file_order_with_their_place(config: Path) -> None:
    assert told(config, FULL_OF_MISTAKES) == [
        (2, 3, "defaults: preset conservativ is unknown; did you mean conservative?"),
        (3, 3, "defaults: rebalance_band: expected a number from 0 to 1, got 2; default 0.05"),
        (4, 25, "defaults: exclude_assets.1: expected a text, got true; put it into quotes"),
        (5, 1, "section portfolio is unknown; did you mean portfolios?"),
        (8, 5, "portfolio core: limit max_singel_position is unknown; did you mean max_single_position?"),
        (10, 5, "max_total_positions is given twice, first in line 9: keep one"),
        (
            *(11, 5),
            (
                "portfolio core: sizing_mode: expected adaptive, equal_weight or score_weighted, got 'adptive'; did "
                "you mean adaptive?"
            ),
        ),
        (
            *(13, 9),
            "portfolio core: score_tiers.0: expected min_score, size_category, score_multiplier, got [0.9, max]",
        ),
        (14, 10, "portfolio core: score_tiers.1.min_score: expected a number from 0 to 1, got 2"),
        (15, 16, "portfolio core: approval: max_turnver is unknown; did you mean max_turnover?"),
        (
            *(16, 5),
            (
                "portfolio core: exchange XNYX is unknown: give its ISO 10383 code, such as XNYS, in BALLAST_EXCHANGE "
                "or as `exchange` of the portfolio"
            ),
        ),
        (
            *(18, 5),
            (
                "portfolio second: min_position_size 0.5 is above max_single_position 0.15: no position could exist; "
                "lower the one to at most 0.15 or raise the other"
            ),
        ),
        (
            *(20, 7),
            "portfolio second: max_allocation_by_bucket.Energy: expected a number above 0 and at most 1, got 3",
        ),
        (
            *(21, 5),
            "portfolio second: max_residual_per_asset: expected a number from 0 to 1, got 'much'; default 0.05",
        ),
        (25, 5, "feeds: scores: decimal: expected '.' or ',', got ';'; default ."),
    ]


def test_a_mistake_in_defaults_is_reported_once(config: Path) -> None:
    [(line, _, sentence)] = told(config, "defaults:\n  rebalance_band: 2\nportfolios:\n  a:\n  b:\n")
    assert (line, sentence.partition(":")[0]) == (2, "defaults")


def test_defaults_that_a_portfolio_completes_are_no_mistake(config: Path) -> None:
    config.write_text("defaults:\n  min_position_size: 0.2\nportfolios:\n  a: {max_single_position: 0.3}\n")
    assert load_portfolios(config)["a"].min_position_size == 0.2
    found = told(config, "defaults:\n  min_position_size: 0.2\nportfolios:\n  a: {max_single_position: 0.1}\n  b:\n")
    assert [(line, sentence[:12]) for line, _, sentence in found] == [(2, "defaults: mi"), (4, "portfolio a:")]


def test_an_invalid_limit_is_not_reported_as_contradiction_too(config: Path) -> None:
    text = "portfolios:\n  a:\n    max_single_position: 20\n    min_position_size: 0.2\n"
    assert [line for line, _, _ in told(config, text)] == [3]


@pytest.mark.parametrize(
    ("text", "line", "column", "said"),
    [
        ("portfolios:\n  a: }\n", 2, 6, "not YAML: while parsing a block node"),
        ("portfolios:\n\ta: 1\n", 2, 1, "indent with spaces, not with tabs"),
        ("portfolios:\n  a: {model: x\n", 3, 1, "not YAML: while parsing a flow mapping"),
        ("portfolios:\n  a: {model: 2024-13-45}\n", 2, 14, "2024-13-45 looks like a date: write a date like"),
        ("portfolios:\n  a: {model: \x07}\n", 2, 14, "not YAML: special characters are not allowed"),
        ("portfolios:\n  ? [a]\n  : 1\n", 2, 5, "expected a name as key, got a list or a mapping"),
        ("portfolios: {a: }\n---\nportfolios: {b: }\n", 2, 1, "not YAML: expected a single document"),
        ("portfolios: {a: !!python/name:os.system }\n", 1, 17, "the tag !!python/name:os.system is unknown"),
    ],
)
def test_what_is_not_yaml_is_reported_with_its_place(
    config: Path, text: str, line: int, column: int, said: str
) -> None:
    [(got_line, got_column, sentence)] = told(config, text)
    assert (got_line, got_column) == (line, column)
    assert said in sentence


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("portfolios:\n  no:\n", "no looks like true or false: put it into quotes"),
        ("portfolios:\n  1:\n  '1':\n", "1 is given twice, first in line 2: keep one"),
        ("portfolios:\n  a: {model: 7}\n", "model: expected a text, got 7; put it into quotes"),
        ("portfolios:\n  a: {zzzzzzzz: 7}\n", "limit zzzzzzzz is unknown; see docs/configuration.md"),
    ],
)
def test_what_yaml_would_misread_is_reported_with_the_fix(config: Path, text: str, said: str) -> None:
    assert said in told(config, text)[-1][2]


@pytest.mark.slow
def test_brackets_without_end_and_a_list_in_itself_are_reported(config: Path) -> None:
    config.write_text("portfolios: " + 3000 * "[")
    with pytest.raises(ConfigError, match="its brackets are nested too deep"):
        load_portfolios(config)
    assert told(config, "portfolios: {a: {exclude_assets: &all [*all]}}\n")[0][:2] == (1, 34)


def test_mistakes_of_merged_keys_are_reported_where_written(config: Path) -> None:
    config.write_text("defaults: &all {max_total_positions: 7}\nportfolios:\n  a: {<<: *all, model: x}\n")
    assert load_portfolios(config) == {"a": RebalancingLimits(max_total_positions=7, model="x")}
    found = told(config, "portfolios:\n  a: &all {rebalance_band: 2}\n  b:\n    <<: *all\n    model: x\n")
    assert [line for line, _, _ in found] == [2, 2]


PRESETS = """\
defaults:
  preset: conservative
  max_single_position: 0.1
portfolios:
  as_all:
  own: {max_total_positions: 7}
  other: {preset: aggressive}
  plain: {preset: balanced, max_single_position: 0.12}
"""


def test_limits_take_precedence_over_presets_portfolios_over_defaults(config: Path) -> None:
    config.write_text(PRESETS)
    limits = load_portfolios(config)
    names = ("max_single_position", "max_total_positions", "enable_bucket_diversification")
    assert {portfolio_id: tuple(getattr(one, name) for name in names) for portfolio_id, one in limits.items()} == {
        "as_all": (0.1, 20, True),
        "own": (0.1, 7, True),
        "other": (0.25, 6, False),
        "plain": (0.12, 10, False),
    }


def test_balanced_is_the_model_defaults_whatever_is_above_it(config: Path) -> None:
    config.write_text("defaults: {preset: conservative}\nportfolios:\n  a: {preset: balanced}\n")
    assert load_portfolios(config) == {"a": RebalancingLimits()}


def test_a_contradiction_with_a_preset_is_reported_at_the_limit(config: Path) -> None:
    text = "portfolios:\n  a:\n    preset: conservative\n    min_position_size: 0.09\n"
    [(line, column, sentence)] = told(config, text)
    assert (line, column) == (4, 5)
    assert sentence.startswith("portfolio a: min_position_size 0.09 is above max_single_position 0.08")


def test_a_default_that_a_portfolio_preset_overrides_is_noted(config: Path) -> None:
    config.write_text(PRESETS)
    file = read_config(config)
    assert file.document.locate(file.notes) == (
        (
            *(7, 11),
            (
                "portfolio other: its preset sets max_single_position 0.25, which takes precedence over the 0.1 of "
                "defaults; write max_single_position here to say otherwise"
            ),
        ),
    )
