"""The IMU drivers on register-level chips, over I2C and SPI."""

import io
import random
from array import array
from types import SimpleNamespace

import numpy as np
import pytest

from solefoot.drivers import imu as driver
from solefoot.drivers.bmi270 import Bmi270
from solefoot.drivers.bus import I2cRegisters, SpiRegisters
from solefoot.drivers.imu import FifoClock
from solefoot.drivers.lsm6ds import Lsm6ds3trc, Lsm6dsox
from solekit_hil.electronics.bus import I2cBus, SpiBus
from solekit_hil.electronics.clock import SimTime
from solekit_hil.electronics.imu import Bmi270Chip, Lsm6ds3trcChip, Lsm6dsoxChip

ADDRESS = 0x6A
KINDS = {
    "lsm6dsox": (Lsm6dsox, Lsm6dsoxChip, 104),
    "lsm6ds3trc": (Lsm6ds3trc, Lsm6ds3trcChip, 104),
    "bmi270": (Bmi270, Bmi270Chip, 100),
}
CONFIG = bytes(range(1, 256)) * 33


def numbered(t_s: float) -> np.ndarray:
    """Return a motion whose every sample can be told from its neighbours."""
    return np.array([np.sin(t_s), t_s % 7 - 3, 0.5, 9.81 * np.cos(3 * t_s), t_s % 5, -9.81])


def build(kind, bus, *, rate_hz=0, n_axes=6, axes=driver.AXES, config=CONFIG, **chip):
    """Return driver, chip, time and bus, wired up."""
    make_driver, make_chip, default_hz = KINDS[kind]
    time = SimTime()
    part = make_chip(chip.pop("sample", numbered), lambda: time.now_us, **chip)
    if bus == "i2c":
        line = I2cBus({ADDRESS: part})
        registers = I2cRegisters(line, ADDRESS)
    else:
        line = SpiBus(part)
        registers = SpiRegisters(line, line.select, part.spi_dummies)
    more = []
    if kind == "bmi270":
        more = [lambda: io.BytesIO(config[: part.config_bytes])]
    imu = make_driver(
        registers,
        rate_hz or default_hz,
        lambda ms: time.sleep_us(1000 * ms),
        *more,
        axes=axes,
        n_axes=n_axes,
    )
    return SimpleNamespace(imu=imu, chip=part, time=time, line=line, n_axes=n_axes)


@pytest.fixture(params=[(kind, bus) for kind in KINDS for bus in ("i2c", "spi")], ids="-".join)
def make(request):
    """Return ``build`` for one chip on one bus."""
    kind, bus = request.param

    def make(**options):
        return build(kind, bus, **options)

    make.kind, make.bus = kind, bus
    return make


def read_on(rig, duration_s, *, every_ms=(10.0, 40.0), seed=1, room=12):
    """Read for a while at uneven times; return samples and ages in microseconds."""
    rng = random.Random(seed)
    words = array("h", bytes(2 * rig.n_axes * room))
    got, ages = [], []
    end_us = rig.time.now_us + duration_s * 1e6
    while rig.time.now_us < end_us:
        rig.time.sleep_us(1000 * rng.uniform(*every_ms))
        n = rig.imu.read_into(words, rig.time.ticks_us())
        rows = np.array(words[: n * rig.n_axes]).reshape(n, rig.n_axes)
        got.append(rows)
        ages.append(rig.imu.imu_age_us)
    return np.concatenate(got), ages


def with_log(rig):
    """Keep every sample that the chip takes."""
    rig.log = []
    keep = rig.chip._keep

    def logged(words):
        rig.log.append(np.frombuffer(words, "<i2").copy())
        keep(words)

    rig.chip._keep = logged
    return rig


def test_samples_come_in_order_without_loss_or_repeats(make):
    rig = with_log(make())
    got, _ = read_on(rig, 5.0)
    taken = np.array(rig.log)
    assert got.shape[0] > 450
    assert got.shape[0] >= taken.shape[0] - 3
    # Those measured before the log began are in front.
    first = next(k for k in range(20) if np.array_equal(got[k], taken[0]))
    rest = got[first:]
    assert np.array_equal(rest, taken[: rest.shape[0]])
    assert rig.imu.n_overruns == 0


@pytest.mark.parametrize("rate_error", [-0.05, 0.0, 0.013, 0.05])
def test_the_true_rate_is_measured(make, rate_error):
    rig = make(rate_error=rate_error)
    for duration_s, bound in ((10.0, 2e-3), (50.0, 4e-4)):
        read_on(rig, duration_s)
        true_us = 1e6 / (rig.imu._rate_hz * (1 + rate_error))
        assert abs(rig.imu._clock.period_us16 / 16 / true_us - 1) < bound


