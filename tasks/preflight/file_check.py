"""What a run would meet: the files of a day, validated against their contracts, and what the limits reach with them.

Nothing is stored and nothing is opened for writing: no warehouse is needed.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import NamedTuple

import polars as pl

from sizing import RebalancingLimits
from sizing.frames.day_inputs import DayFrames, DayInputs
from sizing.frames.schema import STORED_WEIGHT
from sizing.pipeline import decide, select_candidates, size_decisions
from sql.records import INGEST_KEYS
from tasks.errors import SourceError
from tasks.renames import names_on, renamed
from tasks.sources.discovery import Source
from tasks.sources.reader import fetch_source, read_source
from tasks.validation.file_acceptance import FileAcceptance
from tasks.validation.reject_reasons import Reason

ERROR, WARNING = "error", "warning"
"""Levels of a finding: an error would stop a run or a file, a warning would not."""

_NO_RISK = {"volatility_mode": "none", "correlation_mode": "none", "max_position_risk": None, "target_volatility": None}
_LARGEST_LOOKED_AT = 50_000_000
_LINES_OF_HEADER = {".csv": 1, ".jsonl": 0, ".ndjson": 0}
_REPEATED = "the same key stands in other rows too"


class Finding(NamedTuple):
    """Something that a person should see, and how bad it is."""

    level: str
    where: str
    what: str


@dataclass(frozen=True)
class FileRows:
    """What a source holds: its accepted rows, how many were rejected, and what to report of them."""

    source: Source
    accepted: pl.DataFrame
    n_refused: int
    findings: tuple[Finding, ...]

    @property
    def counts(self) -> bool:
        """Whether anything of it counts."""
        return not any(finding.level == ERROR for finding in self.findings)


def read_file(source: Source, day: date, max_reject_share: float, known: Collection[str] | None = None) -> FileRows:
    """Read a source as a run would, and keep its rows in memory instead of in the warehouse.

    `known`: the assets that a list has; None: unknown.
    """
    acceptance = FileAcceptance(source.contract, max_reject_share, known)
    batches, where = [], source.shown
    try:
        with fetch_source(source, day) as fetched:
            batches = list(acceptance.watch(read_source(source, fetched)))
            n_rows = sum(one.accepted.height + one.rejected.height for one in batches) + acceptance.n_left_out
            lines = _lines_of(fetched.path, source, n_rows, {one.first_row for one in acceptance.reasons.by_row()})
    except SourceError as error:
        return FileRows(source, pl.DataFrame(), 0, (Finding(ERROR, where, str(error).removeprefix(f"{where} ")),))
    if not batches:
        return FileRows(source, pl.DataFrame(), 0, ())
    keys = list(INGEST_KEYS[source.contract.kind])
    read = pl.concat([one.accepted for one in batches])
    accepted = read.join(pl.concat([one.repeated for one in batches]), on=keys, how="anti", nulls_equal=True)
    accepted = accepted.filter(~accepted.select(keys).is_duplicated())
    repeated = read.join(accepted.select("row_number"), on="row_number", how="anti").select(
        "row_number", reason=pl.lit(_REPEATED)
    )
    refusal = acceptance(accepted.height, acceptance.n_rejected + repeated.height)
    acceptance.reasons.add(repeated)
    findings = [Finding(ERROR, where, refusal)] if refusal else []
    findings += [_describe(one, where, lines.get(one.first_row)) for one in acceptance.reasons.by_row()]
    return FileRows(source, accepted, acceptance.n_rejected + repeated.height, tuple(findings))


def _describe(reason: Reason, where: str, line: int | None) -> Finding:
    """Return a reason as a finding, with its first row: by the line that an editor shows, where that is known."""
    place = where if line is None else f"{where}:{line}"
    row = f"row {reason.first_row}: " if line is None else ""
    more = f" ({reason.n_rows} rows)" if reason.n_rows > 1 else ""
    return Finding(WARNING, place, f"{row}rejected: {reason}{more}")


def _lines_of(path: Path, source: Source, n_rows: int, wanted: Collection[int]) -> dict[int, int]:
    """Return the lines of some rows, where every row is a line: blank lines are no rows."""
    ending = Path(source.shown).suffix
    if ending not in _LINES_OF_HEADER or not wanted or path.stat().st_size > _LARGEST_LOOKED_AT:
        return {}
    above, found, row = source.feed.skip_rows, {}, -_LINES_OF_HEADER[ending]
    with path.open(encoding=source.feed.encoding, errors="replace") as lines:
        for number, line in enumerate(lines, start=1):
            row += number > above and bool(line.strip())
            if row in wanted and row not in found:
                found[row] = number
    return found if row == n_rows else {}


def frames_of(day: date, limits: Mapping[str, RebalancingLimits], files: list[FileRows]) -> DayFrames:
    """Build the inputs of the day from the files that count; nothing is held.

    *Returns* the columns that `decide` asks for, also where a kind has no file: then it has no rows.
    """
    rows = {file.source.contract.kind: file.accepted for file in files if file.counts and file.accepted.height}
    scores = [file.accepted for file in files if file.counts and file.source.contract.kind == "scores"]
    parts = ["score", "technical_score", "fundamental_score"]
    columns: dict[str, type[pl.DataType]] = {"model": pl.String, "asset": pl.String, "as_of_date": pl.Date}
    columns |= dict.fromkeys(parts, pl.Float64)
    of_day = pl.concat([pl.DataFrame(schema=columns), *(one.select(list(columns)) for one in scores if one.height)])
    of_day = of_day.filter(pl.col("as_of_date") == day).unique(["model", "asset"], keep="last", maintain_order=True)
    ban = ["portfolio_id", "asset", "restriction", "reason"]
    no_bans = pl.DataFrame(schema=dict.fromkeys(ban, pl.String)).with_columns(
        pl.lit(None, pl.Date).alias(name) for name in ("valid_from", "valid_until")
    )
    bans = rows.get("restrictions", no_bans).filter(
        (pl.col("valid_from").fill_null(day) <= day) & (pl.col("valid_until").fill_null(day) >= day)
    )
    assets = rows.get("assets", pl.DataFrame(schema={"asset": pl.String, "bucket": pl.String}))
    names = names_on(rows["renames"], day) if "renames" in rows else {}
    frames = DayFrames(
        as_of_date=day,
        limits=limits,
        scores=of_day.select(
            "model",
            "asset",
            pl.col("as_of_date").alias("score_date"),
            pl.lit(0, pl.Int32).alias("score_age_days"),
            *parts,
        ),
        assets=assets.select("asset", "bucket"),
        holdings=pl.DataFrame(schema={"portfolio_id": pl.String, "asset": pl.String, "current_weight": STORED_WEIGHT}),
        restrictions=bans.select(ban),
    )
    return renamed(frames, names)


def certify(frames: DayFrames) -> pl.DataFrame:
    """Return what each portfolio can reach with the names of the day, when it may buy them all at once.

    *Returns* `portfolio_id, n_scored, n_pass, n_places, reachable, target, binds, fix`: how many names have a score,
    pass the tests of the selection and find a place; the largest weight that can be invested, of how much; what stands
    in the way, and the cheapest way out. All of it without risk limits: no volatility is estimated before a run.
    """
    at_once = {
        identity: one.model_copy(update={"max_new_positions": one.max_total_positions, **_NO_RISK})
        for identity, one in {id(one): one for one in frames.limits.values()}.items()
    }
    inputs = DayInputs(*frames._replace(limits={name: at_once[id(one)] for name, one in frames.limits.items()}))
    candidates = select_candidates(inputs)
    decisions = decide(candidates, inputs)
    summary = size_decisions(decisions, inputs).portfolios
    passed = candidates.group_by("portfolio_id").agg(
        n_scored=pl.col("score").is_not_null().sum(), n_pass=pl.col("selection_gate").is_null().sum()
    )
    places = decisions.group_by("portfolio_id").agg(n_places=pl.col("is_selected").sum())
    return (
        pl.DataFrame({"portfolio_id": sorted(frames.limits)}, schema={"portfolio_id": pl.String})
        .join(passed, on="portfolio_id", how="left")
        .join(places, on="portfolio_id", how="left")
        .join(summary, on="portfolio_id", how="left")
        .select(
            "portfolio_id",
            pl.col("n_scored", "n_pass", "n_places").fill_null(0),
            pl.min_horizontal("reachable_weight", pl.col("target_total_allocation").cast(pl.Float64)).alias(
                "reachable"
            ),
            pl.col("target_total_allocation").cast(pl.Float64).alias("target"),
            pl.col("binding_limit").alias("binds"),
            pl.col("relaxation").alias("fix"),
        )
    )
