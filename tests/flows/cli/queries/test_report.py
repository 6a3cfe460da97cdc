"""One page of a day: whole without network, drawn by a real browser, with names in it that would run if they could."""

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from flows.cli.app import execute
from tasks.config.settings import Settings
from tests.helpers.browser import Page, find_browser, running_browser
from tests.helpers.command_line import Ballast, typed
from tests.helpers.installation import begin, installed_in, publish_days

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[4]
DAYS = [date(2025, 6, 2), date(2025, 6, 3)]
HELD = date(2025, 6, 4)
SCRIPT = "<script>window.hacked=1</script>"
IMAGE = "<img src=x onerror=window.hacked=1>"
ENDING = "</script><svg onload=window.hacked=1>"
HOSTILE = {"AMZN": SCRIPT, "GOOGL": ENDING, "Health Care": IMAGE}
CORE = "co'r&e <b>"


def _hostile(text: str) -> str:
    for name, other in HOSTILE.items():
        text = text.replace(name, other)
    return text


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory, sample: Path, empty_warehouse: Path) -> Settings:
    """Two days of the sample under hostile names, and a third one that is held."""
    folder = tmp_path_factory.mktemp("report")
    inbox = folder / "inbox"
    inbox.mkdir()
    for file in sample.iterdir():
        (inbox / file.name).write_text(_hostile(file.read_text()))
    config = folder / "portfolios.yaml"
    config.write_text((ROOT / "deployments" / "portfolios.yaml").read_text().replace("  core:", f'  "{CORE}":'))
    (folder / "warehouse.duckdb").write_bytes(empty_warehouse.read_bytes())
    settings = installed_in(folder, inbox, config)
    publish_days(settings, DAYS)
    warehouse = settings.open_warehouse()
    warehouse.record_event(begin(settings, HELD).run_id, "held", "test", f"scores are missing: {SCRIPT}")
    warehouse.snapshot(DAYS[-1])
    return settings


