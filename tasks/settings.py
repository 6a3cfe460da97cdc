"""Where this installation keeps its things, from `BALLAST_*` in the environment or .env, and what a run is asked to do.

What does not belong here: limits of a portfolio, which live in sizing/limits.py and portfolios.yaml.
"""

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints, model_validator
from pydantic.json_schema import SkipJsonSchema
from pydantic_settings import BaseSettings, SettingsConfigDict

from sizing import RebalancingLimits
from sql.warehouse import Warehouse
from tasks.env_file import ENV_FILE, PREFIX, require_known, require_readable

Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
"""A text that says something."""


class Settings(BaseSettings):
    """Settings of the installation. Each is read from the environment, `BALLAST_` before its name in capitals.

    What is not there is read from the file `.env` of the working folder.
    *Raises* `ConfigError` for a line of it with a `BALLAST_` name that is no setting.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_file=ENV_FILE,
        env_file_encoding="utf-8",
        dotenv_filtering="only_existing",
        frozen=True,
        extra="forbid",
    )

    config: Path = Field(default=Path("deployments/portfolios.yaml"), description="Limits of the portfolios.")
    inbox: Path = Field(default=Path("inbox"), description="Folder of the day's files.")
    warehouse: Path = Field(default=Path(".ballast/warehouse.duckdb"), description="The live database file.")
    snapshot: Path = Field(default=Path(".ballast/snapshot.duckdb"), description="The copy that readers open.")
    export_folder: Path = Field(default=Path(".ballast/targets"), description="Folder of the Parquet exports.")
    memory_limit: str = Field(default="4GB", description="Most memory that DuckDB takes; above it, it uses the disk.")
    max_reject_share: float = Field(
        default=0.05,
        ge=0,
        le=1,
        description="Share of a file's rows that may be refused; above it the file is refused whole. Files of "
        "restrictions and of positions are whole or not at all.",
    )
    exchange: str = Field(default="XNYS", description="Exchange whose trading days count, by its ISO 10383 code.")
    backup_folder: Path | None = Field(
        default=None, description="Folder of the backups; empty: backups/ beside the warehouse."
    )
    keep_backups: int = Field(default=14, ge=1, description="How many backups the maintenance keeps, the newest ones.")
    keep_days: int = Field(
        default=90,
        ge=1,
        description="For how many days files that were replaced and logs that were not whole are kept.",
    )
    deadline_hours: float = Field(
        default=3,
        gt=0,
        le=24,
        description="Hours after the close by which the targets of a trading day must be published.",
    )
    max_late_hours: float = Field(
        default=12, gt=0, description="Hours after its scheduled start at which a scheduled run is too late to start."
    )
    postgres_schema: str = Field(
        default="ballast", pattern=r"^[a-z_][a-z0-9_]{0,62}$", description="Schema of the copy in PostgreSQL."
    )
    # A secret: only from the environment, never in a form, a parameter or a log.
    postgres_url: SkipJsonSchema[SecretStr | None] = Field(
        default=None, exclude=True, description="PostgreSQL database that gets a copy of what is published."
    )

    def __init__(self, **given: Any) -> None:  # noqa: ANN401 - whatever the fields are
        require_readable()  # pydantic-settings waits for a pipe, and reads a huge file whole
        super().__init__(**given)

    @model_validator(mode="before")
    @classmethod
    def _known(cls, given: object) -> object:
        require_known(cls.model_fields)
        return given

    def at(self, paths: Mapping[str, Path]) -> Self:
        """Give these settings with other paths, by the names of their fields."""
        return self.model_copy(update=dict(paths))

    def open_warehouse(self) -> Warehouse:
        """Give the warehouse that these settings name; nothing is opened yet."""
        return Warehouse(self.warehouse, self.snapshot, self.export_folder, memory_limit=self.memory_limit)


InstallationSettings = SkipJsonSchema[Settings]
"""Settings that no form shows: it would send defaults of its own, whatever BALLAST_* says where the run happens."""


class RebalanceConfig(BaseModel):
    """What one run of the daily rebalance does. It is the flow's only parameter, and the form in the Prefect UI."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    as_of_date: date | None = Field(
        default=None, description="Trading day whose scores are used; empty: the day the run was scheduled for."
    )
    portfolios: dict[str, RebalancingLimits] = Field(
        default={},
        description="Limits of each portfolio; empty: those of the config file. `custom-run` has a form of them all.",
    )
    requested_by: str = Field(
        default="",
        description="Who asks for the run, and may not approve it where four eyes are asked; empty: the schedule.",
    )
    settings: InstallationSettings = Field(
        default_factory=Settings, description="Where this installation keeps its things; empty: from BALLAST_*."
    )
