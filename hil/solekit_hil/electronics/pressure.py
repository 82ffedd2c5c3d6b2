"""The pressure side of one sole: film, lines, circuit, converter, and the real driver."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from solefoot.drivers.scan import _plain, pio
from solefoot.drivers.scan.cells import CellList
from solefoot.drivers.scan.pin import PinGrid
from solefoot.drivers.scan.readout import CELLS, ZERO_POTENTIAL, Circuit, Readout
from solefoot.drivers.scan.register import RegisterGrid
from solefoot.drivers.scan.spi_adc import N_CHANNELS, SpiAdcGrid
from solefoot.drivers.scan.viper import ViperGrid
from solefoot.drivers.scan.wiring import Mux, Shift, Wiring
from solekit.errors import DataError
from solekit.layouts import FloatArray, Layout
from solekit_hil.electronics.ad7606 import Ad7606
from solekit_hil.electronics.adc import Adc
from solekit_hil.electronics.clock import SimTime
from solekit_hil.electronics.faults import Faults
from solekit_hil.electronics.film import CELL_MM2, GAIN_S, REST_S, Film
from solekit_hil.electronics.grid import CellFront, Grid
from solekit_hil.electronics.played import PlayedScan
from solekit_hil.electronics.registers import GpioRegisters, SarRegister, viper_kernels
from solekit_hil.electronics.rp2 import Rp2

CHANNEL = 3  # of the converter that hangs on the node
MAX_PINS = 4  # single cells on converter pins of their own


def grid_circuit() -> Circuit:
    """Return a zero-potential circuit whose full scale is some 800 kPa on the model's film."""
    return Circuit(ZERO_POTENTIAL, drive_mv=1000, r_ohm=4000, r_row_dohm=300, r_col_dohm=25)


def cell_circuit() -> Circuit:
    """Return a divider per cell."""
    return Circuit(CELLS, drive_mv=3300, r_ohm=220, r_col_dohm=700)


def grid_wiring(rows: int, cols: int) -> Wiring:
    """Return three lines of a chain for the rows, two muxes for the columns, GPIO 1 to 9."""
    return Wiring(rows, cols, Shift(1, 2, 3), Mux((4, 5, 6, 7), (8, 9)))


@dataclass
class Rig:
    """A readout on its models; ``front.load(siemens)`` sets the cells."""

    readout: Readout
    front: Grid | CellFront
    parts: dict[str, Any] = field(default_factory=dict)

    @property
    def clock(self) -> SimTime:
        """The time of all parts."""
        return self.front.clock


def _front(wiring, circuit, cols, options) -> tuple[Grid, Adc]:
    adc_options = options.pop("adc", {})
    seed = options.pop("seed", 0)
    front = Grid(wiring, circuit, cols=cols, **options)
    full_v = circuit.full_mv / 1000
    adc = Adc(front.clock, front.volts, full_v=full_v, bits=circuit.bits, seed=seed, **adc_options)
    return front, adc


def _pin(wiring, circuit, settle_us, options) -> Rig:
    front, adc = _front(wiring, circuit, None, options)
    sleep = front.clock.sleep_us
    readout = PinGrid(wiring, circuit, front.make_pin, adc.read_u16, sleep, settle_us)
    return Rig(readout, front, {"adc": adc})


def _viper(wiring, circuit, settle_us, options) -> Rig:
    front, adc = _front(wiring, circuit, None, options)
    gpio = GpioRegisters(front, 2, 3, 1)
    readout = ViperGrid(
        wiring,
        circuit,
        front.make_pin,
        gpio.words,
        viper_kernels(),
        adc.read_u16,
        front.clock.sleep_us,
        settle_us,
    )
    return Rig(readout, front, {"adc": adc, "gpio": gpio})


def _register(wiring, circuit, settle_us, options) -> Rig:
    front, adc = _front(wiring, circuit, None, options)
    gpio = GpioRegisters(front, 2, 3, 1)
    clock = front.clock
    sar = SarRegister(clock, adc, CHANNEL)
    readout = RegisterGrid(
        wiring,
        circuit,
        front.make_pin,
        gpio.words,
        viper_kernels(),
        sar,
        CHANNEL,
        clock.ticks_us,
        clock.ticks_diff,
        settle_us,
    )
    return Rig(readout, front, {"adc": adc, "gpio": gpio, "sar": sar})


def _pio(wiring, circuit, settle_us, options) -> Rig:
    front, adc = _front(wiring, circuit, None, options)
    words = pio.rp2040()
    chip = Rp2(
        front,
        adc,
        channel=CHANNEL,
        adc_base=words.adc_base,
        pio_base=words.pio_base,
        adc_request=words.adc_request,
        pio_request=words.pio_request,
    )
    clock = front.clock
    readout = pio.PioGrid(
        wiring,
        circuit,
        front.make_pin,
        chip,
        chip.machine,
        chip.dmas,
        chip,
        words,
        CHANNEL,
        clock.ticks_us,
        clock.ticks_diff,
        _plain,
        settle_us,
    )
    return Rig(readout, front, {"adc": adc, "rp2": chip})


