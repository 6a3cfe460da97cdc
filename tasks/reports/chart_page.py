"""The page with a run's pictures: drawn without network, and part of the page itself, so that it shows offline."""

import base64
import re
from collections.abc import Sequence
from typing import NamedTuple

import polars as pl
import vl_convert

from sql.snapshot_reader import Reader
from tasks.reports.charts import (
    Picture,
    buckets_against_limits,
    cash_and_turnover,
    stages_of_the_largest,
    weights_before_and_after,
)

MOST_DAYS = 60
"""Days of the picture over time, the run's own included: about a quarter."""


class PictureRows(NamedTuple):
    """What the pictures of a run are drawn from: the rows of the queries of these names, `picture_` before them."""

    weights: pl.DataFrame
    buckets: pl.DataFrame
    history: pl.DataFrame


def read_picture_rows(reader: Reader, run_id: str, portfolio_ids: Sequence[str]) -> PictureRows:
    """Read what the pictures of portfolios of any stored run show, published or not."""
    asked = {"run_id": run_id, "portfolio_ids": list(portfolio_ids)}
    return PictureRows(
        weights=reader.query("picture_weights", **asked),
        buckets=reader.query("picture_buckets", **asked),
        history=reader.query("picture_history", **asked, most_days=MOST_DAYS),
    )


def pictures_page(title: str, rows: PictureRows, *notes: str) -> str:
    """Write the four pictures as Markdown, the notes before them. *Requires* rows of ten portfolios at most."""
    pictures = [
        as_image(weights_before_and_after(rows.weights), "Weights before and after"),
        as_image(stages_of_the_largest(rows.weights), "From raw weight to target"),
        as_image(buckets_against_limits(rows.buckets), "Buckets against their limits"),
        as_image(cash_and_turnover(rows.history), "Cash and turnover over time"),
    ]
    return "\n\n".join([f"# {title}", *notes, *pictures])


def as_image(picture: Picture, words: str) -> str:
    """Draw a picture as SVG inside of a Markdown image.

    Prefect shows it so without network; an image artifact has the whole address as text below the picture.
    """
    svg: str = vl_convert.vegalite_to_svg(picture.to_dict(validate=False))
    return f"![{words}](data:image/svg+xml;base64,{base64.b64encode(_shortened(svg).encode()).decode()})"


def _shortened(svg: str) -> str:
    """Cut the coordinates to hundredths of a pixel: a third of the size."""
    return re.sub(r'="[^"]*"', lambda attribute: re.sub(r"(\.\d\d)\d+", r"\1", attribute[0]), svg)
