"""Draw docs/pictures: a week of the sample in Prefect's UI, and the report of its last day. Needs Chromium.

python -m docs.make_screenshots
"""

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path
from uuid import UUID

import httpx
from prefect import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId
from prefect.settings import PREFECT_API_URL, temporary_settings

from flows.custom_run import custom_run
from flows.daily_rebalance import daily_rebalance
from sql.snapshot_reader import reading_snapshot
from tasks.config.settings import RebalanceConfig, Settings
from tasks.reports.html.data import read_day
from tasks.reports.html.day_page import page_of
from tests.helpers.browser import Page, find_browser, running_browser

ROOT = Path(__file__).parents[1]
PICTURES = ROOT / "docs" / "pictures"
PORT = 4399
ORIGIN = f"http://127.0.0.1:{PORT}"
DAYS = tuple(date(2025, 6, day) for day in (2, 3, 4, 5, 6))
NEXT_DAY = date(2025, 6, 9)
_APPROVAL = "    approval: always"
_SETTLED_SECONDS = 3.0
"""What a page needs to draw itself when all of its text is there."""


def main() -> None:
    """Run the sample week on a server of its own, and keep what its pages show."""
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with (folder / "server.log").open("w") as log:
            server = _start_server(folder, log.fileno())
        try:
            with temporary_settings({PREFECT_API_URL: f"{ORIGIN}/api"}), running_browser(find_browser() or "") as page:
                _take_all(page, folder)
        finally:
            server.terminate()
            server.wait(timeout=60)


def _start_server(folder: Path, log: int) -> subprocess.Popen[bytes]:
    environment = os.environ | {"PREFECT_HOME": str(folder), "PREFECT_SERVER_API_PORT": str(PORT), "DO_NOT_TRACK": "1"}
    command = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1"]
    server = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)  # noqa: S603 - our own
    until = time.monotonic() + 120
    while time.monotonic() < until:
        try:
            if httpx.get(f"{ORIGIN}/api/health", timeout=2).is_success:
                return server
        except httpx.TransportError:
            time.sleep(0.5)
    server.terminate()
    msg = f"the Prefect server did not become healthy within 120 s on port {PORT}"
    raise TimeoutError(msg)


def _take_all(page: Page, folder: Path) -> None:
    run = [_publish(day, _settings(folder)) for day in DAYS][-1]
    artifacts = _artifacts(run)
    charts = _artifacts(_publish(NEXT_DAY, _waiting(folder)))["pictures"]
    form = custom_run.to_deployment(name="custom-run").apply()
    run_page = f"/v2/runs/flow-run/{run}?tab=Artifacts"
    _take(page, "run", run_page, "Targets of", height=1000)
    _take(page, "summary", f"/v2/artifacts/artifact/{artifacts['daily-rebalance']}", "Portfolios", height=950)
    _take(page, "targets", f"/v2/artifacts/artifact/{artifacts['targets']}", "target_reason", height=900)
    _take(page, "pictures", f"/v2/artifacts/artifact/{charts}", "Proposed targets of", height=1350)
    _take(page, "pictures_dark", f"/artifacts/artifact/{charts}", "Proposed targets of", height=1500)
    _take(page, "custom_run", f"/v2/deployments/deployment/{form}/run", "Max Single Position", height=1300)
    _take_report(page, _settings(folder))


def _take_report(page: Page, settings: Settings) -> None:
    """Keep the top of the report of the last day."""
    file = settings.snapshot.with_name("report.html")
    with reading_snapshot(settings.open_warehouse()) as reader:
        file.write_text(page_of(read_day(reader, DAYS[-1])), encoding="utf-8")
    page.resize(1200, 1095)
    page.open(file.as_uri())
    page.wait_for("document.querySelectorAll('.chart svg').length >= 5")
    time.sleep(_SETTLED_SECONDS)
    page.screenshot(PICTURES / "report.png")


def _settings(folder: Path) -> Settings:
    return Settings(
        config=ROOT / "deployments" / "portfolios.yaml",
        inbox=ROOT / "deployments" / "sample" / "inbox",
        warehouse=folder / "warehouse.duckdb",
        snapshot=folder / "snapshot.duckdb",
        export_folder=folder / "targets",
    )


def _waiting(folder: Path) -> Settings:
    """Return the settings under which one of the portfolios waits for approval."""
    config = folder / "portfolios.yaml"
    shipped = (ROOT / "deployments" / "portfolios.yaml").read_text()
    config.write_text(shipped.replace("  core:", f"  core:\n{_APPROVAL}"))
    return _settings(folder).at({"config": config})


def _publish(day: date, settings: Settings) -> UUID | None:
    config = RebalanceConfig(as_of_date=day, settings=settings)
    return asyncio.run(daily_rebalance(config, return_state=True)).state_details.flow_run_id


def _artifacts(run: UUID | None) -> dict[str | None, UUID]:
    with get_client(sync_client=True) as client:
        of_the_run = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[run] if run else []))
        return {one.key: one.id for one in client.read_artifacts(artifact_filter=of_the_run)}


def _take(page: Page, name: str, path: str, text: str, height: int) -> None:
    page.resize(1200, height)
    page.open(f"{ORIGIN}{path}")
    page.wait_for(f"document.body && document.body.innerText.includes('{text}')")
    time.sleep(_SETTLED_SECONDS)
    page.screenshot(PICTURES / f"{name}.png")


if __name__ == "__main__":
    main()
