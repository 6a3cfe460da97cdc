"""Make docs/schema.md from a database that the migrations and views have just made."""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from sql.schema_reference import schema_page
from sql.warehouse import Warehouse

with TemporaryDirectory() as folder:
    warehouse = Warehouse(Path(folder, "w.duckdb"), Path(folder, "s.duckdb"), Path(folder, "targets"))
    warehouse.migrate()
    page = schema_page(warehouse.query("schema_columns"))
Path(__file__).with_name("schema.md").write_text(page, encoding="utf-8")
sys.stderr.write(f"docs/schema.md: {len(page.splitlines())} lines\n")
