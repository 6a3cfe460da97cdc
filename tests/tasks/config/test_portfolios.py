"""portfolios.yaml: what it says, and how its mistakes are told."""

from pathlib import Path

import pytest

from sizing import RebalancingLimits
from sizing.approval import ApprovalPolicy
from tasks.config.portfolios import PortfolioSettings, load_portfolios
from tasks.config.settings import Settings
from tasks.errors import ConfigError
from tasks.inputs.run_context import read_custom


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return tmp_path / "portfolios.yaml"


def _problem(config: Path, text: str) -> str:
    config.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_portfolios(config)
    return str(caught.value)


def test_a_portfolio_takes_the_defaults_that_it_does_not_set(config: Path) -> None:
    config.write_text(
        "defaults: {max_single_position: 0.1, max_total_positions: 20}\n"
        "portfolios:\n  a: {max_single_position: 0.2}\n  b:\n"
    )
    limits = load_portfolios(config)
    assert [(one.max_single_position, one.max_total_positions) for one in limits.values()] == [(0.2, 20), (0.1, 20)]


def test_an_unknown_limit_is_reported_with_the_nearest_known_one(config: Path) -> None:
    problem = _problem(config, "portfolios: {core: {max_single_positon: 0.1}}")
    assert problem == (
        f"{config}:1:21: portfolio core: limit max_single_positon is unknown; did you mean max_single_position?"
    )


def test_an_unknown_limit_among_the_defaults_is_reported_once(config: Path) -> None:
    problem = _problem(config, "defaults: {max_position: 0.1}\nportfolios: {a: , b: }")
    assert problem.count("max_position is unknown") == 1


def test_an_unknown_section_is_reported(config: Path) -> None:
    assert "section default is unknown; did you mean defaults?" in _problem(config, "default: {}\nportfolios: {a: }")


def test_every_mistake_is_reported_at_once(config: Path) -> None:
    problem = _problem(config, "portfolios: {a: {max_single_position: 1.5}, b: {min_position_size: 0.5}, c: 7}")
    assert "3 mistakes" in problem
    assert "portfolio a: max_single_position: expected a number above 0 and at most 1, got 1.5; default 0" in problem
    assert "portfolio b: min_position_size 0.5 is above max_single_position 0.15" in problem
    assert "portfolio c: expected limits, got 7" in problem


def test_a_limit_given_twice_is_rejected_not_silently_overwritten(config: Path) -> None:
    problem = _problem(config, "portfolios:\n  a:\n    model: x\n    model: y\n")
    assert problem == f"{config}:4:5: model is given twice, first in line 3: keep one"


@pytest.mark.parametrize("text", ["", "[]", "portfolios:", "portfolios: []", "defaults: {}"])
def test_a_file_without_a_portfolio_is_rejected(config: Path, text: str) -> None:
    assert "expected" in _problem(config, text)


def test_what_is_not_yaml_is_reported_with_its_line(config: Path) -> None:
    assert f"{config}:2:6: not YAML: while parsing" in _problem(config, "portfolios:\n  a: }\n")


def test_a_missing_file_says_how_to_name_it(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no portfolio config at .*: give its path with --config .*`ballast init`"):
        load_portfolios(tmp_path / "portfolios.yaml")


def test_limits_of_the_universe_and_of_buckets_are_read(config: Path) -> None:
    config.write_text(
        "defaults:\n  max_positions_by_bucket: {Energy: 2, Materials: 1}\n"
        "portfolios:\n"
        "  a: {include_assets: [AAA], include_buckets: [Energy, Health Care], allow_unclassified: true}\n"
        "  b: {max_positions_by_bucket: {Energy: 3}}\n"
    )
    a, b = load_portfolios(config).values()
    assert (a.include_assets, a.include_buckets, a.allow_unclassified) == (("AAA",), ("Energy", "Health Care"), True)
    assert a.max_positions_by_bucket == {"Energy": 2, "Materials": 1}
    # A portfolio's own table takes precedence over that of the defaults, as a whole: nothing is mixed.
    assert b.max_positions_by_bucket == {"Energy": 3}


@pytest.mark.parametrize(
    ("limits", "told"),
    [
        ("include_asets: [AAA]", "limit include_asets is unknown; did you mean include_assets?"),
        ("include_bucket: [Energy]", "limit include_bucket is unknown; did you mean include_buckets?"),
        ("allow_unclasified: true", "limit allow_unclasified is unknown; did you mean allow_unclassified?"),
        (
            "max_position_by_bucket: {}",
            "limit max_position_by_bucket is unknown; did you mean max_positions_by_bucket?",
        ),
        ("max_positions_by_bucket: {Energy: 0}", "max_positions_by_bucket.Energy: expected a whole number from 1 to"),
        ("include_buckets: Energy", "include_buckets: expected a list of texts, got 'Energy'; write [Energy]"),
    ],
)
def test_a_mistake_in_a_limit_of_the_universe_is_reported(config: Path, limits: str, told: str) -> None:
    assert f"portfolio core: {told}" in _problem(config, f"portfolios: {{core: {{{limits}}}}}")


def test_terms_of_the_defaults_count_unless_a_portfolio_sets_its_own(config: Path) -> None:
    config.write_text(
        "defaults: {exchange: XLON, approval: {max_turnover: 0.2, four_eyes: true}}\n"
        "portfolios:\n  a:\n  b: {exchange: XNYS, approval: always}\n  c: {approval: never}\n"
    )
    assert all(limits == RebalancingLimits() for limits in load_portfolios(config).values())
    ours = ApprovalPolicy(max_turnover=0.2, four_eyes=True)
    assert read_custom(Settings(config=config), "typed into a form", {}).terms == {
        "a": PortfolioSettings("XLON", ours),
        "b": PortfolioSettings("XNYS", ApprovalPolicy(always=True)),
        "c": PortfolioSettings("XLON", None),
        "typed into a form": PortfolioSettings("XLON", ours),
    }


def test_without_a_file_nothing_is_said_of_a_portfolio(config: Path) -> None:
    assert read_custom(Settings(config=config), "a", {}).terms == {"a": PortfolioSettings(None, None)}


@pytest.mark.parametrize(
    ("terms", "told"),
    [
        ("exchange: XNYX", "exchange XNYX is unknown: give its ISO 10383 code"),
        ("exchange: 7", "exchange: expected an ISO 10383 code such as XNYS, got 7"),
        ("exchang: XNYS", "limit exchang is unknown; did you mean exchange?"),
        ("approval: {max_turnver: 0.1}", "approval: max_turnver is unknown; did you mean max_turnover?"),
        ("approval: {max_turnover: 20}", "approval: max_turnover: expected a number from 0 to 1, or null, got 20"),
        ("approval: {four_eyes: true}", "approval: no day would wait: give always, first_day"),
        ("approval: yes", "approval: expected always, never or a mapping of always, max_turnover"),
        ("approval:", "approval: expected always, never or a mapping"),
    ],
)
def test_a_mistake_in_the_terms_of_a_portfolio_is_reported(config: Path, terms: str, told: str) -> None:
    block = terms if terms.endswith(":") else f"{{{terms}}}"
    text = f"portfolios: {{core: {block}}}" if block.startswith("{") else f"portfolios:\n  core:\n    {terms}\n"
    assert f"portfolio core: {told}" in _problem(config, text)
