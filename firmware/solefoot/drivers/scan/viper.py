"""A grid whose lines are GPIO registers written by viper, converted by ``read_u16``."""

from solefoot.drivers.scan import plan
from solefoot.drivers.scan.readout import DEFAULT_SETTLE_US, VIPER, Readout, grid_circuit


class RegisterLines(Readout):
    """Lines of ``wiring`` through the GPIO registers ``gpio`` (``plan.GpioWords``).

    ``kernels`` is what ``kernels.load`` returned; ``make_pin(gpio, level)`` makes outputs.
    """

    def __init__(self, wiring, circuit, make_pin, gpio, kernels, settle_us) -> None:
        if kernels is None:
            raise ValueError("no viper kernels here (or they failed): take the pin back-end")
        self._kernels = kernels
        self._gpio = gpio.base
        self._plan = plan.plan_of(wiring, gpio, 4095 if circuit.falls else 0)
        Readout.__init__(self, wiring.rows, wiring.cols, grid_circuit(circuit), settle_us)
        wiring.row_lines.outputs(make_pin)
        wiring.col_lines.outputs(make_pin)
        kernels.clear(self._plan, self._gpio)


class ViperGrid(RegisterLines):
    """``read_u16()`` converts; ``sleep_us(n)`` waits."""

    backend = VIPER

    def __init__(
        self,
        wiring,
        circuit,
        make_pin,
        gpio,
        kernels,
        read_u16,
        sleep_us,
        settle_us=DEFAULT_SETTLE_US,
    ) -> None:
        RegisterLines.__init__(self, wiring, circuit, make_pin, gpio, kernels, settle_us)
        self._calls = (read_u16, sleep_us)

    def set_settle(self, settle_us) -> None:
        """Wait ``settle_us`` between selecting a cell and converting."""
        Readout.set_settle(self, settle_us)
        self._plan[plan.WAIT] = settle_us

    def _scan(self, raw):
        self._kernels.sweep(raw, self._plan, self._gpio, self._calls)
