"""The files that an installation starts from, made from the models. The names and scores in them are invented."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from textwrap import wrap

from sizing import RebalancingLimits
from sizing.limits.presets import PRESETS
from tasks.config.env_file import ENV_FILE, variable
from tasks.config.field_descriptions import as_yaml, fields_of
from tasks.config.settings import Settings
from tasks.text import PAGE

CONFIG, INBOX = Path("portfolios.yaml"), Path("inbox")

_WIDTH = 100
_UNCOMMON = {
    *("enable_dynamic_sizing", "max_residual_multiple", "score_tiers", "incumbent_bias", "max_allocation_by_bucket"),
    *("model", "technical_score_weight", "fundamental_score_weight", "include_buckets", "include_assets"),
    *("allow_unclassified", "max_positions_by_bucket", "allow_bucket_overflow"),
}
"""Limits that a first file does without."""

_SET = {"config": CONFIG, "inbox": INBOX}
"""Settings whose default is not where this file lies."""
_SECRET = "postgresql://user:password@host:5432/database"  # noqa: S105 - what stands for one

_NAMES = (
    ("CEDAR", "Technology", 0.93),
    ("BIRCH", "Health Care", 0.88),
    ("OAK", "Financials", 0.86),
    ("MAPLE", "Industrials", 0.84),
    ("ASPEN", "Technology", 0.81),
    ("PINE", "Energy", 0.78),
    ("HAZEL", "Health Care", 0.76),
    ("LARCH", "Utilities", 0.73),
    ("ELM", "Financials", 0.71),
    ("WILLOW", "Industrials", 0.69),
    ("ROWAN", "Consumer Staples", 0.68),
    ("LIME", "Consumer Staples", 0.67),
    ("ALDER", "Energy", 0.66),
    ("BEECH", "Utilities", 0.55),
)

_CONFIG_HEAD = f"""\
# The portfolios that Ballast rebalances, and the limits of each. Made by `ballast init`; it is yours to change.
#
# Weights are fractions of the portfolio's value (0.15 = 15 %), scores lie between 0 and 1. To set a limit, take the #
# before it away: it stands there with the value that counts now. What a portfolio writes takes precedence
# over `defaults`. `ballast validate` says what is wrong here. All limits, terms and feeds: {PAGE}

defaults: # what all portfolios share
"""

_PORTFOLIOS = """\
portfolios:
  core: # an example; its name is its portfolio_id in the files and tables
    max_new_positions: {places} # it starts from cash and may buy all its names on the first day; lower it afterwards
    # approval: {{max_turnover: 0.25, first_day: true}} # on such days its targets wait for `ballast approve`

# Thousands of portfolios: name each set of limits once, and say in a table which portfolio has which. {page}
# limit_sets: {{growth: {{preset: aggressive}}, income: {{preset: conservative}}}}
# portfolios_file: portfolios.csv # columns portfolio_id, limit_set
"""

_README = """\
# The inbox: the files of each day

`assets.csv` has every asset with its bucket, and counts until it changes. `scores_YYYY-MM-DD.csv` has the scores of a
trading day, in [0, 1]. Weights held otherwise than as published come in `positions_YYYY-MM-DD.csv`.

The names and scores that `ballast init` wrote here are invented: put your own files in their place.
"""

_ENV_HEAD = f"""\
# Settings of this installation: `ballast` reads this file when it is started in this folder. What the environment says
# takes precedence. To set one, take the # before it away. {PAGE}
"""


def starter_files(preset: str, day: date) -> dict[Path, str]:
    """Return the text of each file by its path. *Requires* the name of a preset, and a trading day."""
    return {
        CONFIG: _config(preset),
        ENV_FILE: _settings(),
        INBOX / "README.md": _README,
        INBOX / "assets.csv": _csv("asset,bucket", (f"{asset},{bucket}" for asset, bucket, _ in _NAMES)),
        INBOX / f"scores_{day}.csv": _csv("date,asset,score", (f"{day},{asset},{score}" for asset, _, score in _NAMES)),
    }


def _csv(header: str, rows: Iterator[str]) -> str:
    return "\n".join([header, *rows, ""])


def _config(preset: str) -> str:
    limits = RebalancingLimits(**PRESETS[preset].limits)
    blocks = ["\n".join([*_presets(), f"  preset: {preset}"])]
    section = ""
    for limit in fields_of(RebalancingLimits):
        if limit.name in _UNCOMMON:
            continue
        heading = [f"  # -- {limit.section} --"] if limit.section != section else []
        section = limit.section
        bounds = f"  # Allowed: {limit.allowed}. Default: {limit.default}."
        value = as_yaml(limits.model_dump(mode="json")[limit.name])
        blocks.append("\n".join([*heading, *_comment(limit.description), bounds, f"  # {limit.name}: {value}"]))
    return "\n\n".join(
        [_CONFIG_HEAD + blocks[0], *blocks[1:], _PORTFOLIOS.format(places=limits.max_total_positions, page=PAGE)]
    )


def _presets() -> Iterator[str]:
    yield "  # A preset is a set of limits to start from:"
    for name, preset in PRESETS.items():
        yield from _comment(f"{name}: {preset.reason}")


def _comment(text: str) -> list[str]:
    return [f"  # {line}" for line in wrap(text, _WIDTH)]


def _settings() -> str:
    blocks = [_ENV_HEAD]
    for field in fields_of(Settings):
        value = _SET.get(field.name)
        line = f"{variable(field.name)}={value or ('' if field.default == 'null' else field.default)}"
        words = "\n".join(f"# {line}" for line in wrap(field.description, _WIDTH))
        blocks.append(f"{words}\n{'' if value or field.name == 'warehouse' else '# '}{line}\n")
    for name in ("lake_catalog", "postgres_url"):
        secret = Settings.model_fields[name].description
        blocks.append(f"# {secret} A secret.\n# {variable(name)}={_SECRET}\n")
    blocks.append("# Not ours, Prefect's: its history of runs stays in this folder.\nPREFECT_HOME=.prefect\n")
    return "\n".join(blocks)
