"""`make soak`: kill days of the real flow hundreds of times, with a reader looking on, and say what came of it."""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from tests.soak.ballast import BallastRun
from tests.soak.campaign import Campaign, Figures, make_references
from tests.soak.market import make_ranges, make_works
from tests.soak.publishing import publish_and_read
from tests.sql.warehouse_samples import make_warehouse

_KILLS_PER_BACKFILL_KILL, _KILLS_PER_COMMAND_KILL = 10, 30
_PUBLISHES = 100


Advance = Callable[[], None]
Bar = Callable[[str, int], Advance]
"""Makes a bar of progress, by its name and its length."""


def main() -> int:
    """Run it all, show the figures, and give 1 when anything was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=300)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    asked = parser.parse_args()
    console = Console(highlight=False, emoji=False)
    console.print(f"make soak KILLS={asked.kills} SEED={asked.seed}")
    with tempfile.TemporaryDirectory(prefix="ballast-soak-") as folder, bars(console) as bar:
        home = Path(folder)
        works = make_works(home / "market")
        references = make_references(home / "reference", works, bar("days without a kill", len(works)))
        kills, backfills, commands = Figures(), Figures(), Figures()
        Campaign(home / "kills", references, asked.seed, progress=bar("kills", asked.kills), figures=kills).run(
            asked.kills
        )
        ranges = make_references(home / "ranges", make_ranges(works), bar("backfills without a kill", 2))
        backfill_kills = asked.kills // _KILLS_PER_BACKFILL_KILL
        progress = bar("kills of backfills", backfill_kills)
        Campaign(home / "backfills", ranges, asked.seed, progress=progress, figures=backfills).run(backfill_kills)
        command_kills = asked.kills // _KILLS_PER_COMMAND_KILL
        Campaign(
            home / "commands",
            references,
            asked.seed,
            start=BallastRun,
            points_share=1,
            progress=bar("kills of ballast run", command_kills),
            figures=commands,
        ).run(command_kills)
        seen = publish_and_read(make_warehouse(home / "readers"), _PUBLISHES, bar("publishes, two readers", _PUBLISHES))
    show_kills(console, {"daily flow": kills, "backfill": backfills, "`ballast run`": commands})
    console.print(f"{_PUBLISHES} publishes: {seen.looks} looks of two readers, {len(seen.torn)} torn")
    findings = [*kills.findings, *backfills.findings, *commands.findings, *(f"torn: {torn}" for torn in seen.torn)]
    for found in findings:
        console.print(f"[bold red]found[/] {escape(found)}")
    return 1 if findings else 0


@contextmanager
def bars(console: Console) -> Iterator[Bar]:
    """Show bars of progress while the block runs."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:

        def bar(description: str, total: int) -> Advance:
            task = progress.add_task(description, total=total)
            return lambda: progress.advance(task)

        yield bar


def show_kills(console: Console, campaigns: Mapping[str, Figures]) -> None:
    """Show what the kills of each campaign came to."""
    table = Table(title="What the kills came to", title_justify="left", box=box.SIMPLE_HEAD)
    table.add_column("")
    for name in campaigns:
        table.add_column(name, justify="right")
    stages = sorted({stage for figures in campaigns.values() for stage in figures.kills})
    rows: dict[str, Callable[[Figures], object]] = {
        "kills": lambda figures: figures.kills.total(),
        **{f"  {stage}": partial(_kills_in, stage) for stage in stages},
        "different steps killed in": lambda figures: len(figures.steps),
        "recoveries of a log": lambda figures: figures.recoveries,
        "days completed with the same content": lambda figures: figures.works_completed,
        "acknowledgements compared with the warehouse": lambda figures: figures.acknowledged,
        "acknowledged and lost": lambda figures: _found(figures, "lost"),
        "looks of readers": lambda figures: figures.looks,
        "torn reads": lambda figures: _found(figures, "torn"),
        "files left over": lambda figures: _found(figures, "left over"),
        "seconds to open again: median, longest": lambda figures: _seconds(figures.seconds_to_open),
        "seconds to complete the day: median, longest": lambda figures: _seconds(figures.seconds_to_complete),
    }
    for name, of in rows.items():
        table.add_row(name, *(str(of(figures)) for figures in campaigns.values()))
    console.print(table)


def _kills_in(stage: str, figures: Figures) -> int:
    return figures.kills[stage]


def _found(figures: Figures, kind: str) -> int:
    return sum(kind in found for found in figures.findings)


def _seconds(measured: list[float]) -> str:
    return f"{statistics.median(measured):.2f}, {max(measured):.2f}" if measured else "none"


if __name__ == "__main__":
    sys.exit(main())
