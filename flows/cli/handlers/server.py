"""`ballast up`, `ballast down`, `ballast deploy`: a server, a worker and the deployments."""

from typing import Annotated

from cyclopts import Parameter

from flows.terminal.parameters import prepare

Scale = Annotated[
    bool,
    Parameter(
        negative="",
        help="Start PostgreSQL, a server of S3 and a Dask cluster too, and let the worker work on them. Needs the "
        "extra `scale` and PostgreSQL of the distribution.",
    ),
]


def up(*, scale: Scale = False) -> None:
    """Start the environment."""
    prepare(verbose=True)  # what the server and the worker log goes to their files
    from flows.server.local import start  # noqa: PLC0415 - as it is imported, Prefect reads what `prepare` sets

    start(with_scale=scale)


def down() -> None:
    """End the environment."""
    prepare(verbose=False)
    from flows.server.local import stop  # noqa: PLC0415 - as it is imported, Prefect reads what `prepare` sets

    stop()


def deploy() -> None:
    """Deploy to the server."""
    prepare(verbose=False)
    from flows.server.local import deploy_here  # noqa: PLC0415 - as it is imported, Prefect reads what `prepare` sets

    deploy_here()
