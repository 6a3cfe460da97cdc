"""What the commands have in common: flags, and what is set before Prefect is imported."""

import logging
import os
import signal
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter, Token

from flows.terminal.password import sign_in
from sizing.names import CASH, as_name, fault
from tasks.config.env_file import require_readable
from tasks.errors import UsageError

_LONGEST = 40

Warehouse = Annotated[Path | None, Parameter(help="The live database file. Default: BALLAST_WAREHOUSE.")]
Snapshot = Annotated[Path | None, Parameter(help="The copy that readers open. Default: BALLAST_SNAPSHOT.")]
ExportFolder = Annotated[Path | None, Parameter(help="Folder of the Parquet exports. Default: BALLAST_EXPORT_FOLDER.")]


@Parameter(name="*")
@dataclass(frozen=True)
class PathOptions:
    """Paths of the installation that differ from the environment."""

    config: Annotated[Path | None, Parameter(help="Limits of the portfolios. Default: BALLAST_CONFIG.")] = None
    warehouse: Warehouse = None
    snapshot: Snapshot = None
    export_folder: ExportFolder = None


@Parameter(name="*")
@dataclass(frozen=True)
class PathOptionsWithInbox(PathOptions):
    """The same, of a command that reads the day's files."""

    inbox: Annotated[Path | None, Parameter(help="Folder of the day's files. Default: BALLAST_INBOX.")] = None


@Parameter(name="*")
@dataclass(frozen=True)
class OutputFormat:
    """How rows are written: as a table, or for a program. *Raises* `UsageError` for two at once."""

    json: Annotated[bool, Parameter(negative="", help="Write a JSON array with an object a row.")] = False
    csv: Annotated[bool, Parameter(negative="", help="Write CSV with a header.")] = False
    escape_formulas: Annotated[
        bool,
        Parameter(
            negative="",
            help="With --csv: put ' before each text that a spreadsheet would run as a formula. Numbers stay numbers.",
        ),
    ] = False

    def __post_init__(self) -> None:
        if self.json and self.csv:
            msg = "--json and --csv exclude each other: use one of them"
            raise UsageError(msg)
        if self.escape_formulas and not self.csv:
            msg = "--escape-formulas is for CSV: add --csv"
            raise UsageError(msg)

    @property
    def is_for_program(self) -> bool:
        """Report whether the rows are for a program: then nothing else goes to stdout."""
        return self.json or self.csv


def _read_names(hint: Any, tokens: Sequence[Token]) -> str | tuple[str, ...]:  # noqa: ANN401 - a type
    """Read names as they are typed, or CASH. *Raises* `ValueError` for a text that is none."""
    names = tuple(as_name(token.value) for token in tokens)
    for name in names:
        if name != CASH and (reason := fault(name)):
            msg = f"{name[:_LONGEST]!a} is no name: {reason}"
            raise ValueError(msg)
    return names[0] if hint is str else names


NAME = Parameter(converter=_read_names)
"""A flag or an argument that names a portfolio, an asset, a bucket or a model."""

Verbose = Annotated[bool, Parameter(help="Show what the stages log.")]
AsFlowRun = Annotated[
    bool,
    Parameter(
        name="--prefect",
        negative="",
        help="Run it as a Prefect flow run also where no server is configured: with a temporary one, which takes "
        "a quarter of a minute. Default: then the same stages run within this process.",
    ),
]
PortfolioIds = Annotated[
    tuple[str, ...],
    Parameter(
        name="--portfolio",
        converter=_read_names,
        consume_multiple=1,
        negative="",
        show_default=False,
        help="Only these portfolios: one name or several. Default: all.",
    ),
]
AsOf = Annotated[date | None, Parameter(help="The trading day. Default: the newest that the inbox has scores for.")]

AS_CONFIGURED, AS_CONFIGURED_WITH_INBOX, AS_TABLE = PathOptions(), PathOptionsWithInbox(), OutputFormat()


def prepare(*, verbose: bool, prefect: bool = False) -> None:
    """Set what Prefect reads when it is imported, and take a SIGTERM for a Ctrl-C.

    *Raises* `ConfigError` for a `.env` that cannot be read: Prefect reads it too.
    """
    require_readable()
    sign_in()
    os.environ.setdefault("DO_NOT_TRACK", "1")
    # As in pyproject.toml, which Prefect does not find from another folder: a first start makes its database.
    os.environ.setdefault("PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS", "120")
    os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_CLASS", "flows.terminal.logs.SafeConsoleHandler")
    # An unwritable folder is reported before a server starts; Prefect warns a dozen times.
    warnings.filterwarnings("ignore", message="Failed to create the Prefect home directory")
    # A temporary server costs more than the run: it is started only on request.
    os.environ.setdefault("PREFECT_SERVER_ALLOW_EPHEMERAL_MODE", "false")
    if prefect:
        os.environ["PREFECT_SERVER_ALLOW_EPHEMERAL_MODE"] = "true"
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    _log_to_stderr(is_wanted=verbose)
    if not verbose:
        os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "CRITICAL")


def _log_to_stderr(*, is_wanted: bool) -> None:
    """Write what the stages log to stderr where it is wanted, as Prefect does in a flow run; else nowhere."""
    logger = logging.getLogger("ballast")
    handler = logging.StreamHandler() if is_wanted else logging.NullHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s | %(levelname)-7s | %(message)s", datefmt="%H:%M:%S"))
    logger.handlers, logger.propagate = [handler], False
    logger.setLevel(logging.INFO)
