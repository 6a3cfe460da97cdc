"""How `--verbose` shows what Prefect logs."""

import logging

from prefect.logging.handlers import PrefectConsoleHandler

from flows.terminal.escaping import visible


class SafeConsoleHandler(PrefectConsoleHandler):
    """Prefect's own, without what a terminal would obey: a log repeats names and reasons from files."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, its control characters as escapes."""
        return visible(super().format(record))
