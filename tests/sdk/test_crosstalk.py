"""Crosstalk: what the circuit adds, solved exactly here, is taken out by the closed form."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from solecore.wire.names import READOUT_WORDS
from solekit.crosstalk import conductance_s
from solekit.errors import DataError

FULL_MV = 3300


def table(**words):
    base = {
        "circuit": 1, "back_end": 1, "settle_us10": 30, "scan_us": 20_000, "row_us10": 6600,
        "drive_mv": 1000, "reference_mv": 0, "r_reference_ohm_10": 400, "r_row_ohm10": 0,
        "r_column_ohm10": 0, "adc_full_mv": FULL_MV, "adc_bits": 12, "falls_with_load": 0,
    }  # fmt: skip
    return np.array([(base | words)[name] for name in READOUT_WORDS], np.uint16)


def admittance(g):
    """Return what Kirchhoff's equations say of the cells: rows, then columns, nothing held."""
    n_rows, n_cols = g.shape
    y = np.zeros((n_rows + n_cols, n_rows + n_cols))
    for r in range(n_rows):
        for c in range(n_cols):
            k = n_rows + c
            y[r, r] += g[r, c]
            y[k, k] += g[r, c]
            y[r, k] -= g[r, c]
            y[k, r] -= g[r, c]
    return y


def column_volts(y, held_s, n_rows, drive_v):
    """Return the volts of the columns, (columns, driven row), one row driven at a time."""
    sources = np.diag(held_s)[:, :n_rows] * drive_v
    return np.linalg.solve(y + np.diag(held_s), sources)[n_rows:]


def zero_potential_v(g, r_row, r_col, *, drive_v=1.0, r_f=4000.0):
    """Return the stage's output above its rest for every cell."""
    n_rows, n_cols = g.shape
    held = np.repeat([1 / max(r_row, 1e-6), 1 / max(r_col, 1e-6)], [n_rows, n_cols])
    volts = column_volts(admittance(g), held, n_rows, drive_v)
    return (volts * held[n_rows:, None]).T * r_f


def divider_v(g, r_row, r_col, *, drive_v=3.3, r_ref=2000.0):
    """Return the converter's volts for every cell: other rows grounded, other columns open."""
    n_rows, n_cols = g.shape
    y = admittance(g)
    out = np.empty_like(g)
    for c in range(n_cols):
        held = np.repeat([1 / max(r_row, 1e-6), 1e-13], [n_rows, n_cols])
        held[n_rows + c] = 1 / (r_col + r_ref)
        out[:, c] = column_volts(y, held, n_rows, drive_v)[c] * r_ref / (r_ref + r_col)
    return out


def counts_of(volts):
    return np.clip(np.rint(volts * (4095 * 1000 / FULL_MV)), 0, 4095).astype(np.uint16)[None]


def foot(rows, cols, top_s, seed=0):
    """Return conductances: a quarter of the cells unloaded, the rest up to ``top_s``."""
    rng = np.random.default_rng(seed)
    return np.where(rng.random((rows, cols)) < 0.25, 2e-6, rng.uniform(2e-6, top_s, (rows, cols)))


def worst_share(found, g):
    return np.abs(found[0] - g).max() / g.max()


def divider_step_s(g, r_col, *, drive_v=3.3, r_ref=2000.0):
    """Return the most that rounding to counts can do to a divider's cell, to first order and 10 %.

    Half a count in the cell itself, and in each of the cells that make up the sum of its column.
    """
    load_s = 1 / (r_ref + r_col)
    half_v = FULL_MV / 1000 / 4095 / 2 * (r_ref + r_col) / r_ref
    column_s = load_s + g.sum(axis=0)
    return (1.1 * half_v * column_s / drive_v * (1 + len(g) * g / load_s)).max()


# One count of the converter in siemens for the circuits of this file.
LSB_S = FULL_MV / 1000 / 4095 / 4000


