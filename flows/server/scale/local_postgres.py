"""A PostgreSQL of this machine's distribution, with its data in a folder of ours: how it is made and started.

It listens on loopback, without a socket in the file system, and asks every role for its password. What does not belong
here: who starts and ends it.
"""

import os
import pwd
import shutil
import stat
import subprocess
from collections.abc import Mapping
from pathlib import Path

from flows.server.background_process import Account
from flows.server.readiness import StartError
from flows.terminal.password import write_secret
from sql.external.postgres import PostgresAddress, execute, kept_open

OWNER = "ballast"
"""The role that makes the others, and that nothing else uses."""
_HOST = "127.0.0.1"
_DEBIAN = Path("/usr/lib/postgresql")
_NOT_INSTALLED = (
    "PostgreSQL is not installed: install the package of your distribution (Debian and Ubuntu: apt-get install "
    "postgresql; Fedora: dnf install postgresql-server postgresql-contrib), or put its initdb on PATH"
)


def find_binaries() -> Path | None:
    """Return the folder of the newest server that the distribution has installed; None where there is none."""
    debian = sorted(_DEBIAN.glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    on_path = shutil.which("initdb")
    found = debian[-1] if debian else Path(on_path).resolve() if on_path else None
    return found.parent if found else None


def require_binaries(data: Path) -> Path:
    """Return the folder of the server, of the version of the data where it is there.

    *Raises* `StartError` where none is installed.
    """
    version = data / "PG_VERSION"
    own = _DEBIAN / (version.read_text().strip() if version.exists() else "") / "bin"
    if found := own if (own / "initdb").exists() else find_binaries():
        return found
    raise StartError(_NOT_INSTALLED)


def account() -> Account | None:
    """Return who it runs as: PostgreSQL refuses to be root. None is this user."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    entry = pwd.getpwnam("postgres" if "postgres" in names else "nobody")
    return Account(entry.pw_uid, entry.pw_gid)


def create_data(binaries: Path, data: Path, password: str) -> None:
    """Make the data of a server: whole, or not at all. *Requires* the folder above. *Raises* `StartError`."""
    new, password_file = data.with_name(f"{data.name}.new"), data.with_name(f"{data.name}.password")
    owner = account()
    if owner:
        _let_in(owner, data.parent)
    shutil.rmtree(new, ignore_errors=True)  # of one that was killed
    new.mkdir(mode=stat.S_IRWXU)
    write_secret(password_file, password)
    if owner:
        for path in (new, password_file):
            os.chown(path, owner.user, owner.group)
    try:
        _initdb(binaries, new, password_file, owner)
    finally:
        password_file.unlink()
    new.rename(data)


def _let_in(owner: Account, folder: Path) -> None:
    """Let the account through to its data, and see nothing else on the way. *Raises* `StartError` where it cannot."""
    for ours in (folder, folder.parent):
        ours.chmod(ours.stat().st_mode | stat.S_IXOTH)
    for above in folder.absolute().parents:
        found = above.stat()
        if not found.st_mode & stat.S_IXOTH and found.st_uid != owner.user:
            user = pwd.getpwuid(owner.user).pw_name
            msg = (
                f"PostgreSQL does not run as root, and the user {user}, as whom it would, may not enter {above}: work "
                "in another folder, or as a user of your own"
            )
            raise StartError(msg)


def _initdb(binaries: Path, data: Path, password_file: Path, owner: Account | None) -> None:
    options = ["--auth=scram-sha-256", f"--username={OWNER}", f"--pwfile={password_file.absolute()}"]
    options += ["--encoding=UTF8", "--no-locale", "--data-checksums"]
    done = subprocess.run(  # noqa: S603 - of the distribution
        [str(binaries / "initdb"), *options, str(data.absolute())],
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
        **(owner.options if owner else {}),
    )
    if done.returncode:
        msg = f"PostgreSQL cannot make its data in {data.parent}: {' '.join(done.stderr.split())}"
        raise StartError(msg)


def server_command(binaries: Path, data: Path, port: int, *settings: str) -> list[str]:
    """Return the command that runs the server, with more settings as `name=value`."""
    ours = (f"listen_addresses={_HOST}", "unix_socket_directories=", f"port={port}", *settings)
    return [str(binaries / "postgres"), "-D", str(data.absolute()), *(word for one in ours for word in ("-c", one))]


def address_of(role: str, password: str, port: int, database: str | None = None) -> str:
    """Return the address of the database of a role, which has its name."""
    return f"postgresql://{role}:{password}@{_HOST}:{port}/{database or role}"


def ensure_databases(address: str, passwords: Mapping[str, str]) -> None:
    """Make a role and a database for each name where there are none, with this password; no other role may connect.

    *Raises* `WarehouseError` for what the server rejects.
    """
    with kept_open(PostgresAddress(address)) as con:
        execute(con, "SET log_min_error_statement = panic")  # a statement that fails would be logged, password and all
        for name, password in passwords.items():
            if not execute(con, "SELECT 1 FROM pg_roles WHERE rolname = $1", name):
                execute(con, f"CREATE ROLE {name} LOGIN")
            execute(con, f"ALTER ROLE {name} PASSWORD '{password}'")
            if not execute(con, "SELECT 1 FROM pg_database WHERE datname = $1", name):
                execute(con, f"CREATE DATABASE {name} OWNER {name}")
            execute(con, f"REVOKE ALL ON DATABASE {name} FROM PUBLIC")
