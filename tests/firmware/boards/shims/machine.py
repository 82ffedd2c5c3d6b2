# ruff: noqa: T201
# MicroPython's machine for a board of this test: pins that remember, a converter whose counts rise
# and fall, an I2C bus with an IMU that answers its registers.
import errno
import sys
import time

PWRON_RESET = 1
WDT_RESET = 3
mem32 = {}
log = []


class Pin:
    IN = 0
    OUT = 1
    PULL_UP = 1
    PULL_DOWN = 2

    def __init__(self, gpio, mode=0, pull=None, value=1):
        self.gpio = gpio
        self._level = value

    def __call__(self, level=None):
        if level is None:
            return self._level
        self._level = level
        return None

    value = __call__


class ADC:
    ATTN_11DB = 3

    def __init__(self, pin):
        pass

    def atten(self, value):
        pass

    def value(self):
        """The nrf port's eight bits."""
        return self.read_u16() >> 8

    def read_u16(self):
        """Stand for a second, swing for half of one."""
        phase = time.ticks_ms() % 1100
        return 30000 if phase < 700 else 300


class I2C:
    """A bus with a LSM6DSOX: identity, settings, and a sample every 10 ms."""

    def __init__(self, number, sda=None, scl=None, freq=0):
        self.registers = bytearray(128)
        self.registers[0x0F] = 0x6C
        self._read = time.ticks_ms()
        self._is_gyro = True

    def _due(self):
        return max(0, time.ticks_diff(time.ticks_ms(), self._read) // 10)

    def readfrom_mem_into(self, address, register, buf):
        if address != 0x6A:
            raise OSError(errno.ENODEV)
        if register == 0x3A:
            level = 2 * self._due()
            buf[0] = level & 255
            if len(buf) > 1:
                buf[1] = level >> 8 & 3
        elif register == 0x78:
            for i in range(0, len(buf), 7):
                buf[i] = 8 if self._is_gyro else 16
                for k in range(1, 7):
                    buf[i + k] = 0
                if not self._is_gyro:
                    self._read = time.ticks_add(self._read, 10)
                self._is_gyro = not self._is_gyro
        else:
            for i in range(len(buf)):
                buf[i] = self.registers[register + i]

    def writeto_mem(self, address, register, buf):
        if address != 0x6A:
            raise OSError(errno.ENODEV)
        for i in range(len(buf)):
            if register + i != 0x0F:
                self.registers[register + i] = buf[i]
        if register == 0x12:
            self.registers[0x12] = self.registers[0x12] & 0xFE  # the reset is over at once


class Timer:
    PERIODIC = 1

    def __init__(self, number, mode=0, period=0, callback=None):
        print("TIMER", number, period)
        callback(self)


class WDT:
    def __init__(self, timeout=0):
        log.append(("wdt", timeout))

    def feed(self):
        pass


def freq(hz=None):
    log.append(("freq", hz))


def reset_cause():
    return PWRON_RESET


def unique_id():
    return b"\x01\x02\x03\x04\x05\x06"


def idle():
    time.sleep_us(200)


def reset():
    print("RESET")
    sys.exit()


def lightsleep(ms=0):
    pass


def deepsleep():
    print("ASLEEP")
    sys.exit()
