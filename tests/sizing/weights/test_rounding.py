"""Leftover units go by remainder and rank, and float noise is no remainder."""

from decimal import Decimal

import polars as pl

from sizing.weights.rounding import add_target_weight


def test_a_remainder_that_is_larger_by_float_noise_does_not_beat_the_rank() -> None:
    noise = 1e-16
    working = pl.DataFrame(
        {
            "portfolio_key": [0, 0],
            "bucket_key": [0, 1],
            "score_rank": [1, 2],
            "is_sized": [True, True],
            "is_pinned": [False, False],
            "is_immovable": [False, False],
            "is_rounded_down": [False, False],
            "stage2_weight": [0.100000005 - noise, 0.100000005 + noise],
            "residual_weight": [0.0, 0.0],
            "max_single_position": [1.0, 1.0],
            "cap": [1.0, 1.0],
            "risk_scale": [None, None],
            "drop_reason": [None, None],
            "bucket_limit": [1.0, 1.0],
        },
        schema_overrides=dict.fromkeys(("portfolio_key", "bucket_key", "score_rank"), pl.UInt32)
        | {"risk_scale": pl.Float64, "drop_reason": pl.String},
    )
    assert add_target_weight(working)["target_weight"].to_list() == [Decimal("0.10000001"), Decimal("0.10000000")]
