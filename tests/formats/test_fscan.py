import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from solekit.errors import DataError
from solekit.formats import load_source

NAME = "walkL.asf"
ROWS, COLS = 6, 4
OUTSIDE = np.zeros((ROWS, COLS), bool)
OUTSIDE[0, :2] = OUTSIDE[5, 3] = OUTSIDE[2, 0] = True
HEADER = {
    "DATA_TYPE": "MOVIE",
    "VERSION": "Tekscan Pressure Measurement System 6.33",
    "FILENAME": "C:\\MOVIES\\P01L.fsx",
    "SENSOR_TYPE": "FSCAN",
    "ROWS": str(ROWS),
    "COLS": str(COLS),
    "ROW_SPACING": "5 mm",
    "COL_SPACING": "4 mm",
    "SENSEL_AREA": "20 mm2",
    "SECONDS_PER_FRAME": "0.032",
    "CALIBRATION_POINT_1": "75.5 (Kgs) 4798 (Raw Sum) 240 (Number of Loaded Cells)",
    "COMMENTS:": "right knee",
    "UNITS": "KPa",
    "MIRROR_ROW": "0",
    "MIRROR_COL": "0",
}


def pressures(n=8):
    return np.random.default_rng(7).integers(0, 900, (n, ROWS, COLS)) / 4


def movie(n=8, header=None, numbers=None, newline="\r\n", separator=",", kpa=None):
    lines = [f"{key} {value}" for key, value in {**HEADER, **(header or {})}.items() if value]
    lines += ["ASCII_DATA @@", ""]
    kpa = pressures(n) if kpa is None else kpa
    for number, frame in zip(numbers or range(1, n + 1), kpa, strict=True):
        lines.append(f"Frame {number}")
        for row, outside in zip(frame, OUTSIDE, strict=True):
            cells = ["B" if out else f"{v:g}" for v, out in zip(row, outside, strict=True)]
            lines.append(separator.join(cells))
        lines.append("")
    return newline.join([*lines[:-1], "@@", ""])


def test_forces_are_pressures_times_area_on_the_inside_cells(load_bytes):
    found = load_bytes(movie(), NAME)
    foot = found.left
    assert (found.source, found.sides, found.rate_hz) == ("fscan", ("left",), 31.25)
    assert found.body_mass_kg == 75.5
    assert np.array_equal(foot.t_s, np.arange(8) * 0.032)
    np.testing.assert_allclose(foot.force_n, pressures()[:, ~OUTSIDE] * 20e-3, rtol=1e-12)
    assert foot.layout.n_cells == ROWS * COLS - 4
    assert foot.layout.rows == 0  # a list of cells
    assert foot.accel_m_s2 is None


def test_rows_are_printed_toes_first_and_columns_from_the_wearers_left(load_bytes):
    layout = load_bytes(movie(), NAME).left.layout
    assert (layout.length_mm, layout.width_mm) == (30.0, 16.0)
    assert (layout.x_mm[0], layout.y_mm[0]) == (10.0, 27.5)  # row 0, column 2
    assert (layout.x_mm[-1], layout.y_mm[-1]) == (10.0, 2.5)  # row 5, column 2


@pytest.mark.parametrize(
    "content",
    [
        movie(newline="\n").encode(),
        movie().encode("utf-8-sig"),
        movie().encode("utf-16"),
        movie(separator="\t").encode(),
        movie(separator=", ").encode(),
        movie(separator=";").encode(),
        movie(header={"COMMENTS:": "schöner Gang"}).encode("latin-1"),
        movie(header={"SENSEL_AREA": "0.2 cm2", "ROW_SPACING": "0.5 centimeters"}).encode(),
        movie().rstrip("@\r\n").encode(),
        movie().rstrip("\r\n").encode(),
    ],
    ids=["lf", "bom", "utf-16", "tabs", "blanks", "semi", "latin-1", "cm", "no end", "no newline"],
)
def test_packing_changes_nothing(load_bytes, content):
    foot = load_bytes(content, NAME).left
    np.testing.assert_allclose(foot.force_n, pressures()[:, ~OUTSIDE] * 20e-3, rtol=1e-12)
    assert foot.layout.length_mm == 30.0


