import asyncio

import pytest

from tools.bench import ble


@pytest.mark.parametrize("stack", ble.STACKS)
def test_a_radio_that_breaks_loses_nothing_silently(stack):
    rows = asyncio.run(ble.run(stack, 50, ((5.0, 6.0), (16.0, 5.0)), 26.0))
    assert {row["side"] for row in rows} == {"left", "right"}
    for row in rows:
        assert row["n_reconnects"] == 2
        assert row["sampled"] > 1250
        assert row["back_filled"] > 300
        assert row["equation_holds"], row
        assert row["file_agrees"], row
        assert row["silently_lost"] == 0, row
        assert row["missing"] == row["missing_of_other_streams"] == 0, row
        # An outbox and the pieces' prefixes: no more may be under way without credit.
        assert 0 < row["max_queue_bytes"] < 20_000
        assert (row["n_without_buffer"] > 0) == (stack == "nimble")
