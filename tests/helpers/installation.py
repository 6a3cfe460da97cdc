"""An installation in a folder of its own, and days that are published in it without an engine."""

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path

import yaml

from sizing import RebalancingLimits
from sizing.pipeline import rebalance
from tasks.config.portfolios import load_portfolios
from tasks.config.settings import Settings
from tasks.runs.ingest import ingest_day
from tasks.runs.run_record import OpenRun, open_run

ROOT = Path(__file__).parents[2]
PORTFOLIOS = ROOT / "deployments" / "portfolios.yaml"


def installed_in(folder: Path, inbox: Path, config: Path = PORTFOLIOS) -> Settings:
    """Return the settings of an installation that keeps all that it makes in the folder."""
    return Settings(
        config=config,
        inbox=inbox,
        warehouse=folder / "warehouse.duckdb",
        snapshot=folder / "snapshot.duckdb",
        export_folder=folder / "targets",
    )


def with_limits(settings: Settings, limits: Mapping[str, RebalancingLimits]) -> Settings:
    """Return the settings with a config file of its own, beside the warehouse, that has these portfolios."""
    config = settings.warehouse.with_name("limits.yaml")
    portfolios = {name: one.model_dump(mode="json", exclude_defaults=True) for name, one in limits.items()}
    config.write_text(yaml.safe_dump({"portfolios": portfolios}))
    assert load_portfolios(config) == limits
    return settings.at({"config": config})


def begin(settings: Settings, day: date) -> OpenRun:
    """Read the day's files, and open its run."""
    ingest_day(settings, day, {})
    return open_run(settings, day, load_portfolios(settings.config))


def publish_days(settings: Settings, days: Sequence[date]) -> None:
    """Publish the days in their order; the snapshot is not made."""
    for day in days:
        run = begin(settings, day)
        settings.open_warehouse().publish(run.run_id, rebalance(run.inputs)._asdict(), "test", run.warnings)