def test_an_ideal_zero_potential_grid_is_exact_but_for_quantisation():
    g = foot(30, 22, 5e-4)
    found = conductance_s(counts_of(zero_potential_v(g, 0, 0)), table())
    assert found.shape == (1, 30, 22)
    assert np.abs(found[0] - g).max() <= 0.5 * LSB_S * 1.001


@pytest.mark.parametrize(("rows", "cols"), [(30, 22), (29, 21)])
@pytest.mark.parametrize(("r_row", "r_col"), [(30, 2.5), (30, 70), (0, 70), (100, 0)])
def test_resistance_of_rows_and_switches_is_taken_out_of_a_zero_potential_grid(
    rows, cols, r_row, r_col
):
    g = foot(rows, cols, 1e-4)
    volts = zero_potential_v(g, r_row, r_col, r_f=20_000)
    words = table(r_row_ohm10=r_row * 10, r_column_ohm10=int(r_col * 10), r_reference_ohm_10=2000)
    found = conductance_s(counts_of(volts), words)
    plain = counts_of(volts)[0] * (FULL_MV / 1000 / 4095 / 20_000)
    # What is left couples a row's driver and a column's switch: the product of their shares.
    left = (r_row * g.sum(axis=1).max()) * (r_col * g.sum(axis=0).max())
    assert worst_share(found, g) <= left + 2 * LSB_S / 5 / g.max()
    assert worst_share(plain[None], g) > 4 * worst_share(found, g)


def test_the_column_term_is_worth_having():
    # Without the leak into undriven rows (a switch's drop on the cell alone) a CD4067 costs much.
    g, r_row, r_col = foot(30, 22, 1e-4), 30.0, 70.0
    current = zero_potential_v(g, r_row, r_col) / 4000
    row_v = 1 - r_row * current.sum(axis=1, keepdims=True)
    alone = current / (row_v - current * r_col)
    words = table(r_row_ohm10=300, r_column_ohm10=700, r_reference_ohm_10=2000)
    counts = counts_of(zero_potential_v(g, r_row, r_col, r_f=20_000))
    assert worst_share(alone[None], g) > 10 * worst_share(conductance_s(counts, words), g)


def test_falling_volts_and_a_reference_change_nothing():
    g = foot(30, 22, 3e-4)
    above = zero_potential_v(g, 30, 2.5)
    common = {"r_row_ohm10": 300, "r_column_ohm10": 25}
    rising = conductance_s(counts_of(above), table(**common))
    offset = conductance_s(counts_of(0.5 + above), table(reference_mv=500, **common))
    raw = counts_of(2.8 - above)
    falling = conductance_s(4095 - raw, table(reference_mv=2800, falls_with_load=1, **common))
    for other in (offset, falling):
        assert np.abs(other - rising).max() < 3 * LSB_S


def test_a_divider_is_exact_without_row_resistance():
    g = foot(30, 22, 5e-4)
    for r_col in (0, 70):
        volts = divider_v(g, 0, r_col)
        words = table(circuit=2, drive_mv=3300, r_reference_ohm_10=200, r_column_ohm10=r_col * 10)
        found = conductance_s(counts_of(volts), words)
        assert np.abs(found[0] - g).max() <= divider_step_s(g, r_col)
        assert worst_share(counts_of(volts) / 4095 / 2000, g) > 0.3  # uncorrected


def test_what_row_resistance_leaves_in_a_divider_is_its_share_of_the_row():
    g = foot(30, 22, 1e-4)
    volts = divider_v(g, 30, 2.5)
    words = table(circuit=2, drive_mv=3300, r_reference_ohm_10=200, r_column_ohm10=25)
    found = conductance_s(counts_of(volts), words)
    ideal = conductance_s(counts_of(divider_v(g, 0, 2.5)), words)
    step_s = divider_step_s(g, 2.5)
    # The driver's drop lowers a row by no more than the share that it has of the row.
    drop = 30 * g.sum(axis=1).max()
    assert 0.2 * drop * g.max() < np.abs(found[0] - g).max()
    assert np.abs(found[0] - g).max() <= drop * g.max() * (1 + 2000 * g.sum(axis=0).max()) + step_s
    assert np.abs(ideal[0] - g).max() <= step_s


