import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from solekit.errors import DataError
from solekit.formats import load_source

NAME = "run.csv"
ROWS, COLS = 5, 3
KPA = 0.1333224


def pressures(side, n=6):
    rng = np.random.default_rng(1 if side == "L" else 2)
    return rng.integers(0, 4000, (n, ROWS, COLS)) / 4


def export(
    n=6, sides=("L", "R"), contact=None, times=None, pad=6, newline="\n", units="mmHg", **shape
):
    size = {"Rows": ROWS, "Columns": COLS, "Sensel Width (cm)": 0.9, "Sensel Height (cm)": 0.8}
    size.update({"Columns": shape["columns"]} if "columns" in shape else {})
    out = ['File:,"C:\\a, b.XSN"', "", f"Units:,{units}", "", "Threshold:,51.72", ""]
    for i in range(n):
        clock = times[i] if times else f"08:21:{17 + i * 0.02:06.3f}"
        out += [f"FRAME,{1464 + i}", "", "Date, 2022 Aug 16", "", f"Time, {clock}", ""]
        for side in sides:
            out += [f"SENSOR,HX210.M11-DFM-{side}F S0073", ""]
            out += [f"{key},{value}" for key, value in size.items()]
            grid = pressures(side, n)[i]
            if contact:
                out += [f"Contact Area (cm²),{(grid > 0).sum() * contact:.4f}"]
                out += [f"Est. Load (N),{grid.sum() * KPA * 0.1 * contact:.4f}"]
            out += ["SENSELS", ""]
            out += [",".join(f"{v:g}" for v in row) for row in grid]
        out += ["", "GROUP,1", "Name,Left Heel", "Cells,3", "SENSELS", "1,2,3", ""]
    return newline.join(line + "," * pad for line in out) + newline


def test_forces_are_pressures_times_area_heel_row_first(load_bytes):
    found = load_bytes(export(), NAME)
    assert (found.source, found.sides, found.rate_hz) == ("xsensor", ("left", "right"), 50.0)
    assert found.body_mass_kg is None
    assert found.notes == ("The export holds 0 for pressures under 51.72 mmHg.",)
    for side, foot in found.feet.items():
        assert np.array_equal(foot.t_s, np.round(np.arange(6) * 0.02, 6))
        wanted = pressures(side[0].upper())[:, ::-1].reshape(6, -1) * KPA * 0.072
        np.testing.assert_allclose(foot.force_n, wanted)
        assert (foot.layout.rows, foot.layout.cols) == (ROWS, COLS)
        assert foot.layout.length_mm == pytest.approx(40.0)
        assert foot.layout.width_mm == pytest.approx(27.0)


@pytest.mark.parametrize(
    "content",
    [
        export(newline="\r\n").encode(),
        export().encode("utf-8-sig"),
        export(contact=0.72).encode("latin-1"),
        export(pad=0).encode(),
        export().replace(",", ";").replace(".", ",").encode(),
    ],
    ids=["crlf", "bom", "latin-1", "no padding", "semicolons and decimal commas"],
)
def test_packing_changes_nothing(load_bytes, content):
    foot = load_bytes(content, NAME).feet["left"]
    wanted = pressures("L")[:, ::-1].reshape(6, -1) * KPA * 0.072
    np.testing.assert_allclose(foot.force_n, wanted, rtol=1e-6)


def test_the_contact_area_gives_the_cell_area_within_the_rounding_of_the_pitch(load_bytes):
    foot = load_bytes(export(contact=0.725), NAME).feet["left"]
    np.testing.assert_allclose(foot.layout.area_mm2, 72.5, rtol=1e-4)
    found = load_bytes(export(contact=0.9), NAME)
    np.testing.assert_allclose(found.feet["left"].layout.area_mm2, 72.0, rtol=1e-9)
    assert any("contact area says 0.900 cm2 per cell" in note for note in found.notes)
    assert any("the load differs from the export's own" in note for note in found.notes)


def test_one_foot_may_be_absent(load_bytes):
    assert load_bytes(export(sides=("R",)), NAME).sides == ("right",)


def test_a_recording_may_pass_midnight(load_bytes):
    clocks = ["23:59:59.980", "00:00:00.000", "00:00:00.020"]
    found = load_bytes(export(n=3, times=clocks), NAME)
    np.testing.assert_allclose(found.feet["left"].t_s, [0.0, 0.02, 0.04])


