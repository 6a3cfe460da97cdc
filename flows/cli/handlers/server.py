"""`ballast up`, `ballast down`, `ballast deploy`: a server, a worker and the deployments."""

from flows.terminal.parameters import prepare


def up() -> None:
    """Start the environment."""
    prepare(verbose=True)  # what the server and the worker log goes to their files
    from flows.server.local import start  # noqa: PLC0415 - as it is imported, Prefect reads what `prepare` sets

    start()


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
