"""Which columns of a file are ours: its header validated against the contract of its kind. Names are never guessed."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from sizing.text import listed
from tasks.config.feeds import Feed
from tasks.errors import SourceError
from tasks.file_contracts import Contract
from tasks.text import nearest, shown

_LONGEST_COMPARED = 40
_SEPARATORS = (",", ";", "\t", "|")


@dataclass(frozen=True)
class Layout:
    """The columns that a file of this kind may have, by the names that its feed gives them."""

    contract: Contract
    feed: Feed | None = None

    @property
    def names(self) -> dict[str, str]:
        """Our name for each name of the feed. A column that only shows which rows are left out keeps its own."""
        renamed = self.feed.columns if self.feed else {}
        own = {given: given for given, _, _ in self.contract.columns if given not in renamed}
        own |= {theirs: ours for ours, theirs in renamed.items()}
        return own | {name: name for name in self._filter_columns if name not in own.values()}

    @property
    def _filter_columns(self) -> list[str]:
        """The columns by which rows are left out, by our names where they have one."""
        renamed = self.feed.columns if self.feed else {}
        ours = {theirs: name for name, theirs in renamed.items()}
        return [ours.get(name, name) for name in (self.feed.leave_out if self.feed else ())]

    def without_left_out(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Drop the rows that the feed leaves out, and the columns that only name them."""
        words = dict(zip(self._filter_columns, self.feed.leave_out.values(), strict=True)) if self.feed else {}
        named = [pl.col(name).str.strip_chars().is_in(words[name]).fill_null(value=False) for name in words]
        own = {given for given, _, _ in self.contract.columns}
        kept = rows.filter(~pl.any_horizontal(named)) if named else rows
        return kept.drop(name for name in words if name not in own)

    def match(self, header: Sequence[str], *, may_lack: bool = False) -> dict[int, str]:
        """Return our name of each column of the header that is ours, by its place.

        *Raises* `SourceError` for a column that is missing (unless it may), unknown or given twice, with the nearest
        known name.
        """
        names, is_lenient = self.names, self.feed is not None and self.feed.ignore_other_columns
        theirs = {ours: name for name, ours in names.items()}
        required = dict.fromkeys([*self.contract.required, *self._filter_columns])
        missing = [theirs[ours] for ours in required if not may_lack and theirs[ours] not in header]
        repeated = [name for name, count in Counter(header).items() if count > 1 and (name in names or not is_lenient)]
        unknown_names = [name for name in header if name not in names]
        problems = []
        if missing:
            problems.append(_describe(missing, "is missing", "are missing"))
        if repeated:
            problems.append(_describe(repeated, "stands more than once", "stand more than once"))
        if unknown_names and not is_lenient:
            hint = nearest(unknown_names[0].strip().lower()[:_LONGEST_COMPARED], names)
            problems.append(_describe(unknown_names, "is unknown", "are unknown") + (f" ({hint})" if hint else ""))
        if problems:
            got = f"got {_listed(header)}; expected among {', '.join(map(shown, names))}"
            out = _way_out(header, names, has_unknown=bool(unknown_names) and not is_lenient)
            msg = f"has a header that does not fit: {' and '.join(problems)}; {got}: {out}"
            raise SourceError(msg)
        return {place: names[name] for place, name in enumerate(header) if name in names}


def _way_out(header: Sequence[str], names: Mapping[str, str], *, has_unknown: bool) -> str:
    for other in _SEPARATORS:
        if len(header) == 1 and len(names.keys() & set(header[0].split(other))) > 1:
            return f"its values look separated by {json.dumps(other)}: say so in the config, under feeds: separator"
    ignored = ", or leave out what is not ours with ignore_other_columns: true there" if has_unknown else ""
    above = "" if names.keys() & set(header) else "; where lines stand above the header, skip them with skip_rows"
    return f"correct the file, or say its own names under feeds: columns in the config{ignored}{above}"


def _describe(columns: Sequence[str], of_one: str, of_several: str) -> str:
    return f"column {_listed(columns)} {of_one}" if len(columns) == 1 else f"columns {_listed(columns)} {of_several}"


def _listed(names: Sequence[str]) -> str:
    return listed([shown(name) for name in names])
