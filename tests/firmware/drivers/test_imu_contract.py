"""What every IMU driver promises of its samples, over I2C and SPI, on register-level chips."""

import random

import pytest

from solecore.wire import codes
from solekit_hil.electronics.bus import I2cBus

ADDRESS = 0x6A
KINDS = ("lsm6dsox", "lsm6ds3trc", "bmi270")


@pytest.mark.parametrize("which_rate", [0, 1])
@pytest.mark.parametrize("accel_only", [False, True])
def test_samples_come_in_order_without_loss_or_repeats(make, which_rate, accel_only):
    rate_hz = (100, 200)[which_rate] if make.kind == "bmi270" else (104, 208)[which_rate]
    rig = make(rate_hz=rate_hz, accel_only=accel_only)
    rig.run(10)
    numbers = rig.numbers
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    assert numbers[-1] == rig.chip.n_taken
    assert len(numbers) > 9.5 * rate_hz
    assert rig.imu.n_overruns == rig.imu.n_slips == rig.imu.n_errors == 0


def test_what_finds_no_room_waits_and_is_not_lost(make):
    rig = make()
    rig.run(1)
    rig.time.sleep_us(600_000)
    rig.run(4, every_ms=(30, 35), room=5)
    numbers = rig.numbers
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    assert rig.imu.n_overruns == 0
    assert numbers[-1] == rig.chip.n_taken


def test_the_age_tells_how_much_waits(make):
    rig = make()
    rig.run(8)
    period_us = 1e6 / rig.rate_hz
    rig.time.sleep_us(300_000)
    assert rig.read(room=3) == 3
    behind = rig.chip.n_taken - rig.numbers[-1]
    true_us = rig.time.now_us - rig.chip.newest_us + behind * period_us
    assert behind > 20
    assert abs(rig.imu.imu_age_us - true_us) < 0.2 * period_us


@pytest.mark.parametrize("rate_error", [-0.05, 0.0, 0.0123, 0.05])
def test_the_true_rate_is_measured(make, rate_error):
    rig = make(part={"rate_error": rate_error})
    true_us = 1e6 / rig.rate_hz / (1 + rate_error)
    for seconds, allowed in ((10, 5e-4), (50, 5e-5)):
        rig.run(seconds)
        assert abs(rig.imu.period_us16 / 16 / true_us - 1) < allowed
        assert rig.imu.imu_period_us == pytest.approx(true_us, abs=true_us * allowed + 1)


@pytest.mark.parametrize("rate_error", [-0.05, 0.05])
def test_the_age_of_the_newest_sample_is_known_to_a_fraction_of_a_period(make, rate_error):
    rig = make(part={"rate_error": rate_error})
    rig.run(15)
    period_us = 1e6 / rig.rate_hz / (1 + rate_error)
    worst = 0.0
    for k in range(200):
        rig.run(0.001, seed=k)
        worst = max(worst, abs(rig.time.now_us - rig.chip.newest_us - rig.imu.imu_age_us))
    assert worst < 0.2 * period_us


def test_an_overrun_is_counted_once_and_the_stream_goes_on_whole(make):
    rig = make()
    rig.run(1)
    before = rig.numbers[-1]
    rig.time.sleep_us(4_500_000)
    rig.run(2)
    assert rig.imu.n_overruns == 1
    numbers = rig.numbers
    after = numbers.index(next(n for n in numbers if n > before))
    assert numbers[after] > before + 100
    assert numbers[after:] == list(range(numbers[after], rig.chip.n_taken + 1))


def test_a_pause_is_no_overrun_and_brings_no_old_samples(make):
    rig = make()
    rig.run(1)
    rig.time.sleep_us(60_000_000)
    taken = rig.chip.n_taken
    n_before = len(rig.rows)
    rig.run(1)
    assert rig.imu.n_overruns == 0
    assert rig.numbers[n_before] > taken + 1000  # those of the pause were counted by the chip
    assert rig.numbers[n_before:] == list(range(rig.numbers[n_before], rig.chip.n_taken + 1))


def test_a_brown_out_is_found_and_cured_by_a_restart(make):
    rig = make()
    rig.run(1)
    rig.chip.brown_outs_us.append(rig.time.now_us + 100_000)
    with pytest.raises(OSError, match="restart"):
        rig.run(3)
    assert rig.imu.needs_restart
    rig.time.sleep_us(10_000)
    assert rig.imu.check() == codes.IMU_BROWN_OUT
    with pytest.raises(OSError, match="restart"):
        rig.read()
    rig.imu.restart()
    assert (rig.imu.needs_restart, rig.imu.n_restarts, rig.imu.check()) == (False, 1, 0)
    n_before = len(rig.rows)
    rig.run(1)
    rest = rig.numbers[n_before:]
    assert rest == list(range(rest[0], rig.chip.n_taken + 1))


