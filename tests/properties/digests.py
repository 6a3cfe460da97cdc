"""The bits of a sizing, as a digest: run alone, it prints the digest of a fixed frame under this thread count.

And a second digest, of the same without float noise: `make mutation` asks whether more than that has changed.
"""

import sys
from hashlib import sha256

import polars as pl
from polars import selectors as cs

from sizing import RebalancingLimits, SizedPortfolios, size_portfolios
from tests.properties.strategies import make_batch, make_huge
from tests.sizing.cases import frame_and_limits

BATCHES = 2
HUGE = 2
BEYOND_NOISE = 9  # decimals


def bits(frame: pl.DataFrame) -> str:
    """Digest names, types and every value; `repr` tells any two doubles apart, 0.0 and -0.0 too."""
    seen = sha256(repr(frame.schema).encode())
    for row in frame.iter_rows():
        seen.update(repr(row).encode())
    return seen.hexdigest()


def bits_of(result: SizedPortfolios) -> tuple[str, str]:
    return bits(result.positions), bits(result.portfolios)


def bits_beyond_noise(result: SizedPortfolios) -> tuple[str, str]:
    positions, portfolios = (
        frame.with_columns(cs.float().round(BEYOND_NOISE) + 0.0) for frame in (result.positions, result.portfolios)
    )
    return bits(positions), bits(portfolios)


def digests(result: SizedPortfolios) -> tuple[str, str, str, str]:
    return *bits_of(result), *bits_beyond_noise(result)


def fixed_frame() -> tuple[pl.DataFrame, dict[str, RebalancingLimits]]:
    batches = [portfolio for seed in range(BATCHES) for portfolio in make_batch(9_000 + seed)]
    return frame_and_limits([*batches, *(make_huge(9_100 + seed) for seed in range(HUGE))])


def main(shuffle_seed: int) -> None:
    frame, limits = fixed_frame()
    shuffled = frame.sample(fraction=1, shuffle=True, seed=shuffle_seed)
    sys.stdout.write(f"{pl.thread_pool_size()} {' '.join(digests(size_portfolios(shuffled, limits)))}\n")


if __name__ == "__main__":
    main(int(sys.argv[1]))