def test_clocks_may_have_twelve_hours(load_bytes):
    clocks = ["12:59:59.980 PM", "01:00:00,000 PM", "01:00:00.020 pm"]
    found = load_bytes(export(n=3, times=clocks).replace("00,000", "00.000"), NAME)
    np.testing.assert_allclose(found.feet["left"].t_s, [0.0, 0.02, 0.04])


def test_other_units_are_those_of_the_header(load_bytes):
    foot = load_bytes(export(units="kPa"), NAME).feet["left"]
    np.testing.assert_allclose(
        foot.force_n, pressures("L")[:, ::-1].reshape(6, -1) * 0.072, rtol=1e-9
    )


def with_cell(value):
    return export().replace(f"\n{pressures('L')[0, 0, 0]:g},", f"\n{value},", 1)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (export(units=""), "no line 'Units:'"),
        (export(units="raw"), "pressure is in 'raw'; known units"),
        (export(n=1), "fewer than 2 frames"),
        (export(columns=4), r"line \d+: row 1 of the left grid has 3 of 4 cells"),
        (export(columns=2), r"line \d+: row 1 of the left grid has 3 of 2 cells"),
        (export(columns=2.5), r"line \d+: the sensor's shape is"),
        (export(columns=""), r"line \d+: the sensor block lacks Columns"),
        (export().replace("-LF", "-XX"), r"names no side; LF or RF"),
        (export().replace("-RF", "-LF"), r"time 0 s comes after 0 s"),
        (export().replace("Time, 08", "Time, x8", 1), r"the time is 'x8:21:17.000'"),
        (export().replace("Time", "Tme", 1), r"frame '1464' has no time"),
        (export(n=3, times=["08:00:01.0", "08:00:00.5", "08:00:02.0"]), r"comes after 0 s"),
        (with_cell("nan"), r"line \d+: left cell 0 is 'nan'"),
        (with_cell("-5"), r"line \d+: a pressure is below zero"),
        (export(sides=("L",), pad=0).rpartition("\n\nGROUP")[0][:-9], "the file is cut off"),
    ],
)
def test_a_broken_file_is_refused(load_bytes, content, message):
    with pytest.raises(DataError, match=message) as caught:
        load_bytes(content, NAME)
    assert str(caught.value).startswith(NAME)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_a_mutated_file_gives_an_error_or_a_valid_recording(load_or_refuse, mutations, data):
    load_or_refuse(export(contact=0.72).encode(), NAME, data.draw(mutations))


@pytest.mark.data
def test_the_shared_run_has_the_figures_of_its_readme(data_dir):
    path = data_dir / "vendor_formats" / "xsensor_data.csv"
    found = load_source(path)
    assert (found.sides, found.rate_hz) == (("left", "right"), 75.0)
    assert found.duration_s == pytest.approx(1.331)
    n_active = []
    for foot in found.feet.values():
        assert foot.force_n.shape == (101, 341)
        np.testing.assert_allclose(foot.layout.area_mm2, 74.11, atol=0.02)
        n_active.append(int((foot.force_n > 0).any(axis=0).sum()))
    assert n_active == [228, 230]
    left = found.feet["left"]
    peak_mmhg = left.force_n.max() / (left.layout.area_mm2[0] * 1e-3 * KPA)
    assert peak_mmhg == pytest.approx(2957, abs=1)
    assert len(found.notes) == 1


@pytest.mark.data
def test_every_frame_of_the_shared_run_has_the_load_that_the_vendor_states(data_dir):
    path = data_dir / "vendor_formats" / "xsensor_data.csv"
    stated = {"left": [], "right": []}
    side = ""
    for line in path.read_text(encoding="utf-8-sig").splitlines():
        fields = line.split(",")
        if fields[0] == "SENSOR":
            side = "left" if "-LF" in fields[1] else "right"
        elif fields[0] == "GROUP":
            side = ""
        elif fields[0] == "Est. Load (N)" and side:
            stated[side].append(float(fields[1]))
    for side, foot in load_source(path).feet.items():
        assert np.abs(foot.total_n - stated[side]).max() < 0.02


@pytest.mark.data
def test_the_shared_run_has_the_hallux_on_the_medial_side(data_dir):
    for side, foot in load_source(data_dir / "vendor_formats" / "xsensor_data.csv").feet.items():
        toes = foot.layout.y_mm > 0.8 * foot.layout.length_mm
        load = foot.force_n.sum(axis=0)[toes]
        x = (load @ foot.layout.x_mm[toes]) / load.sum() / foot.layout.width_mm
        assert (x > 0.55) if side == "left" else (x < 0.45)
