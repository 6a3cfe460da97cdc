"""Section 3 of docs/sizing.md in plain loops: cap, normalise the remainder, place the residual."""

from math import fsum

from sizing.limits.model import RebalancingLimits
from tests.sizing.reference.portfolio import TIE, WITHOUT_LIMIT, Line, Portfolio, cap_name, cap_of, largest


def cap(portfolio: Portfolio) -> None:
    """Stage 1: w1 = min(max(theta r, m), c)."""
    m, limits = portfolio.limits.min_position_size, portfolio.limits
    for limit, lines in portfolio.by_bucket():
        r = [(line.raw_weight, cap_of(limits, line)) for line in lines]
        theta = largest(lambda x, r=r: fsum(min(max(x * each, m), c) for each, c in r), limit, 0.0, 1.0)
        for line, (_, c) in zip(lines, r, strict=True):
            line.stage1_weight = min(max(theta * line.raw_weight, m), c)
            if line.stage1_weight >= c - TIE and line.raw_weight > c + TIE:
                line.stage1_cap = cap_name(limits, line, "position")
            elif theta < 1:
                line.stage1_cap = "bucket"


def normalise(portfolio: Portfolio) -> None:
    """Stage 2: w2 = min(f_b w1, c) for those that stage 1 did not cap."""
    lines = portfolio.placed()
    others = fsum(line.stage1_weight for line in lines if line.stage1_cap is None)
    left = portfolio.total - fsum(line.stage1_weight for line in lines if line.stage1_cap)
    factor = max(1.0, left / others) if others > 0 else 1.0
    for limit, members in portfolio.by_bucket():
        _raise_bucket(portfolio.limits, limit, members, factor)


def _raise_bucket(limits: RebalancingLimits, limit: float, members: list[Line], factor: float) -> None:
    def raised(line: Line, f_b: float) -> float:
        return line.stage1_weight if line.stage1_cap else min(f_b * line.stage1_weight, cap_of(limits, line))

    f_b = largest(lambda x: fsum(raised(line, x) for line in members), limit, 1.0, factor)
    for line in members:
        line.stage2_weight = raised(line, f_b)
        if line.stage1_cap is None:
            line.stage2_caps = _stage2_marks(limits, line, f_b, factor)


def _stage2_marks(limits: RebalancingLimits, line: Line, f_b: float, factor: float) -> set[str | None]:
    c, position, grown = cap_of(limits, line), cap_name(limits, line, "position"), f_b * line.stage1_weight
    if grown > c + TIE:
        return {position}
    if f_b == factor:
        return {None}
    return {"bucket", position} if grown >= c - TIE else {"bucket"}


def place_residual(portfolio: Portfolio) -> None:
    residual = max(0.0, portfolio.total - fsum(line.stage2_weight for line in portfolio.placed()))
    if portfolio.limits.residual_strategy == "safe_top_slice":
        _slice_from_the_top(portfolio, residual)
    elif portfolio.limits.residual_strategy == "proportional":
        _spread(portfolio, residual)


def own_rooms(limits: RebalancingLimits, line: Line) -> dict[str | None, float]:
    rooms: dict[str | None, float] = {
        cap_name(limits, line, "position_cap"): cap_of(limits, line) - line.stage2_weight,
        "max_residual_per_asset": limits.max_residual_per_asset,
    }
    if limits.max_residual_multiple is not None:
        rooms["max_residual_multiple"] = limits.max_residual_multiple * line.stage2_weight
    return rooms


def room_of(limits: RebalancingLimits, line: Line) -> float:
    return max(0.0, min(own_rooms(limits, line).values()))


def _marks(rooms: dict[str | None, float], taken: float) -> set[str | None]:
    return {name for name, room in rooms.items() if room <= taken + TIE}


def _slice_from_the_top(portfolio: Portfolio, residual: float) -> None:
    limits, left, bucket_of = portfolio.limits, residual, {}
    for number, (limit, lines) in enumerate(portfolio.by_bucket()):
        bucket_of.update({line.asset: (number, limit - fsum(x.stage2_weight for x in lines)) for line in lines})
    taken = dict.fromkeys((number for number, _ in bucket_of.values()), 0.0)
    for line in portfolio.placed():
        number, room = bucket_of[line.asset]
        rooms = {**own_rooms(limits, line), "bucket_cap": room - taken[number]}
        line.residual_weight = min(max(0.0, min(rooms.values())), left)
        left -= line.residual_weight
        taken[number] += line.residual_weight
        line.residual_limits = _marks(rooms, line.residual_weight) | ({None} if left <= TIE else set())


def _spread(portfolio: Portfolio, residual: float) -> None:
    """Return x = min(mu w2, u), a bucket at its room having its own smaller mu."""
    buckets = [
        (max(0.0, limit - fsum(line.stage2_weight for line in lines)), lines) for limit, lines in portfolio.by_bucket()
    ]
    pairs = [[(x.stage2_weight, room_of(portfolio.limits, x)) for x in lines] for _, lines in buckets]

    def given(members: list[tuple[float, float]], mu: float) -> float:
        return fsum(min(mu * w2, u) for w2, u in members)

    def given_to_all(mu: float) -> float:
        return fsum(min(given(members, mu), room) for (room, _), members in zip(buckets, pairs, strict=True))

    mu = 1.0
    while mu < WITHOUT_LIMIT and given_to_all(mu) <= residual:
        mu *= 2
    mu = largest(given_to_all, residual, 0.0, mu)
    for (room, lines), members in zip(buckets, pairs, strict=True):
        mu_b = largest(lambda x, members=members: given(members, x), room, 0.0, mu)
        is_full = given(members, mu_b) >= room - TIE
        for line in lines:
            _give(line, portfolio.limits, mu_b)
            is_cut_by_bucket = is_full and (mu_b == mu or line.residual_weight >= mu_b * line.stage2_weight - TIE)
            is_spent = mu < WITHOUT_LIMIT and line.residual_weight >= mu * line.stage2_weight - TIE
            line.residual_limits |= {"bucket_cap"} if is_cut_by_bucket else set()
            line.residual_limits |= {None} if is_spent or residual <= TIE else set()


def _give(line: Line, limits: RebalancingLimits, mu_b: float) -> None:
    line.residual_weight = min(mu_b * line.stage2_weight, room_of(limits, line))
    line.residual_limits = _marks(own_rooms(limits, line), line.residual_weight)
