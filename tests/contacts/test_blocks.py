"""Block by block gives the contacts of the whole."""

import numpy as np
import pandas as pd
import pytest

from solekit.contacts import PressureContacts
from solekit.contacts.blocks import contacts_of_blocks

T_S = np.arange(12000) / 100.0
LOAD = 800 * np.clip(np.sin(2 * np.pi * T_S / 1.13), 0, None) ** 0.7


@pytest.mark.parametrize("n", [1, 2, 5])
def test_every_event_stands_in_one_block(n):
    whole = PressureContacts().detect(LOAD, t_s=T_S).events_
    blocks = zip(np.array_split(T_S, n), np.array_split(LOAD, n), strict=True)
    parts = pd.concat(contacts_of_blocks(blocks), ignore_index=True)
    assert parts["kind"].tolist() == whole["kind"].tolist()
    np.testing.assert_allclose(parts["t_s"], whole["t_s"], atol=1e-3)


def test_no_block_gives_nothing():
    assert list(contacts_of_blocks([])) == []
    assert list(contacts_of_blocks([(np.zeros(0), np.zeros(0))])) == []
