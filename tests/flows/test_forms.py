"""What the forms of Prefect's UI ask: everything with a word beside it, and nothing of the installation."""

from typing import Any

import pytest
from prefect import Flow
from prefect.utilities.schema_tools.validation import ValidationError, validate

from flows.backfill import backfill
from flows.custom_run import custom_run
from flows.daily_rebalance import daily_rebalance
from flows.halt import halt
from flows.maintenance import maintenance
from flows.publish_proposal import publish_proposal
from flows.replay import replay
from flows.watchdog import watchdog
from sizing import RebalancingLimits
from tasks.config.ui_form import given_limits

FLOWS = (backfill, custom_run, daily_rebalance, halt, maintenance, publish_proposal, replay, watchdog)


def _definitions(flow: Flow[..., Any]) -> dict[str, Any]:
    found: dict[str, Any] = flow.parameters.model_dump()["definitions"]
    return found


def _limits_of_the_form() -> dict[str, Any]:
    found: dict[str, Any] = _definitions(custom_run)["CustomRunConfig"]["properties"]["limits"]["properties"]
    return found


@pytest.mark.parametrize("flow", FLOWS, ids=lambda flow: flow.name)
def test_every_field_of_a_form_has_a_description(flow: Flow[..., Any]) -> None:
    models = {name: one["properties"] for name, one in _definitions(flow).items() if "properties" in one}
    bare = [(name, field) for name, fields in models.items() for field in fields if "description" not in fields[field]]
    assert bare == []


@pytest.mark.parametrize("flow", FLOWS, ids=lambda flow: flow.name)
def test_no_form_asks_for_the_installation_whose_place_is_the_environment(flow: Flow[..., Any]) -> None:
    assert "Settings" not in _definitions(flow)
    assert "postgres" not in str(_definitions(flow))


@pytest.mark.parametrize("flow", [daily_rebalance, maintenance, watchdog], ids=lambda flow: flow.name)
def test_a_form_accepts_what_it_starts_with(flow: Flow[..., Any]) -> None:
    schema = flow.parameters.model_dump()
    validate({"config": schema["properties"]["config"]["default"]}, schema, raise_on_error=True)


def test_the_form_of_a_custom_run_says_of_each_limit_what_empty_means() -> None:
    limits = {name: field["description"] for name, field in _limits_of_the_form().items()}
    assert set(limits) == set(RebalancingLimits.model_fields)
    assert limits["max_single_position"].endswith(
        " cash excepted. Empty: the portfolio's own, by default 0.15; a number above 0 and at most 1."
    )
    assert limits["replacement_margin"].endswith(
        " null: never. Empty: the portfolio's own, by default none; a number from 0 to 1, or none."
    )
    assert limits["max_new_positions"].endswith(", by default 3; a whole number from 0 to 2147483647.")
    assert limits["exclude_assets"].endswith(", by default nothing; a list of texts.")
    assert limits["score_tiers"].endswith(", by default 4 entries; a list.")
    assert limits["allow_unclassified"].endswith(", by default off; true or false.")


def test_an_empty_form_is_the_portfolios_own_limits() -> None:
    fields = _limits_of_the_form()
    assert {field["default"] for field in fields.values()} == {None}
    typed = dict.fromkeys(fields) | {"max_single_position": 0.1, "replacement_margin": "none", "model": "none"}
    assert given_limits(typed) == {"max_single_position": 0.1, "replacement_margin": None, "model": "none"}
    schema = custom_run.parameters.model_dump()
    asked = {"portfolio_id": "core", "requested_by": "Ada", "limits": typed}
    validate({"config": asked}, schema, raise_on_error=True)
    with pytest.raises(ValidationError):
        validate({"config": asked | {"limits": {"max_single_position": 3}}}, schema, raise_on_error=True)


def test_the_form_of_a_custom_run_says_what_it_replaces() -> None:
    assert "replaces" in str(custom_run.description)
    assert "replaces" in _definitions(custom_run)["CustomRunConfig"]["properties"]["portfolio_id"]["description"]