@pytest.mark.parametrize("rate_error", [-0.04, 0.04])
def test_the_age_of_the_newest_sample_is_known_to_a_fraction_of_a_period(make, rate_error):
    rig = make(rate_error=rate_error)
    read_on(rig, 20.0)
    words = array("h", bytes(2 * 6 * 12))
    period_us = 1e6 / (rig.imu._rate_hz * (1 + rate_error))
    rng = random.Random(2)
    for _ in range(200):
        rig.time.sleep_us(rng.uniform(10_000, 40_000))
        rig.imu.read_into(words, rig.time.ticks_us())
        newest_us = rig.chip._next_us - period_us
        assert abs(rig.time.now_us - newest_us - rig.imu.imu_age_us) < 0.2 * period_us


def test_an_overrun_is_counted_and_the_stream_goes_on(make):
    rig = make()
    read_on(rig, 1.0)
    rig.time.sleep_us(6e6)
    got, _ = read_on(rig, 3.0)
    assert rig.imu.n_overruns >= 1
    assert got.shape[0] > 200
    before = rig.imu.n_overruns
    read_on(rig, 2.0)
    assert rig.imu.n_overruns == before


def test_after_an_overrun_axes_are_still_in_their_places(make):
    rig = make(sample=lambda t_s: np.array([1, 2, 3, 4, 5, 6.0]))
    read_on(rig, 0.5)
    rig.time.sleep_us(6e6)
    got, _ = read_on(rig, 2.0)
    assert (got == got[0]).all()
    assert len(set(got[0][:3])) == 3


def test_a_brown_out_is_found_and_cured_by_a_restart(make):
    rig = make()
    read_on(rig, 0.5)
    assert rig.imu.check() == driver.OK
    rig.chip.brown_out()
    if make.bus == "spi" and make.kind == "bmi270":
        rig.imu._r.wake()
    assert rig.imu.check() == driver.BROWN_OUT
    got, _ = read_on(rig, 0.5)
    assert got.shape[0] == 0
    rig.imu.restart()
    assert rig.imu.n_restarts == 1
    got, _ = read_on(rig, 1.0)
    assert got.shape[0] > 80
    assert rig.imu.check() == driver.OK


def test_a_fifo_that_stays_empty_is_found(make, monkeypatch):
    rig = make()
    monkeypatch.setattr(rig.chip, "_take", lambda t_us: None)
    rig.chip.fifo.clear()
    assert rig.imu.check() == driver.NO_DATA


@pytest.mark.parametrize("kind", KINDS)
def test_a_nack_costs_a_read_and_no_sample(kind):
    rig = with_log(build(kind, "i2c"))
    words = array("h", bytes(2 * 6 * 12))
    got = []
    n_nacks = 0
    for i in range(100):
        rig.time.sleep_us(20_000)
        if i % 9 == 4:
            rig.line.n_nacks = 1
        try:
            n = rig.imu.read_into(words, rig.time.ticks_us())
        except OSError:
            n_nacks += 1
            continue
        got += [tuple(words[6 * k : 6 * k + 6]) for k in range(n)]
    assert n_nacks == 11
    taken = [tuple(row) for row in rig.log]
    first = got.index(taken[0])
    assert got[first:] == taken[: len(got) - first]
    assert len(taken) - len(got) + first < 4


@pytest.mark.parametrize("kind", KINDS)
def test_a_chip_that_is_not_there_is_named(kind):
    make_driver, _, rate_hz = KINDS[kind]
    more = [lambda: io.BytesIO(CONFIG)] if kind == "bmi270" else []
    with pytest.raises(OSError, match=f"{make_driver.NAME}.*0x6a"):
        make_driver(I2cRegisters(I2cBus({}), ADDRESS), rate_hz, lambda ms: None, *more)
    line = SpiBus(None)
    registers = SpiRegisters(line, line.select)
    with pytest.raises(OSError, match=f"{make_driver.NAME} at SPI: chip id 0xff"):
        make_driver(registers, rate_hz, lambda ms: None, *more)


@pytest.mark.parametrize("kind", KINDS)
def test_another_chip_at_the_address_is_named_with_both_ids(kind):
    make_driver, _, rate_hz = KINDS[kind]
    other = Lsm6dsoxChip if kind != "lsm6dsox" else Lsm6ds3trcChip
    line = I2cBus({ADDRESS: other(numbered, lambda: 0.0)})
    more = [lambda: io.BytesIO(CONFIG)] if kind == "bmi270" else []
    with pytest.raises(OSError, match=r"chip id 0x.., expected 0x"):
        make_driver(I2cRegisters(line, ADDRESS), rate_hz, lambda ms: None, *more)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"rate_hz": 99}, "99 Hz is not one of"),
        ({"n_axes": 9}, "9 axes"),
        ({"axes": (0, 1, 1, 1, 1, 1)}, "not 0, 1, 2"),
        ({"axes": (0, 1, 2, 1, 0, 1)}, "three signs"),
    ],
)
def test_a_wrong_setting_is_refused(make, options, text):
    with pytest.raises(ValueError, match=text):
        make(**options)


