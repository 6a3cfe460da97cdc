"""What the commands have in common: where things are, and what is set before Prefect is imported."""

import os
import signal
import warnings
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter


@Parameter(name="*")
@dataclass(frozen=True)
class Places:
    """Where this installation keeps its things, where that is not as the environment says."""

    config: Annotated[Path | None, Parameter(help="Limits of the portfolios. Default: BALLAST_CONFIG.")] = None
    warehouse: Annotated[Path | None, Parameter(help="The live database file. Default: BALLAST_WAREHOUSE.")] = None
    snapshot: Annotated[Path | None, Parameter(help="The copy that readers open. Default: BALLAST_SNAPSHOT.")] = None
    export_folder: Annotated[
        Path | None, Parameter(help="Folder of the Parquet exports. Default: BALLAST_EXPORT_FOLDER.")
    ] = None

    def given(self) -> dict[str, Path]:
        """Give what was said, by the names of the settings."""
        return {name: path for name, path in asdict(self).items() if path is not None}


@Parameter(name="*")
@dataclass(frozen=True)
class PlacesWithInbox(Places):
    """The same, of a command that reads the day's files."""

    inbox: Annotated[Path | None, Parameter(help="Folder of the day's files. Default: BALLAST_INBOX.")] = None


@Parameter(name="*")
@dataclass(frozen=True)
class Form:
    """How rows are written: as a table, or for a program."""

    json: Annotated[bool, Parameter(negative="", help="Write a JSON array with an object a row.")] = False
    csv: Annotated[bool, Parameter(negative="", help="Write CSV with a header.")] = False
    escape_formulas: Annotated[
        bool,
        Parameter(
            negative="",
            help="With --csv: put ' before each text that a spreadsheet would run as a formula. Numbers stay numbers.",
        ),
    ] = False


Verbose = Annotated[bool, Parameter(help="Show what Prefect logs.")]
RunId = Annotated[str, Parameter(help="The run, as `open_proposals` names it.")]
Note = Annotated[str, Parameter(help="Why: it stands beside the run for good.")]
Approver = Annotated[str | None, Parameter(help="Who decides. Default: the user of this machine.")]
AllPortfolios = Annotated[
    bool, Parameter(name="--all", negative="", help="All portfolios at once; halts of single ones are apart.")
]
Reason = Annotated[str, Parameter(help="Why: it stands beside the halt for good.")]
By = Annotated[str | None, Parameter(help="Who does it. Default: the user of this machine.")]
PortfolioIds = Annotated[
    tuple[str, ...],
    Parameter(
        name="--portfolio",
        negative="",
        show_default=False,
        help="Only this portfolio; more than once for several. Default: all.",
    ),
]
AsOf = Annotated[date | None, Parameter(help="The trading day. Default: the newest that the inbox has scores for.")]

AS_CONFIGURED, AS_CONFIGURED_WITH_INBOX, AS_TABLE = Places(), PlacesWithInbox(), Form()


def prepare(*, verbose: bool) -> None:
    """Set what Prefect reads when it is imported, and take a SIGTERM for a Ctrl-C.

    *Raises* `ConfigError` for a `.env` that cannot be read: Prefect reads it too.
    """
    from tasks.env_file import require_readable  # noqa: PLC0415 - pydantic takes a while to import

    require_readable()
    os.environ.setdefault("DO_NOT_TRACK", "1")
    # As in pyproject.toml, which Prefect does not find from another folder: a first start makes its database.
    os.environ.setdefault("PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS", "120")
    os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_CLASS", "flows.logs.SafeConsoleHandler")
    # What cannot be written is told in one sentence before a server starts; Prefect warns a dozen times.
    warnings.filterwarnings("ignore", message="Failed to create the Prefect home directory")
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if not verbose:
        os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "CRITICAL")
