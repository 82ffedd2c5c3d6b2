import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from solekit.errors import DataError
from solekit.formats.moticon_cells import AREA_SHARE, FORWARD, MEDIAL

NAME = "230101_101010.txt"
G = 9.80665
AREAS = {
    "left": 170.0 * AREA_SHARE / AREA_SHARE.sum(),
    "right": 150.0 * AREA_SHARE / AREA_SHARE.sum(),
}
COMMENTS = [
    "# Start time: 01.01.2023 10:10:10.000",
    "# Duration: 00:00.400",
    "# Sensor insoles: Left SN0001, Right SN0002",
    "# Size: 5",
    "# Recording type: normal",
    "# Name: a person's name: 8.50\tx",
    "# Notes: ä",
]
LINE = len(COMMENTS) + 2  # of the first row, counted from 1


def columns(side):
    names = [f"{side} pressure {i}[N/cm²]" for i in range(1, 17)]
    names += [f"{side} acceleration {a}[g]" for a in "XYZ"]
    names += [f"{side} angular {a}[dps]" for a in "XYZ"]
    return [
        *names,
        f"{side} total force[N]",
        *(f"{side} center of pressure {a}[-0.5...+0.5]" for a in "XY"),
    ]


def pressures(n, side):
    rng = np.random.default_rng(1 if side == "left" else 2)
    return rng.integers(0, 80, (n, 16)) / 4


def imu(n):
    rng = np.random.default_rng(3)
    return rng.integers(-2000, 2000, (n, 6)) / 64


def table(n=40, areas=AREAS, sides=("left", "right")):
    """Return names and fields of an export; the values are exact in 6 decimals."""
    names = ["time"]
    fields = [[f"{i / 100:.2f}" for i in range(n)]]
    for side in sides:
        p = pressures(n, side)
        force = p * areas[side]
        total = force.sum(axis=1)
        share = force / total[:, None]
        values = np.column_stack([p, imu(n), total, share @ FORWARD, share @ MEDIAL])
        names += columns(side)
        fields += [[f"{v:.6f}" for v in column] for column in values.T]
    names += [f"{side} steps[]" for side in sides[::-1]]
    fields += [[""] * n for _ in sides]
    return names, [list(row) for row in zip(*fields, strict=True)]


def text(names, rows, newline="\n", comments=COMMENTS):
    lines = [*comments, "# " + "\t".join(names), *("\t".join(row) for row in rows)]
    return newline.join(lines) + newline


def export(**changes):
    return text(*table(**changes))


def test_pressures_become_the_files_own_total_force(load_bytes):
    found = load_bytes(export(), NAME)
    assert found.source == "moticon"
    assert found.rate_hz == 100.0
    assert found.sides == ("left", "right")
    assert found.body_mass_kg is None
    assert found.events is None
    assert found.person.startswith("file-")
    for side, foot in found.feet.items():
        assert np.array_equal(foot.t_s, np.arange(40) / 100)
        np.testing.assert_allclose(foot.force_n, pressures(40, side) * AREAS[side], rtol=1e-6)
        np.testing.assert_allclose(foot.layout.area_mm2, AREAS[side] * 100, rtol=1e-6)
        # The left foot's axes are mirrored in the export: y points medially.
        y = -1.0 if side == "left" else 1.0
        assert np.array_equal(foot.accel_m_s2, imu(40)[:, :3] * G * [1, y, 1])
        assert np.array_equal(foot.gyro_rad_s, np.deg2rad(imu(40)[:, 3:]) * [y, 1, y])
    assert found.notes == (
        "Positions are on a nominal sole of 260 x 90 mm: the file gives size '5', no millimetres.",
    )


def test_no_word_of_the_header_comments_gets_into_the_recording(load_bytes):
    found = load_bytes(export(), NAME)
    assert "person's name" not in repr((found.name, found.person, found.notes))


