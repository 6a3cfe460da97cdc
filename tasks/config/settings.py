"""Paths and options of the installation, from `BALLAST_*` in the environment or .env, and the run request.

What does not belong here: limits of a portfolio, which live in sizing/limits/ and portfolios.yaml.
"""

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints
from pydantic.json_schema import SkipJsonSchema
from pydantic_settings import BaseSettings, SettingsConfigDict

from sizing.frames.day_inputs import ENTRY_SCORES_UP_TO
from sizing.frames.holding_states import DUST_WEIGHT
from sizing.names import TypedName
from sql.any_warehouse import AnyWarehouse
from sql.warehouse import Warehouse
from tasks.config.env_file import ENV_FILE, PREFIX, require_known
from tasks.errors import UsageError

if TYPE_CHECKING:
    from sql.lake import Lake

_COPIES = {"snapshot": "snapshot.duckdb", "export_folder": "targets"}

Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
"""A text that is not blank."""


def _beside(name: str, warehouse: Path) -> Path:
    return warehouse.parent / _COPIES[name]


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
        env_ignore_empty=True,
        frozen=True,
        extra="forbid",
    )

    config: Path = Field(default=Path("deployments/portfolios.yaml"), description="Limits of the portfolios.")
    inbox: Path = Field(default=Path("inbox"), description="Folder of the day's files.")
    warehouse: Path = Field(default=Path(".ballast/warehouse.duckdb"), description="The live database file.")
    snapshot: Path = Field(
        default_factory=lambda given: _beside("snapshot", given["warehouse"]),
        description="The copy that readers open; empty: snapshot.duckdb beside the warehouse.",
    )
    export_folder: Path = Field(
        default_factory=lambda given: _beside("export_folder", given["warehouse"]),
        description="Folder of the Parquet exports; empty: targets/ beside the warehouse.",
    )
    store: Literal["embedded", "ducklake"] = Field(
        default="embedded",
        description="Where the tables are: embedded, in the live database file; ducklake, in a lake for several "
        "machines, with the extra `scale`.",
    )
    lake_schema: str = Field(
        default="ballast_lake",
        pattern=r"^[a-z_][a-z0-9_]{0,62}$",
        description="Schema of PostgreSQL that has the catalog of the lake.",
    )
    lake_data: str = Field(
        default="",
        description="Where the files of the lake are: a folder that every machine has, or s3://bucket/prefix, with "
        "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION and AWS_ENDPOINT_URL from the environment.",
    )
    memory_limit: str = Field(default="4GB", description="Most memory that DuckDB takes; above it, it uses the disk.")
    lock_seconds: float = Field(
        default=10, ge=0, description="Seconds that each step waits while another process has the warehouse open."
    )
    max_reject_share: float = Field(
        default=0.05,
        ge=0,
        le=1,
        description="Share of a file's rows that may be rejected; above it the file is rejected whole. Files of "
        "restrictions, renames and positions are whole or not at all.",
    )
    dust_weight: float = Field(
        default=DUST_WEIGHT,
        ge=0,
        le=0.01,
        description="A holding in a positions file that weighs less counts as gone: its name is closed.",
    )
    entry_scores_up_to: int = Field(
        default=ENTRY_SCORES_UP_TO,
        ge=0,
        description="Largest run, in portfolios, whose decisions tell entry_score and rival, which cost more than all "
        "other rules together. Of a larger run `ballast explain` and the report find them when asked.",
    )
    shard_size: int = Field(
        default=5_000,
        ge=1,
        description="Portfolios computed together. A larger run is computed in shards of so many, by a process "
        "for each core; the result is the same.",
    )
    shard_folder: Path | None = Field(
        default=None,
        description="Folder of the shards until their run has ended; empty: shards/ beside the warehouse. With Dask on "
        "other machines, one that all of them see by this name.",
    )
    dask: str | None = Field(
        default=None,
        pattern=r"^([1-9][0-9]*|[a-z]+://.+)$",
        description="Where shards are computed: the address of a Dask scheduler, `tcp://host:8786`, or a number of "
        "workers on this machine; empty: by a process for each core, without Dask. Needs the extra `scale`.",
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
    start_seconds: float = Field(
        default=180, gt=0, description="Seconds that `ballast up` waits for each of server, deployment and worker."
    )
    stop_seconds: float = Field(
        default=60, gt=0, description="Seconds that `ballast down` waits for runs to end, and for each process."
    )
    scale_port: int = Field(
        default=4210,
        ge=1,
        le=65_532,
        description="First of the four ports on loopback that `ballast up --scale` uses beside that of the Prefect "
        "server: PostgreSQL, S3, the Dask scheduler, and its counts.",
    )
    answer_seconds: float = Field(
        default=10, gt=0, description="Seconds that a command waits for the first answer of the Prefect server."
    )
    postgres_schema: str = Field(
        default="ballast", pattern=r"^[a-z_][a-z0-9_]{0,62}$", description="Schema of the copy in PostgreSQL."
    )
    postgres_seconds: float = Field(
        default=600, gt=0, description="Seconds that a copy to PostgreSQL may take in all; the day is published anyway."
    )
    postgres_statement_seconds: float = Field(
        default=120,
        gt=0,
        le=86_400,
        description="Seconds that PostgreSQL may take for one statement of the copy, its waits for locks included.",
    )
    # Secrets: only from the environment, never in a form, a parameter or a log.
    lake_catalog: SkipJsonSchema[SecretStr | None] = Field(
        default=None, exclude=True, description="PostgreSQL database that has the catalog of the lake."
    )
    postgres_url: SkipJsonSchema[SecretStr | None] = Field(
        default=None, exclude=True, description="PostgreSQL database that gets a copy of what is published."
    )

    def __init__(self, **given: Any) -> None:  # noqa: ANN401 - whatever the fields are
        require_known(type(self).model_fields)  # first: pydantic-settings waits for a pipe, and reads a huge file whole
        super().__init__(**given)

    def at(self, paths: Mapping[str, Path | None]) -> Self:
        """Return these settings with other paths, by the names of their fields; None leaves a path as it is.

        The copies and backups of another warehouse are beside it, unless they are given too: those of the settings are
        of their own warehouse.
        """
        given = {name: path for name, path in paths.items() if path is not None}
        live = given.get("warehouse", self.warehouse)
        is_other = live.resolve() != self.warehouse.resolve()
        beside = {name: _beside(name, live) for name in _COPIES} | {"backup_folder": None} if is_other else {}
        # A database file that is named is one, whatever the store is otherwise.
        store = {"store": "embedded"} if {"warehouse", "snapshot"} & given.keys() else {}
        return self.model_copy(update=beside | store | given)

    def writing_at(self, paths: Mapping[str, Path | None]) -> Self:
        """Do as `at`, for a command that makes copies. *Raises* `UsageError` where they would be those of another."""
        settings = self.at(paths)
        if shared := [name for name in self.copies_shared_with(settings) if paths.get(name) is None]:
            flags = " and ".join(f"--{name.replace('_', '-')}" for name in shared)
            msg = (
                f"--warehouse {settings.warehouse} is another file than BALLAST_WAREHOUSE, {self.warehouse}, whose "
                f"copies would be replaced: give {flags} too. Nothing was changed"
            )
            raise UsageError(msg)
        return settings

    def copies_shared_with(self, other: Self) -> tuple[str, ...]:
        """Name the settings of copies that two warehouses would have in one place."""
        if self.warehouse.resolve() == other.warehouse.resolve():
            return ()
        places = ((name, getattr(self, name), getattr(other, name)) for name in _COPIES)
        return tuple(name for name, own, given in places if own.resolve() == given.resolve())

    @property
    def has_shared_files(self) -> bool:
        """Whether the tables are files in a folder, of which the shards of a large run become part as they are."""
        return self.store == "ducklake" and "://" not in self.lake_data

    def open_warehouse(self) -> AnyWarehouse:
        """Return the warehouse that these settings name; nothing is opened yet.

        *Raises* `UsageError` for a lake without an address, `WarehouseError` for one that cannot be read.
        """
        return self.open_file() if self.store == "embedded" else self.open_lake()

    def open_lake(self) -> "Lake":
        """Return the lake that these settings name, whichever store they name; nothing is opened yet.

        *Raises* as `open_warehouse` does.
        """
        from tasks.config.lake import LakeSettings, open_lake  # noqa: PLC0415 - a database file needs nothing of it

        named = LakeSettings(
            self.lake_catalog,
            self.lake_schema,
            self.lake_data,
            self.lock_seconds,
            self.memory_limit,
            self.warehouse.with_name("lake.spill"),
        )
        return open_lake(named, self.export_folder)

    def require_file(self, command: str) -> Warehouse:
        """Do as `open_file`, for what works on a file only. *Raises* `UsageError` where the store is a lake."""
        if self.store != "embedded":
            msg = (
                f"{command} works on a database file and BALLAST_STORE is {self.store}. Nothing was changed: name the "
                "file with --warehouse; `ballast db move --to ducklake --warehouse BACKUP` makes a lake of a backup "
                "in an empty BALLAST_LAKE_SCHEMA"
            )
            raise UsageError(msg)
        return self.open_file()

    def open_file(self) -> Warehouse:
        """Return the database file that these settings name; nothing is opened yet."""
        return Warehouse(self.warehouse, self.snapshot, self.export_folder, self.lock_seconds, self.memory_limit)


def _are_of_environment(settings: object) -> bool:
    return settings == Settings()


InstallationSettings = Annotated[SkipJsonSchema[Settings], Field(exclude_if=_are_of_environment)]
"""Settings that no form shows: it would send defaults of its own, whatever BALLAST_* says where the run happens.

Where they are those of the environment they are left out of the parameters too: a form that got them would reject them.
"""


class FlowParameters(BaseModel):
    """What the parameters of every flow have in common: where the installation keeps its things."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    settings: InstallationSettings = Field(
        default_factory=Settings, description="Paths and options of the installation; empty: from BALLAST_*."
    )


class RebalanceConfig(FlowParameters):
    """What one run of the daily rebalance does. It is the flow's only parameter, and the form in the Prefect UI."""

    as_of_date: date | None = Field(
        default=None, description="Trading day whose scores are used; empty: the day the run was scheduled for."
    )
    portfolio_ids: tuple[TypedName, ...] = Field(
        default=(), description="Portfolios that are run, by their names in the config file; empty: all of them."
    )
    limits: dict[str, Any] = Field(
        default={},
        description="Limits other than configured, for each of these portfolios, as in `{max_single_position: 0.1}`. "
        "`custom-run` has a form of them all.",
    )
    requested_by: str = Field(
        default="",
        description="Who requests the run, and may not approve it with four_eyes; empty: the schedule.",
    )
