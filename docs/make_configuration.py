"""Make docs/configuration.md from the models: every limit, preset, term and setting, with what it may be."""

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from sizing import RebalancingLimits
from sizing.approval import ApprovalPolicy
from sizing.limits.presets import PRESETS
from sizing.limits.sizing import ScoreTier
from tasks.config.env_file import variable
from tasks.config.field_descriptions import Field, as_yaml, fields_of
from tasks.config.settings import Settings

HEAD = """\
# Configuration

Made by `make reference` from the models: do not edit. Limits live in `portfolios.yaml`, settings of the installation in
the environment. `ballast init` writes a first version of both, `ballast validate` checks them before a run.

## portfolios.yaml

```yaml
defaults: # what all portfolios share
  preset: balanced
  max_total_positions: 12
portfolios:
  core: # every key is a limit, a preset, or one of the terms below
  careful:
    preset: conservative
    max_single_position: 0.06
    approval: {max_turnover: 0.25, four_eyes: true}
```

A limit that is not set has its default. A portfolio's settings take precedence over those of `defaults`, and in each of
the two a limit takes precedence over the preset beside it. From the weakest to the strongest:

1. the default of the model
2. the preset of `defaults`
3. the limits of `defaults`
4. the preset of the portfolio
5. the limits of the portfolio

So `careful` holds up to 20 positions: its preset takes precedence over the 12 of `defaults`. `ballast validate`
reports that. A preset sets all limits of [the table below](#presets), so no limit of another preset remains. A limit
that is a list or a table is replaced as a whole. The resolved limits are stored with each run.

Every key is a name: of a portfolio, an asset, a bucket, a limit. A name has at least one and at most 256 characters,
each of which can be seen, no blanks around it, and is not `CASH`; letters are composed (NFC), in the file, in flags and
in every row of data. Only decimal numbers, `true`, `false`, `null` and dates are more than text: a name such as `00123`
or `ON` goes into quotes, and `010`, `0x1F`, `1_000` or `1:00` is no limit. The file has at most 8 MB.

A limit or a restriction may name an asset or a bucket that no file has: the run reports the unknown name with its
result, and stores it in `run_events.reason`. An unknown name in `include_buckets` stops the day, because it would close
what the portfolio holds.

All mistakes are reported at once, each with its place: an unknown name with the nearest known one, a wrong value with
what is allowed, a contradiction with both numbers, a repeated key with its first line.

```text
portfolios.yaml:8:5: portfolio careful: limit max_singel_position is unknown; did you mean max_single_position?
```

### Very many portfolios

Thousands of portfolios stand in a table beside the file: `portfolios_file` is its path, relative to the file, CSV or
Parquet. Each row names a portfolio and its set of limits; each set is written once under `limit_sets`, with the keys
of a portfolio: limits, a preset, and terms. `defaults` count for sets too.

```yaml
defaults:
  max_total_positions: 12
limit_sets:
  growth: {preset: aggressive}
  income: {preset: conservative, approval: {max_turnover: 0.25}}
portfolios_file: portfolios.csv
portfolios: # optional beside it; a portfolio stands in one of the two
  core:
```

```csv
portfolio_id,limit_set
fund_0001,growth
fund_0002,income
```

The table has exactly these two columns, as text, and each portfolio once; its names obey the rules of names above.
Unknown sets, empty or repeated names, and names that stand under `portfolios` too are reported, with their number, the
first rows and what to do. The table is read once a command, has at most 1 GB, and is no part of what makes two runs
the same: the limits of each portfolio are. `ballast validate` reports what it has to say of a set once, for the first
portfolio of the set.
"""

TERMS = """\
## Terms

Terms are no limits: they change no weight and do not count when two runs are compared. A portfolio's own terms take
precedence over those of `defaults`.

`exchange` is the exchange whose trading days count, by its ISO 10383 code; without it that of `BALLAST_EXCHANGE`.

`approval` sets when targets wait for manual approval: `always`, `never` (the default), or a mapping of

"""

CALENDARS = """\
## Calendar

Trading days are those of [exchange_calendars](https://github.com/gerrymanoim/exchange_calendars). The section
`calendar` lists the days on which an exchange is closed or open otherwise: a closure on short notice, or sessions past
the end of a calendar, as in `calendar: {XNYS: {closed: [2025-01-09], open: [2025-06-14]}}`. `ballast status` and
`ballast validate` warn 60 days before a calendar ends.

A listed session ends when the one before it does. Each run records these days, so a replay counts as the run did.

"""

FEEDS = """\
## Feeds

The section `feeds` names sources of data other than the inbox, and their formats: [Feeds](feeds.md).

"""

SETTINGS = """\
## Settings

The paths and options of an installation. Each is read from the environment, or else from the file `.env` of the working
folder, which may have lines of other programs. Flags of a command take precedence over both. The snapshot, the exports
and the backups are stored beside their warehouse unless a setting names another place, and never replace those of
[another warehouse](operations.md#two-warehouses).

"""


def configuration_page() -> str:
    """Return the page."""
    return "\n".join([HEAD, *_limits(), _presets(), TERMS + _table_of(ApprovalPolicy), CALENDARS + FEEDS + _settings()])


def _limits() -> Iterable[str]:
    limits = fields_of(RebalancingLimits)
    for section in dict.fromkeys(limit.section for limit in limits):
        rows = [
            (f"`{limit.name}`", limit.allowed, _default(limit), limit.unit, limit.description)
            for limit in limits
            if limit.section == section
        ]
        yield f"## {section}\n\n{_table(('limit', 'what it may be', 'default', 'unit', 'meaning'), rows)}"
        if any("score-tiers" in row[2] for row in rows):
            yield _tiers()


def _default(field: Field) -> str:
    return "[below](#score-tiers)" if field.name == "score_tiers" else f"`{field.default}`"


def _tiers() -> str:
    default = next(limit.default for limit in fields_of(RebalancingLimits) if limit.name == "score_tiers")
    rows = [(f"`{field.name}`", field.allowed, field.description) for field in fields_of(ScoreTier)]
    return f"### Score tiers\n\nA tier is a list of three values, or a mapping. Default: `{default}`.\n\n" + _table(
        ("key", "what it may be", "meaning"), rows
    )


def _presets() -> str:
    reasons = "\n".join(f"- `{name}`: {preset.reason}" for name, preset in PRESETS.items())
    rows = [
        (f"`{limit}`", *(as_yaml(preset.limits[limit]) for preset in PRESETS.values()))
        for limit in PRESETS["balanced"].limits
    ]
    return f"## Presets\n\n{reasons}\n\n{_table(('limit', *PRESETS), rows)}"


def _settings() -> str:
    rows = [
        (f"`{variable(field.name)}`", field.allowed, f"`{field.default}`" if field.default else "", field.description)
        for field in fields_of(Settings)
    ]
    rows += [
        (f"`{variable(name)}`", "a URL; a secret", "`null`", Settings.model_fields[name].description or "")
        for name in ("lake_catalog", "postgres_url")
    ]
    return SETTINGS + _table(("variable", "what it may be", "default", "meaning"), rows)


def _table_of(model: type[ApprovalPolicy]) -> str:
    rows = [(f"`{field.name}`", field.allowed, f"`{field.default}`", field.description) for field in fields_of(model)]
    return _table(("key", "what it may be", "default", "meaning"), rows)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)


if __name__ == "__main__":
    page = configuration_page()
    Path(__file__).with_name("configuration.md").write_text(page, encoding="utf-8")
    sys.stderr.write(f"docs/configuration.md: {len(page.splitlines())} lines\n")