@settings(max_examples=25, deadline=None)
@given(
    rows=st.integers(1, 6),
    cols=st.integers(1, 6),
    r_row=st.sampled_from([0, 10, 50]),
    r_col=st.sampled_from([0, 3, 40]),
    seed=st.integers(0, 999),
)
def test_any_small_grid_comes_back(rows, cols, r_row, r_col, seed):
    g = foot(rows, cols, 4e-4, seed)
    words = table(r_row_ohm10=r_row * 10, r_column_ohm10=r_col * 10)
    found = conductance_s(counts_of(zero_potential_v(g, r_row, r_col)), words)
    left = (r_row * g.sum(axis=1).max()) * (r_col * g.sum(axis=0).max()) * g.max()
    assert np.abs(found[0] - g).max() <= left + LSB_S
    words = table(circuit=2, drive_mv=3300, r_reference_ohm_10=200, r_column_ohm10=r_col * 10)
    found = conductance_s(counts_of(divider_v(g, 0, r_col)), words)
    assert np.abs(found[0] - g).max() <= divider_step_s(g, r_col)


def test_frames_are_independent():
    g = [foot(5, 4, 3e-4, seed) for seed in range(3)]
    counts = np.concatenate([counts_of(zero_potential_v(one, 30, 3)) for one in g])
    words = table(r_row_ohm10=300, r_column_ohm10=30)
    together = conductance_s(counts, words)
    for k in range(3):
        assert np.array_equal(together[k], conductance_s(counts[k : k + 1], words)[0])
    assert conductance_s(counts[:0], words).shape == (0, 5, 4)


def test_a_saturated_cell_is_nan_and_so_is_what_rests_on_it():
    counts = np.full((2, 4, 5), 500, np.uint16)
    counts[1, 2, 3] = 4095
    for words, unknown in (
        (table(), {(2, 3)}),
        (table(r_row_ohm10=300), {(2, c) for c in range(5)}),
        (table(r_column_ohm10=30), {(r, 3) for r in range(4)}),
        (
            table(r_row_ohm10=300, r_column_ohm10=30),
            {(2, c) for c in range(5)} | {(r, 3) for r in range(4)},
        ),
        (table(circuit=2, drive_mv=3300), {(r, 3) for r in range(4)}),
    ):
        found = conductance_s(counts, words)
        assert {tuple(at) for at in np.argwhere(np.isnan(found[1]))} == unknown
        assert not np.isnan(found[0]).any()


def test_currents_that_the_drive_cannot_give_are_nan_not_negative():
    counts = np.full((1, 3, 30), 4000, np.uint16)
    assert np.isnan(conductance_s(counts, table(r_row_ohm10=6000))).all()
    assert np.isnan(conductance_s(counts, table(circuit=2, drive_mv=3300))).all()


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (table(circuit=0), "virtual"),
        (table(circuit=3), "single_cells"),
        (table(circuit=9), "number 9"),
        (table(drive_mv=0), "drive_mv"),
        (table(adc_full_mv=0), "adc_full_mv"),
        (table(r_reference_ohm_10=0), "r_reference"),
        (table(falls_with_load=2), "falls"),
        (table(reference_mv=3301), "reference_mv"),
        (table()[:12], "13 words"),
    ],
)
def test_a_table_that_makes_no_sense_is_refused(words, text):
    with pytest.raises(DataError, match=text):
        conductance_s(np.zeros((1, 2, 2), np.uint16), words)


@pytest.mark.parametrize(
    "counts",
    [
        np.zeros((2, 2), np.uint16),
        np.zeros((1, 2, 2)),
        np.full((1, 2, 2), 4096, np.uint16),
        np.full((1, 2, 2), -1, np.int16),
    ],
)
def test_counts_that_no_readout_gives_are_refused(counts):
    with pytest.raises(DataError, match="counts"):
        conductance_s(counts, table())