def _spi_adc(wiring, circuit, settle_us, options) -> Rig:
    cols = wiring.cols
    groups = Wiring(wiring.rows, -(-cols // N_CHANNELS), wiring.row_lines, Mux((4, 5), (8,)))
    seed = options.pop("seed", 0)
    noise_lsb = options.pop("adc", {}).get("noise_lsb", 1.0)
    front = Grid(groups, circuit, cols=cols, **options)
    chip = Ad7606(front, full_v=circuit.full_mv / 1000, noise_lsb=noise_lsb, seed=seed)
    readout = SpiAdcGrid(
        groups,
        cols,
        circuit,
        front.make_pin,
        chip,
        chip.cs,
        chip.convert,
        chip.busy,
        front.clock.sleep_us,
        _plain,
        settle_us,
    )
    return Rig(readout, front, {"ad7606": chip})


BACK_ENDS: dict[str, Callable[..., Rig]] = {
    "pin": _pin,
    "viper": _viper,
    "register": _register,
    "pio": _pio,
    "spi_adc": _spi_adc,
}


def open_grid(
    rows: int,
    cols: int,
    *,
    back_end: str = "pin",
    circuit: Circuit | None = None,
    wiring: Wiring | None = None,
    settle_us: int = 3,
    **options: Any,
) -> Rig:
    """Return a grid read by ``back_end``.

    ``options``: ``seed``, ``clock``, ``faults``, ``capacitance_pf``, and ``adc``, a dict of what
    ``Adc`` takes (the AD7606 takes its ``noise_lsb`` only).
    """
    if back_end not in BACK_ENDS:
        raise DataError(f"back-end {back_end!r} is not one of {', '.join(BACK_ENDS)}")
    wiring = wiring or grid_wiring(rows, cols)
    return BACK_ENDS[back_end](wiring, circuit or grid_circuit(), settle_us, options)


def open_cells(
    n: int,
    *,
    circuit: Circuit | None = None,
    settle_us: int = 3,
    seed: int = 0,
    adc: dict[str, float] | None = None,
    **options: Any,
) -> Rig:
    """Return ``n`` single cells: each on a converter pin up to four, else behind one 16:1 mux."""
    circuit = circuit or cell_circuit()
    lines = None if n <= MAX_PINS else Mux((4, 5, 6, 7))
    front = CellFront(n, circuit, lines=lines, **options)
    clock = front.clock
    full_v = circuit.full_mv / 1000

    def converter(volts: Callable[[], float]) -> Adc:
        return Adc(clock, volts, full_v=full_v, bits=circuit.bits, seed=seed, **(adc or {}))

    if lines is None:
        adcs = [converter(lambda cell=cell: front.pin_volts(cell)) for cell in range(n)]
    else:
        adcs = [converter(front.volts)]
    reads = [one.read_u16 for one in adcs]
    readout = CellList(
        n, circuit, reads, clock.sleep_us, lines, front.make_pin, settle_us=settle_us
    )
    return Rig(readout, front, {"adcs": adcs})


def film_of(layout: Layout, **options: Any) -> Film:
    """Return the film under ``layout``: a larger cell conducts more; ``options`` of ``Film``."""
    share = layout.area_mm2 / CELL_MM2
    return Film(layout.n_cells, rest_s=REST_S * share, gain_s=GAIN_S * share, **options)


class PressureSide:
    """One sole of ``layout`` under load, read by the real driver.

    ``load(force_n, t_s)``, then ``scan_into(raw)``. Arguments beyond these go to ``open_grid`` or
    ``open_cells``.
    """

    def __init__(
        self,
        layout: Layout,
        *,
        seed: int = 0,
        film: Film | None = None,
        faults: Faults | None = None,
        **options: Any,
    ) -> None:
        self.film = film or film_of(layout, seed=seed)
        self._per_newton = 1000 / layout.area_mm2  # kPa
        if layout.rows:
            self.rig = open_grid(layout.rows, layout.cols, seed=seed, faults=faults, **options)
        else:
            self.rig = open_cells(layout.n_cells, seed=seed, faults=faults, **options)
        self.readout = self.rig.readout
        self.clock = self.rig.clock
        self.scan_into = self.readout.scan_into
        if isinstance(self.readout, PinGrid) and isinstance(self.rig.front, Grid):
            adc = self.rig.parts["adc"]
            self.scan_into = PlayedScan(self.readout, self.rig.front, adc).scan_into

    def load(self, force_n: FloatArray, t_s: float) -> None:
        """Let each cell carry ``force_n`` (n_cells,) from ``t_s`` on."""
        self.rig.front.load(self.film.conductance_s(force_n * self._per_newton, t_s))
