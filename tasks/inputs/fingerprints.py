"""What makes two runs the same: the same inputs, the same limits, the same code."""

import ast
import gc
import hashlib
import json
import tokenize
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from io import StringIO
from typing import NamedTuple, Self, TypeGuard

import polars as pl

import sizing
from sizing import RebalancingLimits
from sizing.frames.day_inputs import DayFrames
from sizing.frames.integer_keys import code_among
from sizing.frames.plans import run_plan

_RUN_ID_DIGITS = 12


class LimitSets(NamedTuple):
    """Limits of many portfolios, each distinct set once as JSON: every field, defaults included.

    `portfolio_ids` are in order, `places` has the place of the set of each in `sets`.
    """

    portfolio_ids: list[str]
    places: list[int]
    sets: list[str]

    @classmethod
    def of(cls, limits: Mapping[str, RebalancingLimits]) -> Self:
        """Write each distinct set of limits once."""
        names = sorted(limits)
        # Portfolios that were configured alike share one object.
        distinct = {id(one): one for one in limits.values()}
        written = {key: json.dumps(one.model_dump(mode="json"), allow_nan=False) for key, one in distinct.items()}
        place = {text: number for number, text in enumerate(dict.fromkeys(written.values()))}
        return cls(names, [place[written[id(limits[name])]] for name in names], list(place))


def config_fingerprint(limits: LimitSets) -> str:
    """Hash every limit of every portfolio, as one JSON document that is never in memory as a whole."""
    sets = [json.dumps(json.loads(text), sort_keys=True).encode() for text in limits.sets]
    names = [json.dumps(name).encode() for name in limits.portfolio_ids]

    def document() -> Iterator[bytes]:
        before = b'{"portfolios": {'
        for name, place in zip(names, limits.places, strict=True):
            yield before + name + b": " + sets[place]
            before = b", "
        yield b"}}"

    digest = hashlib.sha256(sum(map(len, document())).to_bytes(8, "big"))
    for part in document():
        digest.update(part)
    return digest.hexdigest()


def input_fingerprint(inputs: DayFrames) -> str:
    """Hash the day and the content of its frames; the order of their rows does not matter."""
    parts = [inputs.as_of_date.isoformat().encode()]
    for frame in (
        inputs.scores,
        inputs.assets,
        inputs.holdings,
        inputs.restrictions,
        *_delisted(inputs),
        *_prices(inputs),
        *_states(inputs),
        *_sessions_and_volatilities(inputs),
    ):
        columns = sorted(frame.columns)
        in_order = run_plan(frame.lazy().select(columns).sort(columns, nulls_last=True))
        parts.append(in_order.write_csv().encode())
    return _digest(*parts, *_returns(inputs))


def _delisted(inputs: DayFrames) -> Iterator[pl.DataFrame]:
    """Return what the asset list no longer has of what is held or scored; on most days there is none."""
    if inputs.delisted.is_empty():
        return
    seen = pl.concat([inputs.scores["asset"], inputs.holdings["asset"]])
    delisted = inputs.delisted.filter(pl.col("asset").is_in(seen.unique().implode()))
    if delisted.height:
        yield delisted


def _prices(inputs: DayFrames) -> Iterator[pl.DataFrame]:
    """Return the prices by which books were marked, or would have been; without mark_to_market there are none."""
    if inputs.prices.height:
        yield inputs.prices


def _states(inputs: DayFrames) -> Iterator[pl.DataFrame]:
    """Return the states of portfolios whose limits read them; of others nothing, whatever happened to their names."""
    reading = [portfolio_id for portfolio_id, one in inputs.limits.items() if one.reads_lifecycle]
    states = inputs.states.filter(pl.col("portfolio_id").is_in(reading))
    if states.height:
        lists = [name for name, dtype in states.schema.items() if isinstance(dtype, pl.List)]
        yield states.with_columns(pl.col(lists).cast(pl.List(pl.String)).list.join(" "))


