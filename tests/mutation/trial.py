"""One mutant's trial: its source in a copy of the tracked files, and the tests in rounds until one fails.

A mutant that changes no bit of some thousand sized portfolios is not shown to the properties, which look at nothing
else, and one that changes float noise alone not to those that allow for it: that spares minutes, and can let a mutant
survive that they would kill, never the other way round.

A test that does not end is one that takes too much of the processor's time: a busy machine kills no mutant.

Most mutants die in the first round, whose time is spent on loading. So no Prefect (`tests/conftest.py` is cut off), no
plugin but two, no rewritten assertions; and bytecode is checked by content, so that no mutated file is
mistaken for the one before it.
"""

import os
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Outcome = Literal["killed", "timed out", "survived"]
Change = Literal["bits", "values"]
Digests = dict[Change, str]

_PYTEST = (
    *("-m", "pytest", "-q", "-x", "--no-header", "--tb=line", "--assert=plain", "--confcutdir=tests/golden"),
    *("-p", "no:cacheprovider", "-p", "pytest_timeout", "-p", "tests.mutation.as_drawn"),
)
_ENVIRONMENT = (
    ("BALLAST_ALL_EXAMPLES", "1"),
    # More than twice what `make test` draws: with fewer, a mutant of a rare relaxation survives that it would kill.
    ("BALLAST_FUZZ_PORTFOLIOS", "3000"),
    ("CI", "true"),  # hypothesis then draws the same examples every time
    ("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1"),
    ("PYTHONDONTWRITEBYTECODE", "1"),
    ("PYTHONHASHSEED", "0"),
)
_OUT_OF_TIME = (-signal.SIGXCPU, -signal.SIGKILL)
_SPARE_SECONDS, _SPARE_FACTOR = 20, 5
_WAITING_FACTOR = 60
"""How much longer a test may take than its share of the processor, before it counts as one that waits for ever."""

_PROPERTIES = "tests/properties/test_sizing"
_AGREEMENT = tuple(f"{_PROPERTIES}_{name}.py" for name in ("agrees_with_reference", "guarantees", "audit"))
_OTHER_PROPERTIES = (
    *(f"{_PROPERTIES}_{name}.py" for name in ("same_bytes", "faint_scores")),
    "tests/properties/test_projection_cvxpy.py",
)
# The tests of a day that look at weights; the others ask the sizer nothing that the properties do not.
_DIRECT = (
    *("tests/sizing/limits/test_model.py", "tests/sizing/limits/test_presets.py"),
    *("tests/sizing/checks/test_constraints.py", "tests/sizing/checks/test_feasibility.py"),
    *("tests/sizing/weights/test_batches.py", "tests/sizing/test_first_call.py", "tests/sizing/test_sizing_reason.py"),
)
_RELAXED_RISK = ("tests/sizing/risk/test_wider_target.py", "tests/sizing/risk/test_risk_in_company.py")
_TESTS_OF = {
    "fields": ("tests/sizing/limits/test_model.py", "tests/sizing/risk/test_risk_at_the_edge.py"),
    "limit_columns": ("tests/sizing/limits/test_model.py",),
    # What no weight shows: the other properties would pass before these are asked.
    "audit": ("tests/sizing/test_sizing_reason.py", f"{_PROPERTIES}_audit.py"),
    "relaxation": (*_RELAXED_RISK, f"{_PROPERTIES}_audit.py"),
    "relaxed_caps": ("tests/sizing/weights/test_relaxed_caps.py", *_RELAXED_RISK, f"{_PROPERTIES}_audit.py"),
}
_DIGESTS = ("-m", "tests.properties.digests", "0")
_DIGEST_SECONDS = 600


class BaselineError(Exception):
    """The tests fail without any mutant, or there are none."""


@dataclass(frozen=True)
class Round:
    """Tests that are run together, with so many Polars threads (none: as many as there are cores)."""

    tests: tuple[str, ...]
    threads: int | None = 1
    only_if: Change | None = None
    """What a mutant must change of the fixed portfolios to be shown to them."""


def rounds_for(file: str) -> tuple[Round, ...]:
    """Return the file's own tests and the worked examples, then the other direct tests, then the properties."""
    # The worked examples ask the reference too, which no mutant reaches.
    first = Round((*_own_tests(file), "tests/golden", "-k", "not reference"))
    return first, Round(_DIRECT), Round(_AGREEMENT, only_if="values"), Round(_OTHER_PROPERTIES, None, only_if="bits")