@pytest.mark.parametrize(
    "content",
    [
        export().replace("\n", "\r\n").encode(),
        export().encode("utf-8-sig"),
        export().encode("latin-1"),
        export().encode("utf-16"),
        export().replace("²", "2").encode(),
        export().replace("²", "^2").replace("left", "Left").replace("total", "Total").encode(),
        export().replace("\n", "\t\t\n").encode(),
        export().rstrip("\n").encode(),
        export().replace("# time", "time").encode(),
        export().replace("# time", "#time").encode(),
        (export() + "\n\n").encode(),
        export().replace("right steps[]\tleft steps[]", "").replace("\t\t\n", "\n").encode(),
    ],
    ids=[
        "crlf",
        "bom",
        "latin-1",
        "utf-16",
        "cm2",
        "capitals",
        "trailing tabs",
        "no last newline",
        "bare names",
        "no blank",
        "blank lines",
        "no steps columns",
    ],
)
def test_packing_and_small_header_differences_change_nothing(load_bytes, content):
    found = load_bytes(content, NAME)
    for side, foot in found.feet.items():
        np.testing.assert_allclose(foot.force_n, pressures(40, side) * AREAS[side], rtol=1e-6)
        assert foot.accel_m_s2 is not None


def test_decimal_commas_are_read_and_noted(load_bytes):
    names, rows = table()
    found = load_bytes(text(names, [[f.replace(".", ",") for f in row] for row in rows]), NAME)
    np.testing.assert_allclose(
        found.feet["left"].force_n, pressures(40, "left") * AREAS["left"], rtol=1e-6
    )
    assert any("Decimal commas" in note for note in found.notes)


def test_columns_are_found_by_name_in_any_order(load_bytes):
    names, rows = table()
    order = [0, *np.random.default_rng(5).permutation(np.arange(1, len(names)))]
    shuffled = text([names[i] for i in order], [[row[i] for i in order] for row in rows])
    found = load_bytes(shuffled, NAME)
    for side, foot in found.feet.items():
        np.testing.assert_allclose(foot.force_n, pressures(40, side) * AREAS[side], rtol=1e-6)


def test_rows_that_a_foot_lacks_are_left_out_of_that_foot_only(load_bytes):
    names, rows = table()
    left = [i for i, name in enumerate(names) if name.startswith("left")]
    for row in (*range(5), 20):
        for i in left:
            rows[row][i] = ""
    found = load_bytes(text(names, rows), NAME)
    kept = [i for i in range(40) if i >= 5 and i != 20]
    assert found.feet["left"].t_s.tolist() == [i / 100 for i in kept]
    np.testing.assert_allclose(
        found.feet["left"].force_n, pressures(40, "left")[kept] * AREAS["left"], rtol=1e-6
    )
    assert found.feet["right"].t_s.size == 40
    assert "left: 6 of 40 rows have no sample of this foot." in found.notes


def test_rows_with_only_some_cells_are_dropped_with_a_note(load_bytes):
    names, rows = table()
    rows[7][3] = ""
    found = load_bytes(text(names, rows), NAME)
    assert found.feet["left"].t_s.size == 39
    assert "left: 1 rows with only some of the cells were dropped." in found.notes


@pytest.mark.parametrize("how", ["no columns", "empty columns"])
def test_one_foot_may_be_absent(load_bytes, how):
    names, rows = table(sides=("right",) if how == "no columns" else ("left", "right"))
    for row in rows:
        for i, name in enumerate(names):
            row[i] = "" if name.startswith("left") else row[i]
    found = load_bytes(text(names, rows), NAME)
    assert found.sides == ("right",)
    assert found.left is None
    assert any("left foot" in note for note in found.notes)


