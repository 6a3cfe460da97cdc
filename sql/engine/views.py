"""The views and macros of a file: made again only when they are not those of the code, since that takes a while.

A column without a comment in its script has the one of the relations that the line `-- Columns as in:` names.
"""

import hashlib
import re
from collections import ChainMap, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

from sql.engine.scripts import Script, read_scripts
from sql.engine.statements import Connection, command, execute, query, transaction

_SOURCES = re.compile(r"^-- Columns as in: (.+)$", re.MULTILINE)
_COLUMN_COMMENT = re.compile(r"""COMMENT ON COLUMN (\w+)\."?(\w+)"? IS '((?:[^']|'')*)'""")
_MACRO_COMMENT = re.compile(r"COMMENT ON MACRO TABLE (\w+) IS '((?:[^']|'')*)'")
_TYPE = re.compile(r"^[A-Z][A-Z ]+(?:\(\d+,\d+\))?(?:\[\])?: ")
"""The type that stands before the comment of a column of a macro."""


def make_views(con: Connection) -> None:
    """Make every view and macro, each in the place of the one that is there. *Requires* every migration."""
    comments = _read_comments((*read_scripts("migrations"), *read_scripts("views")))
    with transaction(con):
        for view in read_scripts("views"):
            execute(con, view.sql)
            # DuckDB 1.5 comments a column of a view only as long as no other view was made since.
            for statement in _inherit_comments(con, view, comments):
                execute(con, statement)
        _record(con, None)


def are_current(con: Connection) -> bool:
    """Whether the views are those of the code, and unchanged since. *Requires* every migration."""
    made = query(con, "views_made").rows()
    return bool(made) and made[0] == (_text_checksum(), _catalog_checksum(con))


def are_just_made(con: Connection) -> bool:
    """Whether `record_views` is still to come."""
    return query(con, "views_made").rows() == [(_text_checksum(), None)]


def record_views(con: Connection) -> None:
    """Record what the catalog holds of the views that were made just now.

    *Requires* a connection that opened the file after that: before, the catalog has other texts.
    """
    with transaction(con):
        if are_just_made(con):
            _record(con, _catalog_checksum(con))


def views_are_of_code(con: Connection) -> bool:
    """Whether the views were last made from the scripts of the code, where nobody else changes them."""
    made = query(con, "views_made")["text_checksum"].to_list()
    return made == [_text_checksum()]


def record_views_of(con: Connection) -> None:
    """Record that the views were made from the scripts of the code."""
    _record(con, None)


def _read_comments(scripts: Sequence[Script]) -> Mapping[str, Mapping[str, str]]:
    """Return the comments of columns by relation and column, as SQL quotes them; of a macro with their types."""
    comments: dict[str, dict[str, str]] = defaultdict(dict)
    for script in scripts:
        for relation, column, comment in _COLUMN_COMMENT.findall(script.sql):
            comments[relation][column] = comment
        for macro, comment in _MACRO_COMMENT.findall(script.sql):
            comments[macro] |= {line.partition(" ")[0]: line.partition(" ")[2] for line in comment.split("\n")[1:]}
    return comments


def _inherit_comments(con: Connection, view: Script, comments: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    """Return the statements that comment what the script leaves to other relations."""
    if not (sources := _SOURCES.search(view.sql)):
        return
    name = view.name.partition("_")[2]
    known = ChainMap(*({**comments[source]} for source in sources[1].split(", ")))
    if macro := _MACRO_COMMENT.search(view.sql):
        columns = "\n".join(f"{column} {comment}" for column, comment in known.items())
        yield f"COMMENT ON MACRO TABLE {name} IS '{macro[2]}\n{columns}'"
        return
    for column in con.sql(f"FROM {name} LIMIT 0").columns:
        if column in known and column not in comments[name]:
            comment = _TYPE.sub("", known[column])
            yield f"COMMENT ON COLUMN {name}.\"{column}\" IS '{comment}'"


def _record(con: Connection, catalog_checksum: str | None) -> None:
    checksums = {"text_checksum": _text_checksum(), "catalog_checksum": catalog_checksum}
    command(con, "record_views", **checksums, made_at=datetime.now(UTC))


def _text_checksum() -> str:
    return hashlib.sha256("\n".join(view.sql for view in read_scripts("views")).encode()).hexdigest()


def _catalog_checksum(con: Connection) -> str:
    checksum: str = query(con, "view_catalog").item()
    return checksum
