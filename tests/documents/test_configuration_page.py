"""docs/configuration.md is made from the models, and what it shows is true."""

import re
from pathlib import Path

import pytest

from docs.make_configuration import configuration_page
from sizing import RebalancingLimits
from tasks.config.field_descriptions import fields_of
from tasks.config.portfolios import load_portfolios
from tasks.config.settings import Settings
from tasks.errors import ConfigError

PAGE = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text()


def test_the_page_is_up_to_date() -> None:
    assert configuration_page() == PAGE, "run make reference"


def test_every_limit_and_setting_is_on_it() -> None:
    names = [*RebalancingLimits.model_fields, *(f"BALLAST_{name.upper()}" for name in Settings.model_fields)]
    assert [name for name in names if f"| `{name}` |" not in PAGE] == []


def test_every_limit_that_is_a_number_has_a_unit_and_no_other() -> None:
    limits = fields_of(RebalancingLimits)
    numbers = [limit.name for limit in limits if "number" in limit.allowed]
    assert [limit.name for limit in limits if limit.unit] == numbers


def test_its_example_is_read_and_its_mistake_told_as_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    [example] = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    [mistake] = re.findall(r"```text\n(.*)\n```", PAGE)
    config = Path("portfolios.yaml")
    config.write_text(example)
    limits = load_portfolios(config)
    assert [one.max_total_positions for one in limits.values()] == [12, 20]
    assert limits["careful"].max_single_position == 0.06
    config.write_text(example.replace("max_single_position", "max_singel_position"))
    with pytest.raises(ConfigError) as caught:
        load_portfolios(config)
    assert str(caught.value) == mistake