def test_a_bmi270_without_its_configuration_says_where_it_goes():
    time = SimTime()
    chip = Bmi270Chip(numbered, lambda: time.now_us)
    registers = I2cRegisters(I2cBus({ADDRESS: chip}), ADDRESS)

    def absent():
        raise FileNotFoundError("bmi270.bin")

    with pytest.raises(OSError, match=r"put bmi270\.bin onto the board"):
        Bmi270(registers, 100, lambda ms: None, absent)
    with pytest.raises(OSError, match=r"is bmi270\.bin whole"):
        build("bmi270", "i2c", config=CONFIG[:8000])


def test_axes_are_turned_into_those_of_the_foot(make):
    rig = make(axes=(1, 0, 2, 1, -1, -1), sample=lambda t_s: np.array([1, 2, 3, 10, 20, 30.0]))
    got, _ = read_on(rig, 0.3)
    plain = make(sample=lambda t_s: np.array([1, 2, 3, 10, 20, 30.0]))
    straight, _ = read_on(plain, 0.3)
    x, y, z, a, b, c = straight[0]
    assert list(got[0]) == [y, -x, -z, b, -a, -c]


def test_the_scale_is_what_the_driver_says(make):
    rig = make(sample=lambda t_s: np.array([1.0, 0, 0, 9.81, 0, 0]))
    got, _ = read_on(rig, 0.3)
    assert int(got[0][0]) * rig.imu.gyro_lsb_urad_s * 1e-6 == pytest.approx(1.0, abs=2e-3)
    assert int(got[0][3]) * rig.imu.accel_lsb_um_s2 * 1e-6 == pytest.approx(9.81, abs=6e-3)


def test_what_is_beyond_the_range_is_clipped_not_wrapped(make):
    rig = make(sample=lambda t_s: np.array([99.0, -99, 0, 999, -999, 0]))
    got, _ = read_on(rig, 0.3)
    assert list(got[0]) == [32767, -32768, 0, 32767, -32768, 0]
    turned = make(
        axes=(0, 1, 2, -1, -1, -1), sample=lambda t_s: np.array([99.0, -99, 0, 999, -999, 0])
    )
    got, _ = read_on(turned, 0.3)
    assert list(got[0]) == [-32767, 32767, 0, -32767, 32767, 0]


def test_three_axes_are_the_acceleration(make):
    six, _ = read_on(make(), 1.0)
    three, _ = read_on(make(n_axes=3), 1.0)
    n = min(len(six), len(three))
    assert n > 80
    assert np.array_equal(six[:n, 3:], three[:n])


def test_what_finds_no_room_waits_in_the_fifo(make):
    rig = with_log(make())
    got, _ = read_on(rig, 2.0, every_ms=(30.0, 40.0), room=3)
    rest, _ = read_on(rig, 1.0, every_ms=(5.0, 5.0), room=12)
    assert rig.imu.n_overruns == 0
    assert len(got) + len(rest) >= len(rig.log) - 2


def test_temperature_is_in_tenths_of_a_degree(make):
    assert make(temperature_c=31.5).imu.temperature_c10() == pytest.approx(315, abs=1)
    assert make(temperature_c=-5.0).imu.temperature_c10() == pytest.approx(-50, abs=1)


def test_motion_wakes_and_waking_measures_again(make):
    rig = make()
    rig.imu.sleep_until_motion(600)
    assert not rig.chip.moves(300)
    assert rig.chip.moves(900)
    rig.time.sleep_us(1e6)
    rig.imu.wake()
    got, _ = read_on(rig, 1.0)
    assert got.shape[0] > 80
    with pytest.raises(ValueError, match="mg"):
        rig.imu.sleep_until_motion(0)


def test_the_clock_takes_a_long_silence_as_a_new_start():
    clock = FifoClock(10_000)
    for i in range(200):
        clock.take(2, i * 20_200)
    assert clock.period_us == 10_100
    clock.take(0, 200 * 20_200 + 5_000_000)
    assert clock.period_us == 10_000


def test_ticks_may_wrap():
    clock = FifoClock(10_000)
    start = (1 << 30) - 1_000_000
    for i in range(500):
        clock.take(2, (start + i * 19_900) & driver.TICKS_MASK)
    assert clock.period_us == 9_950
