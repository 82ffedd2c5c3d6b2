from __future__ import annotations

import dataclasses
import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from solekit_hil.radio.air import Air, Faults

STEADY = Faults(latency_ms=0.0, jitter_ms=0.0)


def message(i: int) -> bytes:
    return b"message %06d" % (i + 1) + b"\x00"


def carry(faults: Faults, n: int = 2000, *, seed: int = 1, every_us: int = 10_000) -> list:
    air = Air(faults, seed)
    for i in range(n):
        air.put(i * every_us, message(i))
    return air.take(1 << 60)


def numbers(arrived) -> list[int]:
    return [int(data[8:14]) - 1 for _, data in arrived]


def test_without_faults_everything_arrives_in_order_and_in_time():
    arrived = carry(Faults())
    assert numbers(arrived) == list(range(2000))
    delays_us = [t_us - 10_000 * i for i, (t_us, _) in enumerate(arrived)]
    assert min(delays_us) >= 2_000
    assert max(delays_us) <= 10_000
    assert max(delays_us) - min(delays_us) > 7_000


def test_nothing_arrives_before_its_time():
    air = Air(dataclasses.replace(STEADY, latency_ms=5.0), 1)
    air.put(0, message(0))
    assert air.take(4_999) == []
    assert air.take(5_000) == [(5_000, message(0))]
    assert air.take(1 << 40) == []


def test_a_link_keeps_its_order_although_delays_differ():
    arrived = carry(Faults(latency_ms=0, jitter_ms=100))
    assert numbers(arrived) == list(range(2000))
    times = [t_us for t_us, _ in arrived]
    assert times == sorted(times)


def test_a_share_is_lost():
    assert len(carry(Faults(loss=0.1))) == pytest.approx(1800, rel=0.03)
    assert carry(Faults(loss=1.0)) == []


def test_a_share_comes_twice():
    found = numbers(carry(Faults(duplicate=0.1)))
    assert len(found) == pytest.approx(2200, rel=0.03)
    assert set(found) == set(range(2000))


def test_a_share_comes_late_and_behind_others():
    found = numbers(carry(Faults(reorder=0.1)))
    assert sorted(found) == list(range(2000))
    late = sum(one > two for one, two in itertools.pairwise(found))
    assert late == pytest.approx(200, rel=0.3)


def test_a_share_has_one_flipped_bit():
    arrived = carry(Faults(corrupt=0.1))
    flipped = 0
    for i, (_, data) in enumerate(arrived):
        wrong = int.from_bytes(data) ^ int.from_bytes(message(i))
        assert wrong.bit_count() <= 1
        flipped += wrong.bit_count()
    assert flipped == pytest.approx(200, rel=0.3)


def test_nothing_passes_during_a_cut():
    found = numbers(carry(dataclasses.replace(STEADY, cut=(5.0, 6.0))))
    assert set(range(2000)) - set(found) == set(range(500, 600))
    found = numbers(carry(dataclasses.replace(STEADY, cut=(5.0, float("inf")))))
    assert found == list(range(500))


def test_messages_of_one_write_have_their_own_fates():
    air = Air(Faults(loss=0.5), 3)
    air.put(0, b"".join(message(i) for i in range(100)))
    found = numbers(air.take(1 << 40))
    assert 30 < len(found) < 70


@given(st.integers(0, 2**32), st.integers(0, 2**32))
@settings(max_examples=20)
def test_the_seed_decides_everything(one, two):
    faults = Faults(loss=0.2, duplicate=0.2, reorder=0.2, corrupt=0.2)
    assert carry(faults, 60, seed=one) == carry(faults, 60, seed=one)
    if one != two:
        assert carry(faults, 60, seed=one) != carry(faults, 60, seed=two)


@pytest.mark.parametrize(
    "wrong", [{"loss": 1.5}, {"duplicate": -1}, {"reorder": float("nan")}, {"latency_ms": -1}]
)
def test_faults_that_cannot_be_are_refused(wrong):
    with pytest.raises(ValueError, match=r"between 0 and 1|not negative"):
        Faults(**wrong)
