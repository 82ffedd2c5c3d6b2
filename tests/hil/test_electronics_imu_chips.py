"""The models of the IMU chips against what the data sheets say, without the drivers.

Every register here is written out anew: neither the driver's nor the model's constants are used.
"""

import struct

import pytest

from solekit_hil.electronics import bmi270 as bosch
from solekit_hil.electronics.clock import SimTime
from solekit_hil.electronics.lsm6ds import Lsm6ds3trcChip, Lsm6dsoxChip

G = 9.80665
REST = (0.0, 0.0, 0.0, 0.0, 0.0, G)


class Bench:
    """A chip on the table."""

    def __init__(self, make, sample=lambda t_s: REST, **options):
        self.time = SimTime()
        self.chip = make(sample, lambda: self.time.now_us, **options)

    def write(self, register, *values):
        for value in values:
            register = self.chip.write(register, value)

    def read(self, register, n=1):
        out = bytearray()
        for _ in range(n):
            byte, register = self.chip.read(register)
            out.append(byte)
        return bytes(out)

    def word(self, register):
        return struct.unpack("<h", self.read(register, 2))[0]


def sox(**options):
    bench = Bench(Lsm6dsoxChip, **options)
    bench.write(0x10, 0x44)  # 104 Hz, 16 g
    bench.write(0x11, 0x4C)  # 104 Hz, 2000 deg/s
    bench.time.sleep_us(100_000)
    bench.write(0x09, 0x44)
    return bench


def trc(**options):
    bench = Bench(Lsm6ds3trcChip, **options)
    bench.write(0x10, 0x44)
    bench.write(0x11, 0x4C)
    bench.time.sleep_us(100_000)
    bench.write(0x08, 0x09)
    return bench


def bmi(**options):
    bench = Bench(bosch.Bmi270Chip, **options)
    bench.write(0x7C, 0)
    bench.write(0x59, 0)
    bench.write(0x5B, 0, 0)
    for byte in bosch.CONFIGURATION:
        bench.write(0x5E, byte)
    bench.write(0x59, 1)
    bench.time.sleep_us(30_000)
    bench.write(0x41, 3)
    bench.write(0x40, 0xA8)
    bench.write(0x42, 0xE8)
    bench.write(0x7D, 0x0E)
    bench.time.sleep_us(100_000)
    bench.write(0x48, 0)
    return bench


def test_the_chips_say_who_they_are_and_forget_all_upon_a_reset():
    for make, register, chip_id, reset, probe in (
        (Lsm6dsoxChip, 0x0F, 0x6C, (0x12, 0x01), 0x10),
        (Lsm6ds3trcChip, 0x0F, 0x6A, (0x12, 0x01), 0x10),
        (bosch.Bmi270Chip, 0x00, 0x24, (0x7E, 0xB6), 0x46),
    ):
        bench = Bench(make)
        assert bench.read(register)[0] == chip_id
        bench.write(register, 0x11)  # read only
        bench.write(probe, 0x44)
        assert (bench.read(register)[0], bench.read(probe)[0]) == (chip_id, 0x44)
        bench.write(*reset)
        bench.time.sleep_us(5_000)
        assert bench.read(probe)[0] == 0
        bench.write(probe, 0x44)
        bench.chip.brown_outs_us.append(bench.time.now_us + 1000)
        bench.time.sleep_us(10_000)
        assert bench.read(probe)[0] == 0


def test_an_address_counts_on_only_if_asked_to():
    bench = Bench(Lsm6dsoxChip)
    assert bench.read(0x0E, 2)[1] == 0x6C
    bench.write(0x12, 0)
    assert bench.read(0x0F, 2) == b"\x6c\x6c"


@pytest.mark.parametrize(("make", "zero_c", "step"), [(sox, 25, 256), (trc, 25, 256)])
def test_temperature_of_st(make, zero_c, step):
    assert make(temperature_c=30.0).word(0x20) == (30 - zero_c) * step


def test_temperature_of_bosch():
    bench = bmi(temperature_c=30.0)
    assert bench.word(0x22) == 7 * 512
    bench.write(0x7D, 0x06)
    assert bench.word(0x22) == -32768


def sample_at(t_s):
    return (1.0, -2.0, 3.0, 4.0, -5.0, 6.0)


def check_words(words, gyro_dps_lsb):
    gyro = [word * gyro_dps_lsb * 3.14159265 / 180 for word in words[:3]]
    accel = [word * 16 * G / 32768 for word in words[3:]]
    assert gyro == pytest.approx([1, -2, 3], abs=1e-3)
    assert accel == pytest.approx([4, -5, 6], abs=3e-3)


def test_the_lsm6dsox_gives_tagged_words_at_its_own_rate():
    bench = sox(sample=sample_at, rate_error=0.03)
    bench.write(0x0A, 6)
    bench.time.sleep_us(1_000_000)
    level = bench.word(0x3A) & 0x3FF
    assert level // 2 == pytest.approx(104 * 1.03, abs=1)
    data = bench.read(0x78, 7 * level)
    tags = data[::7]
    assert {tag >> 3 for tag in tags} == {1, 2}
    assert [tag >> 3 for tag in tags[:4]] == [1, 2, 1, 2]
    slots = [tag >> 1 & 3 for tag in tags[::2]]
    assert slots == [(slots[0] + i) % 4 for i in range(len(slots))]
    assert all(tag.bit_count() % 2 == 0 for tag in tags)
    check_words(struct.unpack("<3h", data[1:7]) + struct.unpack("<3h", data[8:14]), 0.07)
    assert bench.word(0x3A) == 0