@pytest.fixture
def ballast(
    published: Settings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Ballast:
    """Run `ballast report` on it, from a folder where nothing was run; gives its exit code, output and errors."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BALLAST_SNAPSHOT", str(published.snapshot))
    return typed(capsys, "report")


@pytest.fixture(scope="module")
def file(published: Settings) -> Path:
    """The page of the newest published day."""
    path = published.snapshot.with_name("report.html")
    with pytest.raises(SystemExit):
        execute(["report", "--snapshot", str(published.snapshot), "--output", str(path)])
    return path


@pytest.fixture(scope="module")
def page(file: Path) -> Iterator[Page]:
    """The page in a browser, with all of its charts."""
    binary = find_browser()
    if binary is None:
        pytest.skip("Chromium is not installed: the distribution's package chromium has it")
    with running_browser(binary) as opened:
        opened.resize(1280, 900)
        opened.listen("Runtime", "Log", "Network")
        opened.open(file.as_uri())
        opened.wait_for("document.querySelectorAll('.chart svg').length === 15")
        yield opened


def test_every_chart_is_drawn_without_network_and_without_an_error(page: Page) -> None:
    assert page.evaluate("document.querySelectorAll('.chart').length") == 15
    assert page.evaluate("[...document.querySelectorAll('.chart svg')].every(one => one.querySelector('path'))")
    asked = [one["request"]["url"] for one in page.heard("Network.requestWillBeSent")]
    assert [url for url in asked if not url.startswith("file:")] == []
    assert len(asked) == 1
    assert page.heard("Runtime.exceptionThrown") == []
    assert page.heard("Runtime.consoleAPICalled") == []
    assert page.heard("Log.entryAdded") == []


def test_names_of_a_file_are_shown_and_never_run(page: Page) -> None:
    assert page.evaluate("window.hacked === undefined")
    assert page.evaluate("document.querySelectorAll('img, details b b, td svg, th svg').length") == 0
    shown = page.text()
    for name in (*HOSTILE.values(), CORE):
        assert name in shown


def test_a_hostile_name_is_harmless_under_the_pointer_too(page: Page) -> None:
    bars = "[...document.querySelectorAll('.chart .mark-rect path')].map(one => one.getBoundingClientRect())"
    page.evaluate("document.querySelector('.chart').scrollIntoView({block: 'center'})")
    x, y = page.evaluate(
        f"(box => [box.x + box.width / 2, box.y + box.height / 2])({bars}.find(one => one.width > 20))"
    )
    page.point_at(x - 3, y)
    page.point_at(x, y)
    told = page.wait_for("document.querySelector('#vg-tooltip-element.visible')?.innerText")
    for word in ("asset", "bucket", "before", "target", "trade", "why", "Rank"):
        assert word in told
    assert page.evaluate("document.querySelectorAll('#vg-tooltip-element img, #vg-tooltip-element script').length") == 0
    assert page.evaluate("window.hacked === undefined")


def test_the_page_lets_no_script_run_and_asks_nobody_even_where_one_got_in(page: Page) -> None:
    page.evaluate("document.body.insertAdjacentHTML('beforeend', '<img id=probe src=x onerror=\"window.hacked=1\">')")
    page.wait_for("document.querySelector('#probe').complete")
    assert page.evaluate("window.hacked === undefined")
    page.evaluate("fetch('http://127.0.0.1:9/').catch(error => { window.refused = String(error) })")
    assert "Failed to fetch" in page.wait_for("window.refused")


def test_a_click_sorts_numbers_by_their_value_and_again_the_other_way(page: Page) -> None:
    table = "document.querySelector('details table')"
    values = f"[...{table}.querySelectorAll('tbody td[data-number]:nth-child(6)')].map(one => +one.dataset.number)"
    page.evaluate(f"{table}.querySelector('th:nth-child(6) button').click()")
    assert page.evaluate(f"{table}.querySelector('th:nth-child(6)').ariaSort") == "descending"
    down = page.evaluate(values)
    assert down == sorted(down, reverse=True)
    assert len(set(down)) > 1
    page.evaluate(f"{table}.querySelector('th:nth-child(6) button').click()")
    assert page.evaluate(values) == sorted(down)


def test_a_search_leaves_the_rows_that_have_it_and_says_how_many(page: Page) -> None:
    def search(words: str) -> None:
        page.evaluate(f"document.querySelector('#search').value = '{words}'")
        page.evaluate("document.querySelector('#search').dispatchEvent(new Event('input'))")

    rows = "[...document.querySelectorAll('details tbody tr:not([hidden])')].map(one => one.textContent)"
    before = len(page.evaluate(rows))
    search("energy")
    found = page.evaluate(rows)
    assert 0 < len(found) < before
    assert all("energy" in one.lower() for one in found)
    assert re.fullmatch(r"\d+ rows, \d portfolios", page.evaluate("document.querySelector('#found').textContent"))
    search("")
    assert len(page.evaluate(rows)) == before


def test_nothing_is_wider_than_a_telephone_and_charts_follow_the_window(page: Page) -> None:
    page.resize(400, 900)
    page.wait_for("[...document.querySelectorAll('.chart')].every(one => one.drawn < 400 && one.querySelector('svg'))")
    assert page.evaluate("document.documentElement.scrollWidth") == 400
    page.resize(1280, 900)


def test_the_page_tells_first_what_is_not_well(file: Path) -> None:
    html = file.read_text()
    headline = html.index("<h2>Published, 2 things to look at</h2>")
    assert (
        headline < html.index("2025-06-04 is held: scores are missing: &lt;script&gt;") < html.index('id="portfolios"')
    )
    assert "1 of 58 rows rejected" in html


def test_the_command_says_where_the_page_is_and_how_the_day_went(
    ballast: Ballast, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", lambda url: bool(opened.append(url)))
    code, out, err = ballast("--as-of", "2025-06-02", "--portfolio", "income", "--open")
    assert (code, out) == (0, "report-2025-06-02.html\n")
    assert err.startswith("2025-06-02: Published, 1 thing to look at\n")
    assert opened == [(tmp_path / "report-2025-06-02.html").as_uri()]
    assert "no browser could be started" in err
    html = (tmp_path / "report-2025-06-02.html").read_text()
    assert html.count('<details class="portfolio"') == 1
    assert "2025-06-03 is published too: this page shows a day before it" in html


def test_a_held_day_has_a_page_that_says_why_and_what_stays(ballast: Ballast, tmp_path: Path) -> None:
    code, out, err = ballast("--as-of", HELD, "--output", tmp_path)
    assert (code, out.strip()) == (0, str(tmp_path / "report-2025-06-04.html"))
    assert "Nothing is published" in err
    html = (tmp_path / "report-2025-06-04.html").read_text()
    assert "held, the targets before stay in force: scores are missing" in html
    assert "What stays in force" in html
    assert "<details" not in html


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("--as-of", "2025-07-01"), 1, "nothing happened on 2025-07-01: the published day next to it is 2025-06-03"),
        (("--portfolio", "incom"), 2, "portfolio incom is unknown; did you mean income?"),
        (("--as-of", "2025-06-04", "--portfolio", "income"), 2, "On 2025-06-04 targets are of: none"),
        (
            ("--snapshot", "none.duckdb"),
            1,
            "no snapshot at none.duckdb: correct the path, or publish a day first, with `ballast run`",
        ),
        (("--output", "/proc/report.html"), 1, "/proc/report.html cannot be written"),
    ],
)
def test_a_wrong_turn_is_one_sentence(ballast: Ballast, words: tuple[str, ...], code: int, told: str) -> None:
    left, out, err = ballast(*words)
    assert (left, out) == (code, "")
    assert told in err.replace("\n", " ")
