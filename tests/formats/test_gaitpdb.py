import gzip

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from solekit.errors import DataError
from solekit.formats import load_source
from solekit.formats.gaitpdb import sole_layout

NAME = "GaCo09_01.txt"


def walk(n=30):
    rng = np.random.default_rng(4)
    return np.arange(n) / 100, rng.integers(0, 30_000, (n, 16)) / 100


def text(n=30, newline="\r\n"):
    t_s, force = walk(n)
    rows = np.column_stack([t_s, force, force[:, :8].sum(axis=1), force[:, 8:].sum(axis=1)])
    return "".join("\t".join(f"{v:.2f}" for v in row) + newline for row in rows)


def replaced(line, column, value):
    lines = text().split("\r\n")
    fields = lines[line - 1].split("\t")
    fields[column] = value
    lines[line - 1] = "\t".join(fields)
    return "\r\n".join(lines)


@pytest.mark.parametrize(
    "content",
    [
        text().encode(),
        gzip.compress(text().encode()),
        text(newline="\n").encode("utf-8-sig"),
        text().encode("utf-16"),
        text().replace("\t", "  ").encode(),
        text().replace("\r\n", "\t\t\r\n").encode(),
        text().rstrip().encode(),
    ],
    ids=["plain", "gzip", "bom", "utf-16", "blanks", "trailing tabs", "no last newline"],
)
def test_values_come_back_exactly_whatever_the_packing(load_bytes, content):
    t_s, force = walk()
    found = load_bytes(content, NAME)
    assert found.source == "gaitpdb"
    assert found.person == "GaCo09"
    assert found.rate_hz == 100.0
    assert found.events is None
    assert found.body_mass_kg is None
    assert np.array_equal(found.feet["left"].t_s, t_s)
    assert np.array_equal(found.feet["left"].force_n, force[:, :8])
    assert np.array_equal(found.feet["right"].force_n, force[:, 8:])
    assert found.feet["left"].accel_m_s2 is None


def test_decimal_commas_are_read_and_noted(load_bytes):
    found = load_bytes(text().replace(".", ","), NAME)
    assert np.array_equal(found.feet["right"].force_n, walk()[1][:, 8:])
    assert "Decimal commas were read as points, first in line 1." in found.notes


def test_cells_lie_heel_first_and_mirrored_on_the_right():
    left, right = sole_layout("left"), sole_layout("right")
    assert left.y_mm[0] == left.y_mm.min() > 0
    assert left.y_mm[7] == left.y_mm.max() < left.length_mm
    assert left.x_mm[1] < left.x_mm[2]  # L2 at -700 is further left than L3 at -300
    assert right.x_mm[1] > right.x_mm[2]
    assert np.allclose(left.x_mm + right.x_mm, left.width_mm)
    assert left.heel.tolist() == [True] * 3 + [False] * 5


def test_the_body_mass_comes_from_the_demographics_beside_the_file(tmp_path):
    (tmp_path / NAME).write_text(text())
    table = tmp_path / "demographics.csv"
    table.write_text("ID,Group,Weight (kg)\nGaCo01,CO,60\nGaCo09,CO,83.5\n")
    assert load_source(tmp_path / NAME).body_mass_kg == 83.5
    for other in ("", "ID,Weight\nGaCo09,\n", "ID,Weight\nGaCo09\n", "ID\nGaCo09\n", "\0"):
        table.write_text(other)
        assert load_source(tmp_path / NAME).body_mass_kg is None


def test_a_file_with_another_name_gets_a_code_for_its_person(load_bytes):
    assert load_bytes(text(), "jane.txt").person.startswith("file-")


def test_a_total_that_is_not_the_sum_is_noted(load_bytes):
    found = load_bytes(replaced(5, 17, "9999.00"), NAME)
    assert any("In 1 rows the total column differs" in note for note in found.notes)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (replaced(4, 3, "nan"), "line 4: L3 is 'nan'; a finite number"),
        (replaced(4, 3, "1_0"), "line 4: L3 is '1_0'"),
        (replaced(4, 3, "1e300"), "line 4: L3 is '1e300'"),
        (replaced(4, 12, "-3.00"), "line 4: R4 is -3 N, below zero"),
        (replaced(7, 0, "0.02"), r"line 7: time 0\.02 s comes after 0\.05 s"),
        (replaced(7, 0, "0.05"), r"line 7: time 0\.05 s comes after 0\.05 s"),
        (text()[:-80], "line 30: .* columns instead of 19 .*; the file is cut off"),
        (text()[:-7], "line 30: the total differs .* cut off inside a number"),
        (text().replace("\t", " ", 1).replace("\r\n", "\t1\r\n", 1), "line 1: 20 columns"),
        ("\n".join(line.rpartition("\t")[0] for line in text().split("\r\n")), "18 columns"),
        (text(1), "1 rows; a recording needs at least 2"),
    ],
)
def test_a_broken_file_is_refused_with_its_line(load_bytes, content, message):
    with pytest.raises(DataError, match=message) as caught:
        load_bytes(content, NAME)
    assert str(caught.value).startswith(NAME)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_a_mutated_file_gives_an_error_or_a_valid_recording(load_or_refuse, mutations, data):
    load_or_refuse(text().encode(), NAME, data.draw(mutations))


def contacts(total_n, threshold_n):
    """Return (start, end) of contacts of 0.3 to 2 s at 100 Hz."""
    edges = np.diff((total_n > threshold_n).astype(int))
    starts, ends = np.flatnonzero(edges == 1) + 1, np.flatnonzero(edges == -1) + 1
    pairs = [(s, ends[ends > s][0]) for s in starts if (ends > s).any()]
    return np.array([(s, e) for s, e in pairs if 30 <= e - s <= 200])


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "cadence", "stance_pct", "peak_n", "mass_kg"),
    [
        ("GaCo01_01", 97.6, 65, 1160, 83.0),
        ("GaCo02_01", 109.1, 66, 1046, 70.0),
        ("GaCo02_02", 114.3, 65, 1032, 70.0),
        ("GaCo03_01", 97.6, 69, 1305, 101.0),
        ("GaCo03_02", 108.1, 66, 1428, 101.0),
    ],
)
def test_the_shared_walks_have_the_figures_of_their_readme(
    data_dir, name, cadence, stance_pct, peak_n, mass_kg
):
    found = load_source(data_dir / "gaitpdb8" / f"{name}.txt.gz")
    assert (found.rate_hz, found.person, found.body_mass_kg) == (100.0, name[:6], mass_kg)
    assert {foot.force_n.shape for foot in found.feet.values()} == {(12119, 8)}
    assert found.duration_s == pytest.approx(121.1715)
    left_n = found.feet["left"].total_n
    assert left_n.max() == pytest.approx(peak_n, abs=0.6)
    strides = np.diff(contacts(left_n, 20.0)[:, 0])
    assert 120 * 100 / np.median(strides) == pytest.approx(cadence, abs=0.1)
    # The README's stance is the share of all samples, standing included, over 20 N.
    assert 100 * (left_n > 20).mean() == pytest.approx(stance_pct, abs=0.6)