def test_a_brown_out_of_a_chip_that_is_not_read_is_found_by_the_check(make):
    rig = make()
    rig.chip.brown_out()
    rig.time.sleep_us(10_000)
    if make.bus == "spi" and make.kind == "bmi270":
        rig.registers.read(0)  # after power-on the first reading chooses the bus
    assert rig.imu.check() == codes.IMU_BROWN_OUT


def test_a_chip_that_gives_no_samples_is_found(make, monkeypatch):
    rig = make()
    rig.run(0.5)
    monkeypatch.setattr(rig.chip, "_take", lambda t_us: None)
    with pytest.raises(OSError, match="restart"):
        rig.run(3)
    assert rig.imu.needs_restart
    rig.imu.needs_restart = False
    assert rig.imu.check() == codes.IMU_NO_DATA


@pytest.mark.parametrize("kind", KINDS)
def test_nacks_cost_readings_and_no_sample(rig_of, kind):
    rig = rig_of(kind, "i2c")
    rig.run(0.5)
    rng = random.Random(3)
    failed = 0
    for _ in range(300):
        rig.time.sleep_us(1000 * rng.uniform(10, 40))
        rig.line.n_nacks = rng.random() < 0.2
        try:
            rig.read()
        except OSError:
            failed += 1
    assert failed > 30
    rig.line.n_nacks = 0
    rig.run(0.2)
    numbers = rig.numbers
    assert numbers == list(range(numbers[0], rig.chip.n_taken + 1))
    assert rig.imu.n_errors == failed
    assert not rig.imu.needs_restart


class Halting(I2cBus):
    """A bus that lets ``n_good`` transfers pass before one fails."""

    n_good = -1

    def _at(self, address):
        if self.n_good == 0:
            self.n_nacks = 1
        self.n_good -= 1
        return super()._at(address)


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_read_before_a_nack_is_returned(rig_of, kind):
    rig = rig_of(kind, "i2c")
    rig.line.__class__ = Halting
    rig.run(1)
    rig.time.sleep_us(400_000)
    rig.line.n_good = 2  # the level and one burst
    assert 0 < rig.read(room=60) < 30
    rig.run(1)
    numbers = rig.numbers
    assert numbers == list(range(numbers[0], rig.chip.n_taken + 1))
    assert rig.imu.n_errors == 1


@pytest.mark.parametrize("kind", ["lsm6dsox", "lsm6ds3trc"])
def test_a_fifo_that_has_slipped_is_put_in_step_again(rig_of, kind):
    rig = rig_of(kind, "i2c")
    rig.run(1)
    rig.time.sleep_us(50_000)
    rig.chip.advance()
    register = 0x78 if kind == "lsm6dsox" else 0x3E
    for _ in range(7 if kind == "lsm6dsox" else 4):  # a transfer that nobody received
        _, register = rig.chip.read(register)
    n_before = rig.numbers[-1]
    rig.run(1)
    assert rig.imu.n_slips == 1
    rest = [n for n in rig.numbers if n > n_before]
    assert rest == list(range(n_before + 2, rig.chip.n_taken + 1))


def test_ticks_may_wrap(make):
    rig = make(start_us=(1 << 30) - 3e6)
    rig.run(6)
    assert rig.time.ticks_us() < 4_000_000
    assert rig.numbers == list(range(rig.numbers[0], rig.chip.n_taken + 1))
    assert abs(rig.imu.imu_period_us - 1e6 / rig.rate_hz) < 20


def test_a_restart_of_a_chip_that_is_gone_says_so_and_can_be_tried_again(make):
    rig = make()
    if make.bus == "i2c":
        rig.line.absent.add(ADDRESS)
    else:
        gone, rig.line.chip = rig.line.chip, None
    with pytest.raises(OSError, match="not found at"):
        rig.imu.restart()
    assert rig.imu.needs_restart
    if make.bus == "i2c":
        rig.line.absent.clear()
    else:
        rig.line.chip = gone
    rig.imu.restart()
    rig.run(0.5)
    assert len(rig.rows) > 30
