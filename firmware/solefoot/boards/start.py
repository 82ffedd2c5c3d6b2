"""From power-on to sampling: everything that one insole is made of, put together."""

import binascii
import gc
import json
import sys
from array import array

import machine

from solecore import kernels as _kernels
from solecore.gait import ticks as _ticks
from solecore.layouts import geometry
from solecore.version import __version__
from solecore.wire import codes
from solecore.wire import messages as m
from solefoot.app.app import App
from solefoot.app.commands import RefusedError
from solefoot.app.power import Power
from solefoot.app.profiles import profile
from solefoot.app.service import Service, boot_test
from solefoot.app.settings import Settings, kept_side
from solefoot.app.slots import Slots
from solefoot.app.store import Store
from solefoot.boards.common import Cable, Clock, Parts, keep_fed, sleep_us, ticks_diff, ticks_us
from solefoot.links.several import Links
from solefoot.links.stream import StreamLink

CONFIG = "/config.json"
KEY = "/key.pub"
DOG_MS: int = 8000  # the RP2's longest
SETTLED_US: int = 10000000  # of sampling without an error: this application works
LONG_PRESS_US: int = 2000000
PAIRING_US: int = 120000000
MOTION_MG: int = 300


def read_config() -> dict:
    """Return what tools/flash wrote; ValueError says what is wrong."""
    try:
        with open(CONFIG) as file:
            config = json.load(file)
    except (OSError, ValueError):
        raise ValueError("%s is not there or broken; flash the insole again" % CONFIG)
    for name in ("board", "side", "layout"):
        if name not in config:
            raise ValueError("%s has no %s; flash the insole again" % (CONFIG, name))
    return config


def next_boot(store) -> int:
    """Return the id of this start, 1 to 65535: a counter in flash."""
    last = (store.get("boot") or {}).get("id", 0)
    boot = last % 65535 + 1
    store.put("boot", {"id": boot})
    return boot


def open_imu(i2c, accel_only):
    """Return the first IMU that answers, or None."""
    from solefoot.drivers.bus import I2cRegisters
    from solefoot.drivers.lsm6ds import Lsm6ds3trc, Lsm6dsox

    for address in (0x6A, 0x6B):
        for driver in (Lsm6dsox, Lsm6ds3trc):
            try:
                return driver(
                    I2cRegisters(i2c, address), sleep_us, 52 if accel_only else 104, accel_only
                )
            except OSError:
                pass
    try:
        configuration = open("/bmi270.bin", "rb")
    except OSError:
        return None
    from solefoot.drivers.bmi270 import Bmi270

    for address in (0x68, 0x69):
        try:
            return Bmi270(
                I2cRegisters(i2c, address),
                sleep_us,
                configuration,
                50 if accel_only else 100,
                accel_only,
            )
        except OSError:
            pass
    return None


def open_gauge(board, i2c):
    """Return the fuel gauge or the board's own divider, or None."""
    from solefoot.drivers.battery import Max17048

    try:
        return Max17048(i2c)
    except OSError:
        return board.open_adc_battery()


