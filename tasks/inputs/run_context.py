"""What a command or a flow run works with: the settings, and all that the config file says, read once.

The file may change while a day runs. Whoever needs something of it is handed this, so that a run has one version of it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sizing.limits.model import RebalancingLimits
from tasks.config.feeds import Feeds
from tasks.config.limit_overrides import change_limits, choose_portfolios
from tasks.config.portfolios import PortfolioSettings, read_config
from tasks.config.settings import Settings
from tasks.inputs.portfolio_groups import Group, group_portfolios


@dataclass(frozen=True)
class RunContext:
    """The portfolios that are run with their limits, and what the config file says.

    `configured` and `terms` have every portfolio of the file, `limits` those that are run.
    """

    settings: Settings
    configured: Mapping[str, RebalancingLimits]
    limits: dict[str, RebalancingLimits]
    terms: dict[str, PortfolioSettings]
    feeds: Feeds

    @cached_property
    def groups(self) -> tuple[Group, ...]:
        """Return the portfolios that are run in their groups."""
        return group_portfolios(self.limits, self.terms, self.settings.exchange)


def read_context(
    settings: Settings, portfolio_ids: Sequence[str] = (), changed: Mapping[str, Any] | None = None
) -> RunContext:
    """Read the config; take the named portfolios, or all where none is named, with the changed limits.

    *Raises* `ConfigError`, and `UsageError` for an unknown portfolio or a limit that cannot be.
    """
    file = read_config(settings.config)
    limits = change_limits(choose_portfolios(file.limits, portfolio_ids), changed or {})
    return RunContext(settings, file.limits, limits, file.terms, file.feeds)


def read_custom(settings: Settings, portfolio_id: str, changed: Mapping[str, Any]) -> RunContext:
    """Read the config; take one portfolio with its own limits and the changed ones.

    The file need not name it: then it starts from the defaults of the limits, and has the terms of `defaults`. There
    need not be a file. *Raises* `ConfigError`, and `UsageError` for a limit that cannot be.
    """
    file = read_config(settings.config) if settings.config.exists() else None
    configured = file.limits if file else {}
    own = {portfolio_id: configured.get(portfolio_id, RebalancingLimits())}
    limits = change_limits(own, changed)
    if file is None:
        return RunContext(settings, {}, limits, {portfolio_id: PortfolioSettings()}, {})
    terms = {portfolio_id: file.default_terms} | file.terms
    return RunContext(settings, configured, limits, terms, file.feeds)
