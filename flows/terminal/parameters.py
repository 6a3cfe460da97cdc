"""What the commands have in common: where things are, and what is set before Prefect is imported."""

import logging
import os
import signal
import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter, Token

_LONGEST = 40


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


def _read_names(hint: Any, tokens: Sequence[Token]) -> str | tuple[str, ...]:  # noqa: ANN401 - a type
    """Read names as they are typed, or CASH. *Raises* `ValueError` for a text that is none."""
    from sizing.names import CASH, as_name, fault  # noqa: PLC0415 - Polars takes a while to import

    names = tuple(as_name(token.value) for token in tokens)
    for name in names:
        if name != CASH and (said := fault(name)):
            msg = f"{name[:_LONGEST]!a} is no name: {said}"
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
RunId = Annotated[str, Parameter(help="The run, as `open_proposals` names it.")]
Note = Annotated[str, Parameter(help="Why: it stands beside the run for good.")]
Approver = Annotated[str | None, Parameter(help="Who decides. Default: the user of this machine.")]
AllPortfolios = Annotated[
    bool, Parameter(name="--all", negative="", help="All portfolios at once; halts of single ones are apart.")
]
Reason = Annotated[str, Parameter(help="Why: it stands beside the halt for good.")]
By = Annotated[str | None, Parameter(help="Who does it. Default: the user of this machine.")]
_PORTFOLIO = "--portfolio"
PortfolioIds = Annotated[
    tuple[str, ...],
    Parameter(
        name=_PORTFOLIO,
        converter=_read_names,
        consume_multiple=1,
        negative="",
        show_default=False,
        help="Only these portfolios: one name or several. Default: all.",
    ),
]
AsOf = Annotated[date | None, Parameter(help="The trading day. Default: the newest that the inbox has scores for.")]

AS_CONFIGURED, AS_CONFIGURED_WITH_INBOX, AS_TABLE = Places(), PlacesWithInbox(), Form()


def joined(words: Sequence[str]) -> list[str]:
    """Write `--portfolio A --portfolio B` as `--portfolio A B`.

    For each flag the parser looks at all words after it: ten thousand portfolios took it minutes.
    """
    kept: list[str] = []
    is_value_of_portfolio = False
    for place, word in enumerate(words):
        is_repeated = word == _PORTFOLIO and is_value_of_portfolio
        is_value_of_portfolio = place > 0 and words[place - 1] == _PORTFOLIO and not word.startswith("-")
        if not is_repeated:
            kept.append(word)
    return kept


def prepare(*, verbose: bool, prefect: bool = False) -> None:
    """Set what Prefect reads when it is imported, and take a SIGTERM for a Ctrl-C.

    *Raises* `ConfigError` for a `.env` that cannot be read: Prefect reads it too.
    """
    from flows.terminal.password import sign_in  # noqa: PLC0415 - pydantic takes a while to import
    from tasks.config.env_file import require_readable  # noqa: PLC0415 - the same

    require_readable()
    sign_in()
    os.environ.setdefault("DO_NOT_TRACK", "1")
    # As in pyproject.toml, which Prefect does not find from another folder: a first start makes its database.
    os.environ.setdefault("PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS", "120")
    os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_CLASS", "flows.terminal.logs.SafeConsoleHandler")
    # What cannot be written is told in one sentence before a server starts; Prefect warns a dozen times.
    warnings.filterwarnings("ignore", message="Failed to create the Prefect home directory")
    # A temporary server costs more than the run: it is started only for who asks for it.
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
