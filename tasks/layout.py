"""Which columns of a file are ours: its header held against the contract of its kind. Names are never guessed."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from sizing.wording import listed
from tasks.contracts import Contract
from tasks.errors import SourceError
from tasks.feeds import Feed
from tasks.wording import shown

_LONGEST_COMPARED = 40
_SEPARATORS = (",", ";", "\t", "|")


@dataclass(frozen=True)
class Layout:
    """The columns that a file of this kind may have, by the names that its feed gives them."""

    contract: Contract
    feed: Feed | None = None

    @property
    def names(self) -> dict[str, str]:
        """Our name for each name of the feed."""
        said = self.feed.columns if self.feed else {}
        own = {given: given for given, _, _ in self.contract.columns if given not in said}
        return own | {theirs: ours for ours, theirs in said.items()}

    def match(self, header: Sequence[str], *, may_lack: bool = False) -> dict[int, str]:
        """Give our name of each column of the header that is ours, by its place.

        *Raises* `SourceError` for a column that is missing (unless it may), unknown or given twice, with the nearest
        known name.
        """
        names = self.names
        theirs = {ours: name for name, ours in names.items()}
        missing = [theirs[ours] for ours in self.contract.required if not may_lack and theirs[ours] not in header]
        repeated = [name for name, count in Counter(header).items() if count > 1]
        strangers = [name for name in header if name not in names]
        problems = []
        if missing:
            problems.append(_say(missing, "is missing", "are missing"))
        if repeated:
            problems.append(_say(repeated, "stands more than once", "stand more than once"))
        if strangers and not (self.feed and self.feed.ignore_other_columns):
            problems.append(f"{_say(strangers, 'is unknown', 'are unknown')}{_nearest(strangers[0], names)}")
        if problems:
            got = f"got {_listed(header)}; expected among {', '.join(names)}"
            msg = f"has a header that does not fit: {' and '.join(problems)}; {got}: {_way_out(header, names)}"
            raise SourceError(msg)
        return {place: names[name] for place, name in enumerate(header) if name in names}


def _way_out(header: Sequence[str], names: Mapping[str, str]) -> str:
    for other in _SEPARATORS:
        if len(header) == 1 and len(names.keys() & set(header[0].split(other))) > 1:
            return f"its values look separated by {json.dumps(other)}: say so in the config, under feeds: separator"
    return "correct the file, or say its own names under feeds: columns in the config"


def _say(columns: Sequence[str], of_one: str, of_several: str) -> str:
    return f"column {_listed(columns)} {of_one}" if len(columns) == 1 else f"columns {_listed(columns)} {of_several}"


def _nearest(stranger: str, names: dict[str, str]) -> str:
    nearest = get_close_matches(stranger.strip().lower()[:_LONGEST_COMPARED], list(names), n=1)
    return f" (did you mean {nearest[0]}?)" if nearest else ""


def _listed(names: Sequence[str]) -> str:
    return listed([shown(name) for name in names])