def _own_tests(file: str) -> tuple[str, ...]:
    if file == "sizing/limits/trading.py":
        return ("tests/sizing/limits/test_model.py", "tests/sizing/trading")
    if file.startswith("sizing/limits/") and Path(file).stem not in _TESTS_OF:
        return ("tests/sizing/limits/test_model.py",)
    beside = Path("tests", file).with_name(f"test_{Path(file).name}")
    return _TESTS_OF.get(Path(file).stem, (str(beside),) if beside.is_file() else ())


def copy_tracked(folder: Path) -> None:
    """Copy the tracked files as they are on the disk, and compile them: then only a mutated one is compiled again."""
    listed = subprocess.run(["git", "ls-files", "-z"], check=True, capture_output=True, text=True)  # noqa: S607 - any git
    for name in filter(None, listed.stdout.split("\0")):
        if Path(name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(name, folder / name)
    compile_all = ["-m", "compileall", "-q", "--invalidation-mode", "checked-hash", "sizing", "tests"]
    subprocess.run([sys.executable, *compile_all], cwd=folder, check=True)


def measure(folder: Path, one: Round) -> int:
    """Run the tests without any mutant, and give the processor's seconds after which a mutant's run is given up.

    *Raises* `BaselineError` where they fail, or where they do not ask the copy.
    """
    _check_copy(folder)
    before = _children_seconds()
    outcome = _run(folder, one, cpu_seconds=600)
    if outcome != "survived":
        msg = f"without any mutant, {' '.join(one.tests)}: {outcome}; fix the tests first"
        raise BaselineError(msg)
    return _SPARE_SECONDS + round(_SPARE_FACTOR * (_children_seconds() - before))


def _children_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _check_copy(folder: Path) -> None:
    asked = subprocess.run(
        [sys.executable, "-c", "import sizing; print(sizing.__file__)"],
        cwd=folder,
        env=_environment(folder, 1),
        check=True,
        capture_output=True,
        text=True,
    )
    if not Path(asked.stdout.strip()).is_relative_to(folder):
        msg = f"the tests would ask {asked.stdout.strip()}, not the mutated copy in {folder}"
        raise BaselineError(msg)


def digest(folder: Path) -> Digests:
    """Size some thousand fixed portfolios, and give the digest of every bit, and of all but noise; or of an error."""
    asked = subprocess.run(
        [sys.executable, *_DIGESTS],
        cwd=folder,
        env=_environment(folder, 1),
        check=False,
        capture_output=True,
        text=True,
        timeout=_DIGEST_SECONDS,
    )
    if asked.returncode:
        return {"bits": asked.stderr, "values": asked.stderr}
    _, *bits, positions, portfolios = asked.stdout.split()
    return {"bits": " ".join(bits), "values": f"{positions} {portfolios}"}


def try_mutant(
    folder: Path, file: str, source: str, timed: tuple[tuple[Round, int], ...], expected: Digests
) -> Outcome:
    """Run the rounds against the mutated source until one fails."""
    with _written(folder / file, source):
        changed: set[Change] | None = None
        for one, cpu_seconds in timed:
            if one.only_if:
                changed = _changed(folder, expected) if changed is None else changed
                if one.only_if not in changed:
                    continue
            outcome = _run(folder, one, cpu_seconds)
            if outcome != "survived":
                return outcome
    return "survived"


def _changed(folder: Path, expected: Digests) -> set[Change]:
    try:
        got = digest(folder)
    except subprocess.TimeoutExpired:
        return set(expected)
    return {name for name in expected if got[name] != expected[name]}


@contextmanager
def _written(place: Path, source: str) -> Iterator[None]:
    before = place.read_bytes()
    place.write_text(source, encoding="utf-8")
    try:
        yield
    finally:
        place.write_bytes(before)


def _run(folder: Path, one: Round, cpu_seconds: int) -> Outcome:
    process = subprocess.Popen(
        [sys.executable, *_PYTEST, *one.tests],
        cwd=folder,
        env=_environment(folder, one.threads),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # so that what it started can be ended with it
    )
    try:
        resource.prlimit(process.pid, resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds))
        code = process.wait(cpu_seconds * _WAITING_FACTOR)
    except subprocess.TimeoutExpired:
        return "timed out"
    else:
        if code in _OUT_OF_TIME:
            return "timed out"
        return "survived" if code == 0 else "killed"
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _environment(folder: Path, threads: int | None) -> dict[str, str]:
    limited = {} if threads is None else {"POLARS_MAX_THREADS": str(threads)}
    return os.environ | dict(_ENVIRONMENT) | limited | {"PYTHONPATH": str(folder)}
