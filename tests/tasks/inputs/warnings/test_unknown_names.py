"""Unknown names: a typing error in a restriction or a limit must not be silent."""

from datetime import date
from decimal import Decimal

import polars as pl
import pytest

from sizing import RebalancingLimits
from sizing.frames.day_inputs import DayInputs
from tasks.errors import ConfigError
from tasks.inputs.warnings.unknown_names import find_unknown_names, require_known_buckets

NONE: tuple[str, ...] = ()
TWO = "scores: 2 assets are not in the asset list as written: 'AAA ' (did you mean AAA?), aaa (did you mean AAA?)"


def _day(restrictions: tuple[tuple[str | None, str], ...] = (), **limits: object) -> DayInputs:
    """A day on which AAA is listed, BBB is only scored and CCC only held."""
    return DayInputs(
        as_of_date=date(2025, 6, 2),
        limits={"core": RebalancingLimits(**limits)},
        scores=pl.DataFrame({"model": ["default"], "asset": ["BBB"], "score": [0.7]}).with_columns(
            score_date=pl.lit(date(2025, 6, 2)),
            score_age_days=pl.lit(0, pl.Int32),
            technical_score=pl.lit(None, pl.Float64),
            fundamental_score=pl.lit(None, pl.Float64),
        ),
        assets=pl.DataFrame({"asset": ["AAA"], "bucket": ["Health Care"]}),
        holdings=pl.DataFrame(
            [("core", "CCC", Decimal("0.1"))],
            schema={"portfolio_id": pl.String, "asset": pl.String, "current_weight": pl.Decimal(10, 8)},
            orient="row",
        ),
        restrictions=pl.DataFrame(
            [(portfolio, asset, "no_buy", None) for portfolio, asset in restrictions],
            schema=dict.fromkeys(["portfolio_id", "asset", "restriction", "reason"], pl.String),
            orient="row",
        ),
    )


def test_names_that_are_listed_scored_or_held_are_known() -> None:
    day = _day(
        ((None, "AAA"), ("core", "BBB"), ("core", "CCC")),
        include_assets=("AAA", "BBB", "CCC"),
        include_buckets=("Health Care", "unclassified"),
    )
    assert find_unknown_names(day, ["core"]) == ()


def test_a_restriction_on_an_unknown_asset_or_portfolio_is_reported() -> None:
    assert find_unknown_names(_day((("cor", "AAA"), (None, "AAAA"))), NONE) == (
        "restrictions: portfolio cor is not in this run; did you mean core?",
        "restrictions: asset AAAA is unknown; did you mean AAA?",
    )


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (["aaa"], ("scores: 1 asset is not in the asset list as written: aaa (did you mean AAA?)",)),
        (["AAA ", "BBB", "aaa"], (TWO,)),
        (["AAA", "BBB"], ()),
    ],
)
def test_scores_of_a_listed_asset_in_other_letters_are_reported(names: list[str], told: tuple[str, ...]) -> None:
    day = _day()
    scores = pl.concat([day.scores] * len(names)).with_columns(asset=pl.Series(names))
    assert find_unknown_names(day.frames._replace(scores=scores), NONE) == told


def test_positions_of_a_portfolio_not_in_the_run_are_reported() -> None:
    assert find_unknown_names(_day(), ["income", "income"]) == ("positions: portfolio income is not in this run",)


@pytest.mark.parametrize(
    ("limit", "names", "told"),
    [
        ("exclude_buckets", ("Helth Care",), "bucket Helth Care is unknown; did you mean Health Care?"),
        ("exclude_buckets", ("Tobacco", "Arms"), "buckets Arms, Tobacco are unknown"),
        ("max_positions_by_bucket", {"Energy": 2}, "bucket Energy is unknown"),
        ("max_allocation_by_bucket", {"Energy": 0.2}, "bucket Energy is unknown"),
        ("include_assets", ("ZZZ",), "asset ZZZ is unknown"),
        ("core_assets", {"ZZZ": {"until": "2025-12-31", "reason": "an index"}}, "asset ZZZ is unknown"),
        ("exclude_assets", tuple("0123456789AB"), "assets 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 2 more are unknown"),
    ],
)
def test_an_unknown_name_in_a_limit_is_reported(limit: str, names: object, told: str) -> None:
    assert find_unknown_names(_day(**{limit: names}), NONE) == (f"{limit}: {told}",)


@pytest.mark.parametrize("names", [(), ("Health Care",), ("Health Care", "unclassified")])
def test_buckets_of_the_list_and_unclassified_are_known(names: tuple[str, ...]) -> None:
    require_known_buckets(_day(include_buckets=names))


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (("Helth Care",), "Helth Care, which no asset of the asset list has (did you mean Health Care?)"),
        (("Unclassified",), "Unclassified, which no asset of the asset list has (did you mean unclassified?)"),
        (("Tobacco",), "Tobacco, which no asset of the asset list has (known: Health Care, unclassified)"),
    ],
)
def test_an_unknown_included_bucket_stops_the_day_with_the_fix(names: tuple[str, ...], told: str) -> None:
    with pytest.raises(ConfigError) as stopped:
        require_known_buckets(_day(include_buckets=names))
    assert str(stopped.value) == (
        f"portfolio core: include_buckets names {told}. "
        "Nothing was decided: correct the portfolio config, or the asset list"
    )


def test_of_many_unknown_included_buckets_the_first_are_named() -> None:
    with pytest.raises(ConfigError) as stopped:
        require_known_buckets(_day(include_buckets=tuple("BA9876543210")))
    told = str(stopped.value)
    assert [f"names {name}, which" in told for name in "0123456789AB"] == [True] * 10 + [False] * 2
    assert "; and 2 more. Nothing was decided" in told
