"""Block by block gives what the whole gives."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from solekit.trajectory.blocks import ImuBlock, strides_of_blocks
from tests.trajectory.walking import walk


@pytest.fixture(scope="module")
def block():
    walked = walk(60)
    return ImuBlock(walked.t_s, *walked.signals)


def cut(block, n):
    edges = np.linspace(0, len(block.t_s), n + 1).astype(int)
    return [
        ImuBlock(block.t_s[a:b], block.accel_m_s2[a:b], block.gyro_rad_s[a:b])
        for a, b in pairwise(edges)
    ]


@pytest.mark.parametrize("n", [2, 3])
def test_blocks_give_every_stride_once_and_as_the_whole_does(block, n):
    whole = pd.concat(strides_of_blocks([block]), ignore_index=True)
    parts = pd.concat(strides_of_blocks(cut(block, n)), ignore_index=True)
    assert len(parts) == len(whole) > 50
    np.testing.assert_allclose(parts["ic_s"], whole["ic_s"], atol=0.005)
    known = np.isfinite(whole["stride_length_m"]) & np.isfinite(parts["stride_length_m"])
    assert known.sum() >= len(whole) - 2
    np.testing.assert_allclose(
        parts["stride_length_m"][known], whole["stride_length_m"][known], atol=0.01
    )


def test_a_block_of_standing_keeps_the_axes_of_the_walk_before(block):
    still = ImuBlock(
        block.t_s[-1] + np.arange(1, 6001) / 200,
        np.repeat(block.accel_m_s2[-1:], 6000, axis=0),
        np.zeros((6000, 3)),
    )
    tables = list(strides_of_blocks([block, still]))
    assert sum(map(len, tables)) == len(pd.concat(strides_of_blocks([block])))


def test_nothing_gives_nothing():
    assert list(strides_of_blocks([])) == []
