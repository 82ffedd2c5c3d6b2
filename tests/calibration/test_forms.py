"""What the form and the circuit of a recording do to newtons: 8 bits, dead band, crosstalk."""

import asyncio
from dataclasses import replace

import numpy as np
import pytest

import solekit
from solekit import calibration as cal
from solekit import layouts
from solekit.calibration.model import SATURATED
from solekit.calibration.recorded import misfit, without_crosstalk
from solekit.recording import Recording
from solekit_hil import walker
from solekit_hil.electronics.pressure import PressureSide, film_of, grid_circuit


async def record(path, uri, form, seconds):
    async with solekit.connect_pair(uri) as pair:
        pair.record_to(path)
        await pair.start(form)
        await pair.clock.sleep(seconds)
        await pair.stop()


def straight(foot):
    """Return the calibration of an insole of the plain virtual sensor: exact."""
    layout, info = foot.info.layout, foot.info
    kpa = 1.0 / 16 * info.force_lsb_n / (layout.area_mm2 * 1e-3)
    return cal.Calibration(
        info.serial,
        foot.side,
        info.base.astype(float),
        layout.area_mm2,
        replace(
            cal.assumed_curves(layout.n_cells, kpa_per_count=kpa),
            cell_share_sd=np.zeros(layout.n_cells),
            shape_share_sd=0.0,
        ),
        factor_share_sd=0.0,
        creep=cal.Creep(20.0, 0.0, 0.0, np.zeros((2, 2)), 60.0),
        hysteresis=cal.Hysteresis(np.zeros(1), np.ones(1), 0.0),
    )


@pytest.mark.parametrize("layout", ["cells-16", "grid-30x22"])
def test_the_dead_band_of_8_bits_is_in_the_interval(tmp_path, layout):
    uri = f"sim:walk?seed=2&layout={layout}&dead_band=5&side=left&rate_hz=30"
    asyncio.run(record(tmp_path / "walk.mcap", uri, "coded8", 6.0))
    foot = Recording(tmp_path / "walk.mcap").feet["left"]
    exact = straight(foot)
    assert misfit(exact, foot) == ""
    force, half = exact.of_recording(foot)
    pair = {side: layouts.named(layout, side) for side in layouts.SIDES}
    cells, _, _ = walker.build("walk", seed=2, layouts=pair).sample(foot.t_s)
    truth = cells["left"].sum(axis=1)
    loaded = truth > 30
    hidden = truth[loaded] - force[loaded]
    assert (np.abs(hidden) <= half[loaded]).mean() > 0.95
    # Without what 8 bits hide the same interval would miss the truth.
    _, bare = exact.force_n(cal.raw_counts(foot), foot.t_s)
    assert (np.abs(hidden) <= bare[loaded]).mean() < 0.95 * (np.abs(hidden) <= half[loaded]).mean()


def test_the_crosstalk_of_a_grid_is_taken_off_before_the_curves():
    layout = layouts.named("grid-30x22", "left")
    # Lines of a hundred ohms: a grid made of thread.
    circuit = replace_circuit(grid_circuit(), r_row_dohm=1000, r_col_dohm=25)
    film = film_of(layout, spread=0.0, noise=0.0, creep=0.0, hysteresis=0.0, exponent=1.0, seed=1)
    sole = PressureSide(layout, film=film, circuit=circuit, adc={"noise_lsb": 0.0})
    readout = tuple(int(word) for word in sole.readout.describe())
    levels_kpa = np.array([0.0, 50.0, 100.0, 200.0])
    weights = np.exp(-(((layout.y_mm / layout.length_mm - 0.3) / 0.2) ** 2))
    counts = np.array(
        [
            scan(sole, kpa * layout.area_mm2 * 1e-3, t)
            for t, kpa in enumerate([*levels_kpa, 250.0 * weights])
        ]
    )
    truth_n = float(((250.0 * weights) @ layout.area_mm2) * 1e-3)
    errors = []
    for words in (readout, ()):
        grid = (layout.rows, layout.cols) if words else (0, 0)
        readable = without_crosstalk(counts.astype(float), words, grid)
        base = readable[0]
        curves = cal.fit_curves(levels_kpa[1:], readable[1:4] - base)
        one = cal.Calibration(
            *("S-1", "left", base, layout.area_mm2, curves),
            factor_share_sd=0.02,
            readout=words,
            grid=grid,
        )
        force, _ = one.force_n(counts[[0, 4]], np.array([0.0, 1.0]), history="rested")
        errors.append(abs(force[1] - truth_n) / truth_n)
    assert counts.max() < SATURATED
    assert errors[0] < 0.02
    assert errors[1] > 2 * errors[0]


def replace_circuit(circuit, **changes):
    from copy import copy

    changed = copy(circuit)
    for name, value in changes.items():
        setattr(changed, name, value)
    return changed


def scan(sole, force_n, t_s):
    from array import array

    raw = array("H", bytes(2 * len(np.atleast_1d(force_n))))
    sole.load(np.asarray(force_n, dtype=float), float(t_s))
    sole.scan_into(raw)
    return np.array(raw)