def test_a_sole_without_imu_or_cop_has_none(load_bytes):
    names, rows = table()
    keep = [
        i for i, name in enumerate(names) if not any(w in name for w in ("acc", "ang", "center"))
    ]
    found = load_bytes(text([names[i] for i in keep], [[r[i] for i in keep] for r in rows]), NAME)
    assert found.feet["left"].accel_m_s2 is None
    assert found.feet["left"].gyro_rad_s is None
    assert "left: no acceleration (columns absent or mostly empty)." in found.notes


def test_rows_without_imu_words_are_dropped_if_few_and_the_imu_if_many(load_bytes):
    names, rows = table()
    accel = names.index("left acceleration Y[g]")
    gyro = names.index("right angular X[dps]")
    rows[3][accel] = ""
    for row in rows[:20]:
        row[gyro] = ""
    found = load_bytes(text(names, rows), NAME)
    assert found.feet["left"].t_s.size == 39
    assert found.feet["right"].t_s.size == 40
    assert found.feet["right"].gyro_rad_s is None
    assert found.feet["right"].accel_m_s2 is not None


def test_step_codes_become_events_of_their_foot(load_bytes):
    names, rows = table()
    left, right = names.index("left steps[]"), names.index("right steps[]")
    rows[10][left], rows[30][left], rows[20][right], rows[35][right] = (
        "11.00",
        "15.00",
        "21",
        "25,00",
    )
    rows[36][right], rows[37][right] = "23.00", "0.00"
    found = load_bytes(text(names, rows), NAME)
    assert list(found.events.itertuples(index=False, name=None)) == [
        ("left", "ic", 0.1),
        ("right", "ic", 0.2),
        ("left", "to", 0.3),
        ("right", "to", 0.35),
    ]
    assert any(note.startswith("1 step marks other than") for note in found.notes)


def test_a_step_code_of_the_other_foot_is_refused(load_bytes):
    names, rows = table()
    rows[10][names.index("left steps[]")] = "21.00"
    with pytest.raises(DataError, match=f"line {LINE + 10}: left steps holds 21"):
        load_bytes(text(names, rows), NAME)


def test_marks_of_the_operator_are_no_gait_events(load_bytes):
    names, rows = table()
    names += ["Right Events label[]", "Right Events[]", "Left Events label[]", "Left Events[]"]
    names += ["left COP velocity[1]"]
    rows = [[*row, "", "", "", "", "0.0"] for row in rows]
    rows[4][-5:-3] = ["Event", "1.00"]
    rows[9][-3:-1] = ["Event", "2.00"]
    found = load_bytes(text(names, rows), NAME)
    assert found.events is None
    assert any(note.startswith("2 marks set by the operator") for note in found.notes)


def test_cells_lie_heel_first_with_the_hallux_on_the_medial_side(load_bytes):
    found = load_bytes(export(), NAME)
    left, right = found.feet["left"].layout, found.feet["right"].layout
    for layout in (left, right):
        assert layout.n_cells == 16
        assert layout.y_mm[0] < 30
        assert layout.y_mm[13] > 230
        assert (layout.x_mm > 0).all()
        assert (layout.x_mm < layout.width_mm).all()
    assert left.x_mm[13] > left.x_mm[15]  # the left hallux is on the wearer's right
    np.testing.assert_allclose(left.x_mm + right.x_mm, 90.0)


def test_an_unloaded_foot_gets_the_areas_of_the_other(load_bytes):
    names, rows = table()
    for row in rows:
        for i, name in enumerate(names):
            if name.startswith("left") and ("pressure" in name or "total" in name):
                row[i] = "0.00"
    found = load_bytes(text(names, rows), NAME)
    assert np.array_equal(found.feet["left"].layout.area_mm2, found.feet["right"].layout.area_mm2)
    assert "The left foot is never loaded; its areas are the other foot's." in found.notes
    with pytest.raises(DataError, match="no foot is ever loaded"):
        load_bytes(
            text(names, [[f if c == 0 else "0.0" for c, f in enumerate(r)] for r in rows]), NAME
        )


