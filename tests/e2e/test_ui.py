"""Prefect's pages in a real browser, without network: what a person on duty sees of a run, and a form to start one."""

import asyncio
import json
import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from prefect import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId
from prefect.settings import PREFECT_API_URL, temporary_settings

from flows.custom_run import custom_run
from flows.daily_rebalance import daily_rebalance
from sizing import RebalancingLimits
from tasks.config.settings import RebalanceConfig, Settings
from tests.helpers.browser import Page, find_browser, running_browser
from tests.helpers.installation import PORTFOLIOS, installed_in

pytestmark = pytest.mark.server

UIS = ("", "/v2")
"""Both of the user interfaces that the server gives out."""

DAY = date(2025, 6, 2)
_TEXT = "(document.body ? document.body.innerText : '')"
_IMAGES = "[...document.querySelectorAll('img[src^=data]')].map(one => [one.alt, one.complete && one.naturalWidth])"
_VALUES = "[...document.querySelectorAll('input')].map(one => one.value)"


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    binary = find_browser()
    if binary is None:
        pytest.skip("Chromium is not installed: the distribution's package chromium has it")
    with running_browser(binary) as started:
        started.resize(1300, 4000)
        yield started


@pytest.fixture(scope="module")
def origin(server: str) -> str:
    return server.removesuffix("/api")


@pytest.fixture(scope="module")
def artifacts(tmp_path_factory: pytest.TempPathFactory, sample: Path, server: str) -> dict[str, str]:
    """A day of the sample, published: the paths of its pages by what they show."""
    return _pages(installed_in(tmp_path_factory.mktemp("ui"), sample), server)


@pytest.fixture(scope="module")
def proposed(tmp_path_factory: pytest.TempPathFactory, sample: Path, server: str) -> dict[str, str]:
    """The pages of a day that waits for approval."""
    folder = tmp_path_factory.mktemp("proposed")
    config = folder / "portfolios.yaml"
    config.write_text(f"{PORTFOLIOS.read_text()}    approval: always\n")  # of the last portfolio
    return _pages(installed_in(folder, sample, config), server, "opportunity")


def _pages(settings: Settings, server: str, *portfolio_ids: str) -> dict[str, str]:
    with temporary_settings({PREFECT_API_URL: server}), get_client(sync_client=True) as client:
        config = RebalanceConfig(as_of_date=DAY, settings=settings, portfolio_ids=portfolio_ids)
        state = asyncio.run(daily_rebalance(config, return_state=True))
        run_id = state.state_details.flow_run_id
        of_the_run = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[run_id]))
        found = client.read_artifacts(artifact_filter=of_the_run)
    pages = {str(one.key): f"/artifacts/artifact/{one.id}" for one in found}
    return pages | {"run": f"/runs/flow-run/{run_id}?tab=Artifacts"}


@pytest.fixture(scope="module")
def form(server: str) -> str:
    """The path of the form that starts a custom run."""
    with temporary_settings({PREFECT_API_URL: server}):
        deployment = custom_run.to_deployment(name="custom-run").apply()
    return f"/deployments/deployment/{deployment}/run"


def _wait_for_text(page: Page, *texts: str) -> str:
    """Wait until the page shows all of it at once: on its way a page shows this and that."""
    return str(page.wait_for(f"(text => {json.dumps(texts)}.every(one => text.includes(one)) && text){_TEXT}"))


def test_the_page_of_a_run_names_its_day_its_state_and_its_artifacts(
    page: Page, origin: str, artifacts: dict[str, str]
) -> None:
    page.open(f"{origin}/v2{artifacts['run']}")
    _wait_for_text(page, "Targets of 2025-06-02: ", "Published", "daily-rebalance", "2025-06-02 all portfolios")


@pytest.mark.parametrize("ui", UIS)
def test_who_decides_sees_every_picture(page: Page, origin: str, proposed: dict[str, str], ui: str) -> None:
    page.open(f"{origin}{ui}{proposed['pictures']}")
    page.wait_for("document.querySelectorAll('img[src^=data]').length == 4")
    images = page.wait_for(f"{_IMAGES}.every(one => one[1] > 400) && {_IMAGES}")
    assert [words for words, _ in images] == [
        "The book before, target and after",
        "From raw weight to target",
        "Buckets against their limits",
        "Cash and turnover over time",
    ]


def test_the_summary_says_what_changed_and_why(page: Page, origin: str, artifacts: dict[str, str]) -> None:
    page.open(f"{origin}/v2{artifacts['daily-rebalance']}")
    shown = _wait_for_text(
        page,
        "Every row was accepted",
        "The day with its charts, in one HTML file: ballast report --as-of 2025-06-02 --open.",
        "Rank 1, score 0.9195, max x1.5: raw 0.2794, stage 1 0.11, capped by position",
        "FROM run_events WHERE run_id = ",
    )
    assert shown.index("Every row was accepted") < shown.index("Portfolios")
    assert len(re.findall(r"\bopen\b", shown)) >= 3


@pytest.mark.parametrize("ui", UIS)
def test_the_form_of_a_custom_run_shows_every_limit_with_words_default_and_bounds(
    page: Page, origin: str, form: str, ui: str
) -> None:
    page.open(f"{origin}{ui}{form}")
    page.resize(1300, 9000)  # the older interface fills in what comes into sight
    fields = RebalancingLimits.model_fields
    titles = (name.replace("_", " ").title() for name in fields)
    words = (f"{field.description} Empty: " for field in fields.values())
    shown = _wait_for_text(page, *titles, *words, "by default 0.15; a number above 0 and at most 1.")
    assert not {"0.95", "0.15", "0.02"} & set(page.evaluate(_VALUES)), "what is left empty is the portfolio's own"
    assert "postgres" not in shown.lower()
    assert "Inbox" not in shown