def test_the_lsm6ds3trc_gives_words_in_turn_and_says_whose_turn_it_is():
    bench = trc(sample=sample_at)
    assert bench.read(0x3B)[0] & 0x10  # empty
    bench.write(0x0A, 4 << 3 | 6)
    bench.time.sleep_us(500_000)
    level = bench.word(0x3A) & 0x7FF
    assert level // 6 == pytest.approx(52, abs=1)
    check_words(struct.unpack("<6h", bench.read(0x3E, 12)), 0.07)
    assert bench.word(0x3C) == 0
    bench.read(0x3E, 4)
    assert bench.word(0x3C) == 2
    assert bench.word(0x3A) & 0x7FF == level - 8


def test_the_bmi270_gives_frames_of_twelve_bytes():
    bench = bmi(sample=sample_at, rate_error=-0.04)
    bench.write(0x49, 0xC0)
    bench.time.sleep_us(1_000_000)
    length = bench.word(0x24)
    assert length % 12 == 0
    assert length // 12 == pytest.approx(96, abs=1)
    check_words(struct.unpack("<6h", bench.read(0x26, 12)), 2000 / 32768)
    assert bench.word(0x24) == length - 12
    bench.write(0x7E, 0xB0)
    assert bench.word(0x24) == 0
    assert bench.read(0x26) == b"\x80"  # read beyond the end


def test_a_full_fifo_loses_the_oldest_and_says_so():
    bench = sox()
    bench.write(0x0A, 6)
    bench.time.sleep_us(3_000_000)
    assert bench.word(0x3A) & 0x3FF == 512
    assert bench.read(0x3B)[0] & 0x68 == 0x60  # full; the latch went with the reading before
    bench.write(0x0A, 0)
    assert bench.word(0x3A) == 0

    bench = trc()
    bench.write(0x0A, 4 << 3 | 6)
    bench.time.sleep_us(3_000_000)
    assert not bench.read(0x3B)[0] & 0x40
    bench.time.sleep_us(1_000_000)
    assert bench.read(0x3B)[0] & 0x40
    bench.write(0x0A, 0)
    assert bench.read(0x3B)[0] == 0x10

    bench = bmi()
    bench.write(0x49, 0xC0)
    bench.time.sleep_us(1_500_000)
    assert not bench.read(0x1D)[0] & 1
    bench.time.sleep_us(500_000)
    assert bench.read(0x1D)[0] & 1
    assert 1990 < bench.word(0x24) <= 2048
    assert not bench.read(0x1D)[0] & 1


def test_watermarks_are_flagged():
    bench = sox()
    bench.write(0x07, 100)
    bench.write(0x0A, 6)
    bench.time.sleep_us(300_000)
    assert not bench.read(0x3B)[0] & 0x80
    bench.time.sleep_us(300_000)
    assert bench.read(0x3B)[0] & 0x80
    bench = trc()
    bench.write(0x06, 200)
    bench.write(0x0A, 4 << 3 | 6)
    bench.time.sleep_us(200_000)
    assert not bench.read(0x3B)[0] & 0x80
    bench.time.sleep_us(300_000)
    assert bench.read(0x3B)[0] & 0x80
    bench = bmi()
    bench.write(0x46, 0x00, 0x02)  # 512 bytes
    bench.write(0x49, 0xC0)
    bench.time.sleep_us(300_000)
    assert not bench.read(0x1D)[0] & 2
    bench.time.sleep_us(300_000)
    assert bench.read(0x1D)[0] & 2


def test_the_bmi270_takes_its_own_configuration_only():
    for spoil, verdict in ((lambda c: c, 1), (lambda c: c[:-1] + b"\x00", 2)):
        bench = Bench(bosch.Bmi270Chip)
        bench.write(0x7C, 0)
        bench.write(0x59, 0)
        bench.write(0x5B, 0, 0)
        for byte in spoil(bosch.CONFIGURATION):
            bench.write(0x5E, byte)
        bench.write(0x59, 1)
        assert bench.read(0x21)[0] & 15 == 0
        bench.time.sleep_us(25_000)
        assert bench.read(0x21)[0] & 15 == verdict


def test_the_bmi270_listens_to_spi_after_one_selection_until_its_supply_fails():
    bench = Bench(bosch.Bmi270Chip)
    assert [bench.chip.choose_spi() for _ in range(3)] == [False, True, True]
    bench.chip.brown_out()
    assert not bench.chip.choose_spi()


def test_the_range_sets_scale_and_limits():
    bench = Bench(Lsm6dsoxChip, sample=lambda t_s: (50.0, -50.0, 1.0, 3 * G, -3 * G, G))
    for ctrl1, expected in ((0x40, (32767, -32768, 16384)), (0x48, (24576, -24576, 8192))):
        bench.write(0x10, ctrl1)
        bench.write(0x11, 0x4C)
        bench.time.sleep_us(100_000)
        assert struct.unpack("<3h", bench.read(0x28, 6)) == pytest.approx(expected, abs=1)
    assert struct.unpack("<3h", bench.read(0x22, 6))[:2] == (32767, -32768)


def test_noise_and_bias_are_those_asked_for():
    bench = sox(noise_counts=5.0, bias=(0.0, 0.0, 0.0, 0.5, 0.0, 0.0), seed=4)
    bench.write(0x0A, 6)
    bench.time.sleep_us(2_000_000)
    n = (bench.word(0x3A) & 0x3FF) // 2
    data = bench.read(0x78, 14 * n)
    x = [struct.unpack_from("<h", data, 14 * i + 8)[0] for i in range(n)]
    mean = sum(x) / n
    sd = (sum((v - mean) ** 2 for v in x) / n) ** 0.5
    assert mean * 16 * G / 32768 == pytest.approx(0.5, abs=0.01)
    assert sd == pytest.approx(5.0, rel=0.25)
