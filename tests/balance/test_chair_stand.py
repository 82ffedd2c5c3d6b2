"""Stands with known times, and what is no chair stand."""

import numpy as np
import pytest

from solekit.balance import ChairStand
from solekit.errors import DataError
from tests.balance.chair import chair


@pytest.mark.parametrize("rate_hz", [14.0, 30.0, 100.0])
@pytest.mark.parametrize("noise", [0.0, 0.02])
def test_five_stands_are_found_and_timed(rate_hz, noise):
    t_s, load, truth = chair(rate_hz=rate_hz, noise=noise)
    found = ChairStand().segment(load, t_s=t_s)
    assert found.reason_ == ""
    assert len(found.stands_) == 5
    # A tenth of the way up is where a rise begins; the truth is where it leaves the seat level.
    np.testing.assert_allclose(found.stands_["onset_s"], truth[:, 0], atol=0.25)
    np.testing.assert_allclose(found.stands_["stand_s"], truth[:, 1], atol=0.25)
    np.testing.assert_allclose(found.stands_["sit_s"], truth[:, 3], atol=0.25)
    assert found.total_s_ == pytest.approx(truth[4, 1] - truth[0, 0], abs=0.4)
    assert found.total_to_sit_s_ == pytest.approx(truth[4, 3] - truth[0, 0], abs=0.4)


def test_counts_and_newtons_give_the_same():
    t_s, load, _ = chair()
    one, other = (ChairStand().segment(scale * load, t_s=t_s).total_s_ for scale in (1.0, 7.3))
    assert one == pytest.approx(other)


def test_slow_and_fast_people_are_told_apart():
    slow, fast = (
        ChairStand().segment(load, t_s=t_s).total_s_
        for t_s, load, _ in (chair(rise_s=2.0), chair(rise_s=0.6, hold_s=0.5))
    )
    assert slow > 2 * fast


def test_too_few_stands_are_counted_and_refused():
    t_s, load, _ = chair(n=3)
    found = ChairStand().segment(load, t_s=t_s)
    assert np.isnan(found.total_s_)
    assert "3 stands were found; the test asks for 5" in found.reason_
    assert len(found.stands_) == 3


@pytest.mark.parametrize(
    ("load", "text"),
    [
        (np.zeros(1000), "nobody stands"),
        (np.full(1000, 150.0), "nobody sits"),
        (np.full(1000, 700.0), "nobody sits"),
    ],
)
def test_who_only_sits_or_only_stands_has_no_time(load, text):
    found = ChairStand().segment(load, t_s=np.arange(1000) / 50)
    assert text in found.reason_
    assert np.isnan(found.total_s_)
    assert found.stands_.empty


def test_a_known_weight_tells_that_nobody_stood():
    found = ChairStand().segment(
        np.r_[np.full(500, 100.0), np.full(500, 200.0)], t_s=np.arange(1000) / 50, body_weight=700
    )
    assert "nobody stands" in found.reason_


def test_broken_input_is_refused():
    with pytest.raises(DataError, match="total of both feet"):
        ChairStand().segment(np.zeros((5, 2)), t_s=np.arange(5.0))
    with pytest.raises(DataError, match="body_weight"):
        ChairStand().segment(np.zeros(5), t_s=np.arange(5.0), body_weight=-1)
