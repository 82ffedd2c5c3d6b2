"""A grid read by registers alone on the ESP32-S3: GPIO and SAR ADC 1.

Addresses and bits are those of the chip's technical reference (SENS and GPIO blocks), checked
against its published register headers; not yet run on a physical board. What is sure only there:
whether ADC 1 stays powered between conversions by the bits that ``prepare`` sets.
"""

from solefoot.drivers.scan import plan
from solefoot.drivers.scan.readout import DEFAULT_SETTLE_US, REGISTER, Readout
from solefoot.drivers.scan.viper import RegisterLines

S3_SENS: int = 0x60008800
S3_MEAS1_CTRL2: int = 0x6000880C
_READER1_CTRL: int = 0  # offsets from S3_SENS
_MEAS1_MUX: int = 0x10
_POWER_XPD_SAR: int = 0x3C
_START_FORCE: int = 1 << 18  # conversions are started by software
_PAD_SHIFT: int = 19  # bit map of the channel
_PAD_FORCE: int = 1 << 31  # the bit map counts, not the sequencer
_CALIBRATE: int = 20000
_POLLS: int = 2000  # about 200 us: thirty conversions


def prepare(mem32, sens=S3_SENS) -> None:
    """Give SAR ADC 1 to software and keep it powered; read the channel by ``machine.ADC`` before.

    ``mem32`` is ``machine.mem32``. Attenuation stays what ``machine.ADC`` set.
    """
    mem32[sens + _MEAS1_MUX] = mem32[sens + _MEAS1_MUX] & 0x7FFFFFFF  # not the digital controller
    mem32[sens + _POWER_XPD_SAR] = mem32[sens + _POWER_XPD_SAR] | 3 << 29
    # Without this inversion counts run backwards.
    mem32[sens + _READER1_CTRL] = mem32[sens + _READER1_CTRL] | 1 << 28


class RegisterGrid(RegisterLines):
    """``sar`` is the address of MEAS1_CTRL2 (or an array); ``channel`` of ADC 1 (GPIO - 1).

    ``ticks_us``, ``ticks_diff`` measure once how long a wait is. ``prepare`` comes first.
    """

    backend = REGISTER

    def __init__(
        self,
        wiring,
        circuit,
        make_pin,
        gpio,
        kernels,
        sar,
        channel,
        ticks_us,
        ticks_diff,
        settle_us=DEFAULT_SETTLE_US,
    ) -> None:
        if not 0 <= channel <= 9:
            raise ValueError("channel %r is not one of ADC 1 (0 to 9)" % (channel,))
        self._reads_per_ms = 0
        self._sar = sar
        RegisterLines.__init__(self, wiring, circuit, make_pin, gpio, kernels, settle_us)
        self._plan[plan.COMMAND] = _PAD_FORCE | 1 << _PAD_SHIFT + channel | _START_FORCE
        self._plan[plan.LIMIT] = _POLLS
        start = ticks_us()
        kernels.idle(self._plan, self._gpio, _CALIBRATE)
        took_us = ticks_diff(ticks_us(), start)
        self._reads_per_ms = _CALIBRATE * 1000 // (took_us if took_us > 0 else 1)
        self.set_settle(settle_us)

    def set_settle(self, settle_us) -> None:
        """Wait ``settle_us`` between selecting a cell and converting."""
        Readout.set_settle(self, settle_us)
        self._plan[plan.WAIT] = (self._reads_per_ms * settle_us + 999) // 1000

    def _scan(self, raw):
        n = self._kernels.sweep_sar(raw, self._plan, self._gpio, self._sar)
        if n != self.n_cells:
            raise OSError("SAR ADC 1 did not convert cell %d; was prepare called?" % n)
