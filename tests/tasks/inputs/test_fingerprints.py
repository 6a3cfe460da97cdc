"""The code's fingerprint: every rule counts, wherever it stands; its wording does not."""

import ast
import gc
import shutil
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest

import sizing
from tasks.inputs.fingerprints import code_fingerprint, hash_rules


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    """Copy the rules that are installed."""
    return Path(shutil.copytree(str(files(sizing)), tmp_path / "rules"))


@pytest.fixture
def parses_in_between() -> Iterator[None]:
    """Have a garbage collection begin within nearly every syntax tree, and parse something meanwhile, as others may."""

    def parse(*_: object) -> None:
        ast.parse("a + (b * (c - d))")

    before = gc.get_threshold()
    gc.callbacks.append(parse)
    gc.set_threshold(50)
    yield
    gc.set_threshold(*before)
    gc.callbacks.remove(parse)


def _longest(rules: Path) -> Path:
    return max(rules.rglob("*.py"), key=lambda path: path.stat().st_size)


def test_a_copy_has_the_fingerprint_of_the_code(rules: Path) -> None:
    assert hash_rules(rules) == code_fingerprint()


@pytest.mark.parametrize("line", ['"""Other words."""', "# a reason", "", "x = 1  # a reason"])
def test_wording_does_not_count_and_code_does(rules: Path, line: str) -> None:
    module = _longest(rules)
    first, _, rest = module.read_text(encoding="utf-8").partition("\n")
    assert first.startswith('"""')
    module.write_text(f"{line}\n{first}\n{rest}", encoding="utf-8")
    assert (hash_rules(rules) == code_fingerprint()) == (not line.startswith("x"))


def test_a_longer_docstring_of_a_function_does_not_count(rules: Path) -> None:
    module = _longest(rules)
    text = module.read_text(encoding="utf-8")
    assert text.count('    """') > 1
    module.write_text(text.replace('    """', '    """Two lines:\n\n    ', 1), encoding="utf-8")
    assert hash_rules(rules) == code_fingerprint()


def test_a_rule_that_moves_into_a_folder_still_counts(rules: Path) -> None:
    module = _longest(rules)
    folder = rules / "moved" / "deeper"
    folder.mkdir(parents=True)
    moved = module.rename(folder / module.name)
    before = hash_rules(rules)
    moved.write_text(moved.read_text(encoding="utf-8") + "\nLIMIT = 1\n", encoding="utf-8")
    assert len({hash_rules(rules), before, code_fingerprint()}) == 3


@pytest.mark.usefixtures("parses_in_between")
def test_who_parses_beside_it_does_not_matter(rules: Path) -> None:
    """In a worker of Dask it failed with a SystemError of Python 3.11."""
    assert hash_rules(rules)
