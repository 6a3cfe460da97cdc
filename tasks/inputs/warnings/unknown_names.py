"""Names that mean nothing today: in scores, restrictions, positions and limits. A typing error there would be silent.

They are reported and do not stop a run, since a list may name an asset that left the market long ago. Only an unknown
name in include_buckets does: it would close what the portfolio holds.
"""

from collections.abc import Iterable, Mapping

import polars as pl

from sizing import RebalancingLimits
from sizing.frames.day_inputs import UNCLASSIFIED, DayFrames
from sizing.text import first_of, grouped, listed
from tasks.errors import ConfigError
from tasks.inputs.warnings.lookalikes import describe_lookalikes, find_meant
from tasks.text import nearest, shown

_ALIKE = 0.8
"""How alike two names must be to be taken for a typing error, 1 is equal: income is not meant to be core."""
_LIMITS_OF_BUCKETS = ("exclude_buckets", "max_positions_by_bucket", "max_allocation_by_bucket")
_LIMITS_OF_ASSETS = ("include_assets", "exclude_assets", "core_assets")


def find_unknown_names(
    inputs: DayFrames,
    portfolios_with_positions: Iterable[str],
    others: Iterable[str] = (),
    positions: str = "positions",
) -> tuple[str, ...]:
    """Return which portfolios, assets and buckets are named and unknown, with the nearest known name.

    Known is a portfolio with limits, or one of the `others`, which have runs of their own; an asset that is listed,
    scored or held; a bucket of the asset list. A scored or held asset may be missing from that list; it is reported
    where only capitals, blanks or the form of letters set it apart from a listed one. Known names that look alike are
    reported too. What include_buckets names is not reported here: `require_known_buckets` stops the run. `positions`
    says which ones are meant.
    """
    assets = {*inputs.assets["asset"], *inputs.scores["asset"], *inputs.holdings["asset"]}
    buckets = _known_buckets(inputs)
    restrictions, limits = inputs.restrictions, inputs.limits
    portfolios = {*limits, *others}
    found = [
        _describe_spelling("scores", inputs.scores["asset"], inputs.assets["asset"]),
        _describe_spelling("positions", inputs.holdings["asset"], inputs.assets["asset"]),
        _describe(positions, "portfolio", portfolios_with_positions, portfolios),
        _describe("restrictions", "portfolio", restrictions["portfolio_id"].drop_nulls(), portfolios),
        _describe("restrictions", "asset", restrictions["asset"], assets),
        *(_describe(limit, "bucket", _named(limits, limit), buckets) for limit in _LIMITS_OF_BUCKETS),
        *(_describe(limit, "asset", _named(limits, limit), assets) for limit in _LIMITS_OF_ASSETS),
    ]
    return (*_lookalikes(inputs, portfolios), *(sentence for sentence in found if sentence))


def _lookalikes(inputs: DayFrames, portfolios: Iterable[str]) -> tuple[str, ...]:
    one_name = "give them one name, or two that cannot be confused"
    buckets = pl.Series(sorted(_known_buckets(inputs)), dtype=pl.String)
    return (
        *describe_lookalikes(
            "bucket", buckets, f"each has a limit of its own, so together they may hold twice as much; {one_name}"
        ),
        *describe_lookalikes("asset", inputs.assets["asset"], f"each is an asset of its own; {one_name}"),
        *describe_lookalikes(
            "portfolio", pl.Series([*portfolios], dtype=pl.String), f"each is a portfolio; {one_name}"
        ),
    )


def require_known_buckets(inputs: DayFrames) -> None:
    """Stop before anything is decided when a portfolio is to hold only a bucket that no asset has.

    *Raises* `ConfigError` with the portfolio, the bucket and the nearest known name.
    """
    known = sorted(_known_buckets(inputs))
    unknown_names = [
        (portfolio_id, bucket)
        for portfolio_id, one in sorted(inputs.limits.items())
        for bucket in sorted(set(one.include_buckets).difference(known))
    ]
    if not unknown_names:
        return
    buckets = {bucket for _, bucket in unknown_names}
    suggested = {bucket: nearest(bucket, known, _ALIKE) or f"known: {listed(known)}" for bucket in buckets}
    sentences = [
        f"portfolio {names}: include_buckets names {bucket}, which no asset of the asset list has ({suggested[bucket]})"
        for names, bucket in grouped(unknown_names)
    ]
    msg = f"{'; '.join(first_of(sentences))}. Nothing was decided: correct the portfolio config, or the asset list"
    raise ConfigError(msg)


def _known_buckets(inputs: DayFrames) -> set[str]:
    return {*inputs.assets["bucket"], UNCLASSIFIED}


def _named(limits: Mapping[str, RebalancingLimits], limit: str) -> set[str]:
    """Return the names that any portfolio has in this limit, each once: thousands of portfolios may share a list."""
    return set().union(*(getattr(one, limit) for one in limits.values()))


def _describe(where: str, kind: str, named: Iterable[str], known: Iterable[str]) -> str:
    """Return one sentence on the unknown names; nothing when every name is known."""
    unknown_names = sorted(set(named) - set(known))
    if not unknown_names:
        return ""
    missing = "not in this run" if kind == "portfolio" else "unknown"
    if len(unknown_names) > 1:
        return f"{where}: {kind}s {listed(unknown_names)} are {missing}"
    suggestion = nearest(unknown_names[0], known, _ALIKE)
    return f"{where}: {kind} {unknown_names[0]} is {missing}" + (f"; {suggestion}" if suggestion else "")


def _describe_spelling(where: str, named: pl.Series, assets: pl.Series) -> str:
    """Return which names look like one of the asset list and are another."""
    meant = find_meant(named.filter(~named.is_in(assets.implode())), assets)
    if not meant:
        return ""
    names = listed([f"{shown(name)} (did you mean {meant[name]}?)" for name in sorted(meant)])
    count = "1 asset is" if len(meant) == 1 else f"{len(meant)} assets are"
    return f"{where}: {count} not in the asset list as written: {names}"
