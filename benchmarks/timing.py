"""How both benchmarks take time."""

import gc
import time
from collections.abc import Callable


def best(repeats: int, work: Callable[[], object]) -> float:
    """Return the least seconds of the repeats."""
    times = []
    for _ in range(repeats):
        gc.collect()
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)