def test_decimal_commas_between_semicolons_are_read_and_noted(load_bytes):
    found = load_bytes(movie(separator=";").replace(".", ","), NAME)
    np.testing.assert_allclose(found.left.force_n, pressures()[:, ~OUTSIDE] * 20e-3)
    assert found.rate_hz == 31.25
    assert any("Decimal commas" in note for note in found.notes)


@pytest.mark.parametrize(
    ("unit", "kpa"), [("kPa", 1.0), ("PSI", 6.894757), ("N/cm2", 10.0), ("mmHg", 0.1333224)]
)
def test_pressure_units_are_those_of_the_header(load_bytes, unit, kpa):
    foot = load_bytes(movie(header={"UNITS": unit}), NAME).left
    np.testing.assert_allclose(foot.force_n, pressures()[:, ~OUTSIDE] * kpa * 20e-3)


@pytest.mark.parametrize(
    ("name", "movie_name", "side"),
    [
        ("walkR.asf", "", "right"),
        ("walk_left.asf", "", "left"),
        ("Walk Right.asf", "", "right"),
        ("walkRight.asf", "", "right"),
        ("p01-r.asf", "", "right"),
        ("walk.asf", "C:\\A\\xP01R.fsx", "right"),
        ("walkL.asf", "C:\\A\\xP01.fsx", "left"),
    ],
)
def test_the_side_comes_from_the_header_or_the_file_name(load_bytes, name, movie_name, side):
    assert load_bytes(movie(header={"FILENAME": movie_name}), name).sides == (side,)


def test_lost_frames_leave_a_hole_in_time_and_a_note(load_bytes):
    found = load_bytes(movie(n=4, numbers=[3, 4, 7, 8]), NAME)
    np.testing.assert_allclose(found.left.t_s, np.array([0, 1, 4, 5]) * 0.032)
    assert "2 frame numbers are missing; their times have no sample." in found.notes


def test_what_is_taken_on_trust_is_noted(load_bytes):
    found = load_bytes(movie(header={"MIRROR_ROW": "1", "SENSOR_TYPE": "6900"}), NAME)
    assert "MIRROR_ROW is 1; rows and columns were taken as printed." in found.notes
    assert "SENSOR_TYPE is '6900', not FSCAN; the sensor was taken as a sole." in found.notes


def walking(toes_first):
    kpa = np.zeros((60, ROWS, COLS))
    for start in (5, 25, 45):
        for i in range(10):
            row = i * ROWS // 10 if toes_first else ROWS - 1 - i * ROWS // 10
            kpa[start + i, row] = 100
    return kpa


def test_a_walk_that_loads_the_first_rows_first_is_noted(load_bytes):
    usual = load_bytes(movie(n=60, kpa=walking(toes_first=False)), NAME)
    upside_down = load_bytes(movie(n=60, kpa=walking(toes_first=True)), NAME)
    assert not any("begin at the toe end" in note for note in usual.notes)
    assert any("begin at the toe end" in note for note in upside_down.notes)


@pytest.mark.parametrize("text", ["", "75.5 (Raw)", "7..5 (Kgs)", "2 (Kgs)", "none"])
def test_without_a_calibration_weight_the_body_mass_is_unknown(load_bytes, text):
    assert load_bytes(movie(header={"CALIBRATION_POINT_1": text}), NAME).body_mass_kg is None


def test_a_calibration_weight_in_pounds_becomes_kilograms(load_bytes):
    found = load_bytes(movie(header={"CALIBRATION_POINT_1": "150 (lbs)"}), NAME)
    assert found.body_mass_kg == pytest.approx(68.04, abs=0.01)


def line_of(frame, row):
    return len(HEADER) + 2 + (frame - 1) * (ROWS + 2) + 1 + row


