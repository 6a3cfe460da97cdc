"""`ballast up`, `ballast down`, `ballast deploy`: a server, a worker and the deployments.

Heavy imports wait until a command needs them.
"""

from flows.terminal.parameters import prepare


def up() -> int:
    """Start a Prefect server, the deployments and a worker on this machine, wait until all is well, and say where.

    Example: `ballast up`

    The server listens on loopback, at PREFECT_SERVER_API_PORT (4200), and asks for a password, which the first start
    generates, prints and keeps in .ballast/run/password. Its database is PostgreSQL when
    PREFECT_SERVER_DATABASE_CONNECTION_URL names one, else SQLite in PREFECT_HOME. What runs already is left alone. When
    something does not start, what was started is ended.
    """
    prepare(verbose=True)  # what the server and the worker say goes to their logs
    from flows.server.local import start  # noqa: PLC0415 - Prefect takes a second to import

    return start()


def down() -> int:
    """End what `ballast up` started: the worker, then the server.

    Example: `ballast down`

    It waits for the runs that have begun, BALLAST_STOP_SECONDS (60) at most, and says which it cut off; no new ones
    begin meanwhile.
    """
    prepare(verbose=False)
    from flows.server.local import stop  # noqa: PLC0415 - Prefect takes a second to import

    return stop()


def deploy() -> int:
    """Bring a Prefect server to what deployments/prefect.yaml and automations.yaml say; what is paused stays paused.

    Example: `ballast deploy`

    The server is the one of PREFECT_API_URL, else the one of `ballast up`. Alerts go to BALLAST_ALERT_WEBHOOK or
    BALLAST_ALERT_EMAIL; with neither, the automations that only alert are disabled.
    """
    prepare(verbose=False)
    from flows.server.local import deploy_here  # noqa: PLC0415 - Prefect takes a second to import

    return deploy_here()