class Keeper:
    """What the start has to see through: the slot settles, the button pairs, the radio knows."""

    handlers = {}

    def __init__(self, slots, slot, button, radio) -> None:
        self._slots = slots
        self._slot = slot
        self._button = button
        self._radio = radio
        self._began = self._pressed = -1
        self._n_strides = 0

    def turn(self, app) -> None:
        """Do what is due."""
        now = app.clock.ticks_us()
        if self._slot:
            if self._began < 0:
                self._began = now
            elif _ticks.diff(now, self._began) > SETTLED_US:
                self._slots.settle(self._slot)
                self._slot = ""
        radio = self._radio
        if radio is None:
            return
        if self._button.value():
            self._pressed = -1
        elif self._pressed < 0:
            self._pressed = now
        elif _ticks.diff(now, self._pressed) > LONG_PRESS_US and not radio.is_pairing:
            radio.open_pairing(PAIRING_US)
        n_strides = app.sampler.seq[m.STRIDES]
        if n_strides != self._n_strides:
            self._n_strides = n_strides
            if app.sampler.stride_us:
                radio.fitness(120000000 // app.sampler.stride_us)
            radio.battery(app.board.battery()[1])


class SafeMode:
    """Cable and update only: the application has restarted too often to be trusted."""

    def __init__(self) -> None:
        self.handlers = {m.START.msg_id: self._refuse}

    def turn(self, app) -> None:
        """Nothing is due."""

    def _refuse(self, fields):  # noqa: ARG002 - as every handler is called
        raise RefusedError(
            m.UNSUPPORTED, "safe mode after too many restarts: update or flash the insole"
        )


class NoCells:
    """What stands for the readout in safe mode."""

    def scan_into(self, raw) -> None:
        """Read nothing."""


def build(board, config, slots, slot):
    """Return the App and its power requests, for ``board`` (a module of this folder)."""
    layout = config["layout"]
    if layout not in board.LAYOUTS:
        raise ValueError("%s reads %s, not %s" % (board.NAME, ", ".join(board.LAYOUTS), layout))
    store = Store("/data")
    flashed = int(config["side"] == "right")
    side = kept_side(store, flashed)
    shape, kind = geometry(layout, side == 1), profile(layout)
    serial = config.get("serial") or binascii.hexlify(machine.unique_id()[-4:]).decode().upper()
    s = Settings(shape, kind, side, serial, next_boot(store), firmware=__version__, store=store)
    s.flashed_side = flashed
    s.recall()
    s.n_resets = slots.n_dogs
    kernels = _kernels.best()
    clock = Clock()
    is_safe = slots.is_safe
    log = imu = gauge = None
    readout = NoCells()
    i2c = board.open_i2c()
    if is_safe:
        s.failed |= codes.SAFE_MODE
        s.imu_axes = s.imu_per_frame = 0
    else:
        readout = board.open_readout(layout)
        raw = array("H", bytes(2 * shape.n_cells))
        s.min_period_us = readout.measure(ticks_us, ticks_diff, raw) * 5 // 4
        s.readout = readout.describe()
        imu = open_imu(i2c, s.imu_axes == 3)
        if imu is None:
            s.failed |= codes.FAILED_IMU
            s.imu_axes = s.imu_per_frame = 0
        else:
            s.accel_lsb_um_s2, s.gyro_lsb_urad_s = imu.accel_lsb_um_s2, imu.gyro_lsb_urad_s
            s.imu_period_us = imu.imu_period_us
            s.imu_per_frame = max(1, (s.period_us + imu.imu_period_us // 2) // imu.imu_period_us)
        from solefoot.app.log import FlashLog
        from solefoot.app.logstore import FileStore

        try:
            log = FlashLog(FileStore("/log", board.LOG_BYTES), s.boot, kernels[0])
        except OSError:  # a full or worn flash stops the log, not the walk
            s.failed |= codes.FAILED_LOG
    gauge = open_gauge(board, i2c)
    if gauge is not None:
        s.features |= codes.FEATURE_BATTERY
    links: list = [StreamLink(Cable(), kernels[0])]
    radio = None
    if board.HAS_RADIO and not is_safe:
        radio = open_radio(clock, store, s, layout, kernels[1])
        links.append(radio)
        s.features |= codes.FEATURE_BLE
    power = Power(radio.open_pairing if radio else None)
    extras: list = [power]
    if is_safe:
        extras.append(SafeMode())
    else:
        extras.append(Service())
        extras.append(Keeper(slots, slot, board.open_button(), radio))
    try:
        with open(KEY, "rb") as file:
            key = file.read()
    except OSError:
        key = b""
    if slot:
        from solefoot.app.update import Update

        extras.append(Update(slots, slot, key, board.ARCH, board.NAME))
    parts = Parts(readout, imu, gauge, board.open_watchdog(DOG_MS))
    if not is_safe:
        boot_test(parts, s)
    app = App(parts, Links(links), clock, s, kernels, tuple(extras), log)
    return app, power


def open_radio(clock, store, s, layout, kernels_name):
    """Return the link over Bluetooth."""
    import bluetooth  # type: ignore - not every port has it, and then HAS_RADIO is False

    from solefoot.links.ble import BleLink

    about = "\0".join((s.serial, layout, s.firmware, kernels_name))
    return BleLink(
        bluetooth, clock, store, m.PROTOCOL_VERSION, s.side, s.features, about, bool(s.fitness)
    )


def main() -> None:
    """Run the insole until it is restarted, sent to sleep or given back to the console."""
    config = read_config()
    name = config["board"]
    board = getattr(__import__("solefoot.boards." + name).boards, name)
    if board.FREQ_HZ:
        machine.freq(board.FREQ_HZ)
    slots = Slots()
    slot = sys.path[0][1] if sys.path[0] in ("/a/app", "/b/app") else ""  # as boot.py put it
    app, power = build(board, config, slots, slot)
    gc.collect()
    gc.threshold(-1)
    app.run()
    if power.wants_console:
        if board.DOG_TIMER is not None:
            keep_fed(app.board.feed, board.DOG_TIMER)
        print("solekit: the application has ended, this is the console")
        return
    slots.leave()
    if app.wants_sleep:
        if app.board.imu is not None:
            app.board.imu.sleep_until_motion(MOTION_MG)
        board.deep_sleep()
    machine.reset()