@pytest.mark.parametrize(
    ("content", "name", "message"),
    [
        (movie(header={"UNITS": "raw"}), NAME, "UNITS raw is not calibrated"),
        (movie(header={"UNITS": "bananas"}), NAME, "pressure is in 'bananas'; known units: kpa"),
        (movie(header={"UNITS": ""}), NAME, "the header has no UNITS"),
        (movie(header={"ROWS": "six"}), NAME, "ROWS is 'six'; a whole number"),
        (movie(header={"COLS": ""}), NAME, "the header has no COLS"),
        (movie(header={"COLS": "5"}), NAME, f"line {line_of(1, 1)}: row 1 of frame 1 has 4 of 5"),
        (movie(header={"ROWS": "5"}), NAME, f"line {line_of(1, 6)}: frame 1 has more than 5 rows"),
        (movie(header={"SENSEL_AREA": "x"}), NAME, "SENSEL_AREA is 'x'; a number and a unit"),
        (movie(header={"SECONDS_PER_FRAME": "0"}), NAME, "SECONDS_PER_FRAME is 0.0"),
        (movie(header={"FILENAME": ""}), "walk.asf", "left or right foot\\?"),
        (movie(), "walkR.asf", "FILENAME says left, the file name says right"),
        (movie().replace("ASCII_DATA", "DATA"), NAME, "no line ASCII_DATA"),
        (movie(n=1), NAME, "1 frames; a recording needs at least 2"),
        (movie(numbers=[1, 2, 3, 3, 5, 6, 7, 8]), NAME, "frame 3 comes after 3"),
        (movie()[:-20], NAME, "of frame 8 has .* of 4 cells; the file is cut off"),
        (movie(kpa=-pressures()), NAME, f"line {line_of(1, 1)}: a pressure is below zero"),
        (movie(kpa=pressures() * np.nan), NAME, f"line {line_of(1, 1)}: frame 1 cell is 'nan'"),
        (movie().replace("B,B", "B,1", 1), NAME, "the outline 'B' differs from the first frame"),
    ],
)
def test_a_broken_file_is_refused_with_its_line_or_key(load_bytes, content, name, message):
    with pytest.raises(DataError, match=message) as caught:
        load_bytes(content, name)
    assert str(caught.value).startswith(name)


def test_a_sensor_that_is_all_outside_is_refused(load_bytes):
    lines = movie().replace("0.032", "x.032").split("\r\n")
    content = "\r\n".join(
        "B,B,B,B" if line.count(",") == 3 else line.replace("x", "0") for line in lines
    )
    with pytest.raises(DataError, match="all cells are outside"):
        load_bytes(content, NAME)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_a_mutated_file_gives_an_error_or_a_valid_recording(load_or_refuse, mutations, data):
    load_or_refuse(movie().encode(), NAME, data.draw(mutations))


@pytest.mark.data
def test_the_shared_example_has_the_figures_of_its_readme(data_dir):
    found = load_source(data_dir / "vendor_formats" / "fscan_testL.asf")
    foot = found.left
    assert found.sides == ("left",)
    assert found.body_mass_kg == pytest.approx(75.0, abs=0.001)
    assert foot.force_n.shape == (205, 955)
    assert found.rate_hz == pytest.approx(31.25)
    assert foot.total_n.max() == pytest.approx(924, rel=0.005)
    assert not any("toe end" in note for note in found.notes)
    starts = np.flatnonzero((foot.total_n[1:] > 40) & (foot.total_n[:-1] <= 40)) + 1
    assert starts.size == 6 - (foot.total_n[0] > 40)
    assert 2 * 60 / (np.median(np.diff(starts)) * 0.032) == pytest.approx(105, abs=3)
    for start in starts:
        cop_mm = foot.force_n[start : start + 25] @ foot.layout.y_mm
        total = foot.total_n[start : start + 25]
        cop_mm = cop_mm[total > 40] / total[total > 40]
        assert cop_mm[0] < 60
        assert cop_mm[-1] > 150


@pytest.mark.data
def test_the_left_example_bears_its_hindfoot_and_arch_on_the_lateral_side(data_dir):
    foot = load_source(data_dir / "vendor_formats" / "fscan_testL.asf").left
    arch = (foot.layout.y_mm > 90) & (foot.layout.y_mm < 160)
    load = foot.force_n.sum(axis=0)[arch]
    assert (load @ foot.layout.x_mm[arch]) / load.sum() < 0.4 * foot.layout.width_mm


@pytest.mark.data
def test_other_vendor_files_are_refused(data_dir):
    for path in sorted((data_dir / "vendor_formats").iterdir()):
        if path.name not in ("fscan_testL.asf", "xsensor_data.csv"):
            with pytest.raises(DataError, match=path.name):
                load_source(path)
