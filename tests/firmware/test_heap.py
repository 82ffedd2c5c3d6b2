"""The firmware's share of a board's heap, by the benchmark's own means, for a shorter time."""

import pytest

from tools.bench import heap

pytestmark = [pytest.mark.mpy, pytest.mark.mpy32]


@pytest.fixture(scope="module", params=[False, True], ids=["App", "whole board"])
def rows(request):
    return request.param, heap.run(request.param, 1)


def test_the_grid_s_app_takes_less_than_80_kb(rows):
    is_whole, found = rows
    total = next(row for row in found if "total" in row)
    assert total["under_80_kB"] == (total["of_firmware"] < heap.TARGET)
    if not is_whole:
        assert total["under_80_kB"]


def test_the_level_stays_flat_while_somebody_walks(rows):
    _, found = rows
    levels = [row["bytes"] for row in found if "minute" in row]
    assert len(levels) == 6
    assert max(levels) - min(levels) < 256
    walked = next(row for row in found if "seq" in row)
    assert walked["seq"][0] == 1800
    assert walked["seq"][2] > 100  # events
    assert walked["sent"] > 200_000


def test_a_second_of_garbage_finds_room(rows):
    _, found = rows
    assert next(row for row in found if "least_free" in row)["least_free"] > 1000
