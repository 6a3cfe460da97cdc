"""Find the extensions of DuckDB that wheels bring: the extra `scale` has them. Nothing is ever downloaded.

What does not belong here: loading them.
"""

from importlib.util import find_spec
from pathlib import Path

from sql.errors import WarehouseError

_REMEDY = "install the extra `scale`, as `.ci/setup scale` does"


def find_extension(name: str, duckdb_version: str) -> Path:
    """Return the file of an extension for the DuckDB that runs. *Raises* `WarehouseError` where there is none."""
    package = f"duckdb_extension_{name}"
    spec = find_spec(package)
    if not spec or not spec.submodule_search_locations:
        msg = f"BALLAST_STORE=ducklake needs the package {package.replace('_', '-')}, which is not installed: {_REMEDY}"
        raise WarehouseError(msg)
    folder = Path(spec.submodule_search_locations[0]) / "extensions"
    path = folder / f"v{duckdb_version}" / f"{name}.duckdb_extension"
    if not path.is_file():
        found = ", ".join(sorted(one.name.removeprefix("v") for one in folder.glob("v*"))) or "none"
        msg = (
            f"the package {package.replace('_', '-')} is for DuckDB {found}, but DuckDB {duckdb_version} is installed "
            f"and needs its own: {_REMEDY}, which pins both"
        )
        raise WarehouseError(msg)
    return path
