"""docs/configuration.md is made from the models, and what it shows is true."""

import re
from pathlib import Path

import pytest

from docs.make_configuration import configuration_page
from sizing import RebalancingLimits
from tasks.config.field_descriptions import fields_of
from tasks.config.portfolios import load_portfolios, read_config
from tasks.config.settings import Settings
from tasks.errors import ConfigError

PAGE = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text()
_YAML = re.compile(r"```yaml\n(.*?)```", re.DOTALL)


def test_the_page_is_up_to_date() -> None:
    assert configuration_page() == PAGE, "run make reference"


def test_every_limit_and_setting_is_on_it() -> None:
    names = [*RebalancingLimits.model_fields, *(f"BALLAST_{name.upper()}" for name in Settings.model_fields)]
    assert [name for name in names if f"| `{name}` |" not in PAGE] == []


def test_every_limit_that_is_a_number_has_a_unit_and_no_other() -> None:
    limits = fields_of(RebalancingLimits)
    numbers = [limit.name for limit in limits if "number" in limit.allowed]
    assert [limit.name for limit in limits if limit.unit] == numbers


def test_its_table_of_portfolios_is_read(tmp_path: Path) -> None:
    _, example = _YAML.findall(PAGE)
    [rows] = re.findall(r"```csv\n(.*?)```", PAGE, re.DOTALL)
    config = tmp_path / "portfolios.yaml"
    config.write_text(example)
    (tmp_path / "portfolios.csv").write_text(rows)
    file = read_config(config)
    assert list(file.limits) == ["core", "fund_0001", "fund_0002"]
    assert file.terms["fund_0002"].approval is not None


def test_its_example_is_read_and_its_mistake_told_as_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    example, _ = _YAML.findall(PAGE)
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