def _sessions_and_volatilities(inputs: DayFrames) -> Iterator[pl.DataFrame]:
    """Return what limits read of volatilities, and of which sessions they read returns; nothing where none does."""
    if inputs.volatilities.height:
        yield inputs.volatilities
    if inputs.sessions:
        yield pl.DataFrame({"session": inputs.sessions}, schema={"session": pl.Date})


def _returns(inputs: DayFrames) -> Iterator[bytes]:
    """Return the returns that limits read of what is scored or held; in binary, text would take ten times as long."""
    if inputs.returns.is_empty():
        return
    seen = pl.concat([inputs.scores["asset"], inputs.holdings["asset"]]).unique()
    returns = inputs.returns.filter(pl.col("asset").is_in(seen.implode()))
    if returns.is_empty():
        return
    assets, session = returns["asset"].unique().sort(), returns["session"].to_physical().cast(pl.Int64)
    place = session * assets.len() + code_among(returns["asset"], assets)
    yield json.dumps(assets.to_list()).encode()
    for values in (place, returns["session_return"], returns["is_given"]):
        in_order = values if place.is_sorted() else values.gather(place.arg_sort())
        yield in_order.to_numpy().astype(in_order.to_numpy().dtype.newbyteorder("<")).tobytes()


@cache
def code_fingerprint() -> str:
    """Hash the rules' source and the version of Polars, whose arithmetic they are."""
    return hash_rules(resources.files(sizing))


def hash_rules(package: Traversable) -> str:
    """Hash every module of a package, those of its sub-packages too, without docstrings and comments.

    Wording never renames a run; a rule does, wherever it stands. The text is hashed and not the syntax tree, which
    another version of Python writes in another way.
    """
    modules = sorted(_modules(package, ""))
    return _digest(
        pl.__version__.encode(), *(f"{name}\0{_without_wording(source)}".encode() for name, source in modules)
    )


def _modules(folder: Traversable, prefix: str) -> Iterator[tuple[str, str]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _modules(entry, f"{prefix}{entry.name}/")
        elif entry.name.endswith(".py"):
            yield prefix + entry.name, entry.read_text(encoding="utf-8")


def _without_wording(source: str) -> str:
    """Leave out comments, docstrings, and the strings below a field that describe it; and what is blank then."""
    words = [node for node in ast.walk(_parse(source)) if _is_wording(node)]
    dropped = {line for node in words for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)}
    lines = source.splitlines()
    tokens = tokenize.generate_tokens(StringIO(source).readline) if "#" in source else ()
    for token in tokens:
        if token.type == tokenize.COMMENT:
            line, column = token.start
            lines[line - 1] = lines[line - 1][:column]
    kept = (line.rstrip() for number, line in enumerate(lines, start=1) if number not in dropped)
    return "\n".join(line for line in kept if line)


def _parse(source: str) -> ast.Module:
    """Return the syntax tree, made without a garbage collection in between.

    A collection runs code of others, and lets other threads run: when one of them parses, Python 3.11 counts the depth
    of both trees together, and raises SystemError (cpython#106905).
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        return ast.parse(source)
    finally:
        if was_enabled:
            gc.enable()


def _is_wording(node: ast.AST) -> TypeGuard[ast.Expr]:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


@dataclass(frozen=True)
class Fingerprints:
    """What decides a result: two runs with the same three are the same run."""

    inputs: str
    config: str
    code: str

    @classmethod
    def of(cls, inputs: DayFrames, limits: LimitSets) -> Self:
        """Take the fingerprints of a day's inputs and its limits, and of the code that is installed."""
        return cls(input_fingerprint(inputs), config_fingerprint(limits), code_fingerprint())


def run_id(as_of_date: date, fingerprints: Fingerprints) -> str:
    """Name a computation by what it computes, so that repeating it is the same run."""
    digest = _digest(*(part.encode() for part in (fingerprints.inputs, fingerprints.config, fingerprints.code)))
    return f"{as_of_date.isoformat()}-{digest[:_RUN_ID_DIGITS]}"


def _digest(*parts: bytes) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.hexdigest()