def test_another_sole_gets_areas_cell_by_cell_and_a_note(load_bytes):
    other = {side: np.random.default_rng(9).uniform(5, 15, 16) for side in AREAS}
    found = load_bytes(export(n=400, areas=other), NAME)
    np.testing.assert_allclose(found.feet["left"].layout.area_mm2, other["left"] * 100, rtol=1e-4)
    assert any("The left sole is not the known 16-cell sole" in note for note in found.notes)


def test_a_centre_of_pressure_that_does_not_fit_is_noted(load_bytes):
    names, rows = table()
    for row in rows:
        row[names.index("left center of pressure X[-0.5...+0.5]")] = "0.300000"
    found = load_bytes(text(names, rows), NAME)
    assert any("The left centre of pressure of the file lies" in note for note in found.notes)


def test_a_row_whose_total_force_is_off_is_noted(load_bytes):
    names, rows = table(n=400)
    total = names.index("left total force[N]")
    rows[5][total] = str(float(rows[5][total]) - 20)
    found = load_bytes(text(names, rows), NAME)
    assert any(
        note.startswith("left: in 1 rows the total force is over 5 N") for note in found.notes
    )


def test_a_total_force_of_something_else_is_refused(load_bytes):
    names, rows = table()
    for i, row in enumerate(rows):
        row[names.index("left total force[N]")] = str(i % 7 * 100)
    with pytest.raises(DataError, match=r"230101_101010\.txt: the left pressures explain .* only"):
        load_bytes(text(names, rows), NAME)


def changed(row, name, value):
    names, rows = table()
    rows[row][names.index(name)] = value
    return text(names, rows)


def without(*gone):
    names, rows = table()
    keep = [i for i, name in enumerate(names) if name not in gone]
    return text([names[i] for i in keep], [[row[i] for i in keep] for row in rows])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (without("left pressure 3[N/cm²]"), "missing columns: left pressure 3; export all"),
        (without("right total force[N]"), "missing columns: right total force;"),
        (without("time"), "no line of column names"),
        (export().replace("# time", "# time [ms]"), r"first column is 'time \[ms\]'"),
        (export().replace("N/cm²", "kPa"), r"'left pressure 1' is in \[kpa\], not \[n/cm2\]"),
        (export().replace("[g]", "[m/s²]"), r"'left acceleration x' is in \[m/s²\], not \[g\]"),
        (export().replace("left pressure 2[", "left pressure 1["), "is there twice"),
        (
            changed(4, "left pressure 2[N/cm²]", "nan"),
            rf"line {LINE + 4}: left pressure 2.* 'nan'",
        ),
        (changed(4, "right angular Z[dps]", "1.2.3"), rf"line {LINE + 4}: right angular Z.*'1\.2"),
        (changed(4, "time", ""), f"line {LINE + 4}: time is ''"),
        (
            changed(4, "left pressure 2[N/cm²]", "-0.5"),
            f"line {LINE + 4}: left pressure 2 is -0.5",
        ),
        (changed(9, "time", "0.05"), rf"line {LINE + 9}: time 0\.05 s comes after 0\.08 s"),
        (export()[:-200], f"line {LINE + 39}: .* of 53 fields; the line is cut off"),
        (export()[:-2], f"line {LINE + 39}: 52 of 53 fields; the line is cut off"),
        (export() + "1.0\t" * 60, f"line {LINE + 40}: 61 fields for 53 columns"),
        (text(table()[0], []), "0 lines of data"),
        (export(n=1), "1 lines of data"),
    ],
)
def test_a_broken_file_is_refused_with_its_line_or_column(load_bytes, content, message):
    with pytest.raises(DataError, match=message) as caught:
        load_bytes(content, NAME)
    assert str(caught.value).startswith(NAME)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_a_mutated_file_gives_an_error_or_a_valid_recording(load_or_refuse, mutations, data):
    load_or_refuse(export(n=12).encode(), NAME, data.draw(mutations))
