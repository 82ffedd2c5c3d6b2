import numpy as np
import pytest

from solekit.contacts import InertialContacts
from solekit.formats import load_source
from solekit.motion_side import MotionSide

G = 9.80665


@pytest.mark.data
def test_the_shared_walk_has_the_figures_of_its_readme(data_dir):
    found = load_source(data_dir / "moticon_opengo" / "230927_102114.txt")
    assert found.rate_hz == 100.0
    left, right = found.feet["left"], found.feet["right"]
    assert (left.t_s[0], left.t_s[-1], left.t_s.size) == (0.50, 17.50, 1687)
    assert (right.t_s[0], right.t_s[-1], right.t_s.size) == (0.0, 17.45, 1737)
    assert left.total_n.max() == pytest.approx(1008, abs=1.5)
    assert right.total_n.max() == pytest.approx(1060, abs=1.5)
    assert found.events.groupby(["side", "kind"]).size().tolist() == [7, 7, 7, 7]
    assert found.events["t_s"].iloc[0] == 3.0
    assert found.events["t_s"].iloc[-1] == 12.55
    assert not any("not the known" in note or "lies" in note for note in found.notes)
    for foot in found.feet.values():
        standing = foot.t_s < 2
        accel = foot.accel_m_s2[standing].mean(axis=0)
        assert np.linalg.norm(accel) == pytest.approx(G, rel=0.03)
        assert accel[2] > 9.0


@pytest.mark.data
def test_initial_contacts_rise_and_toe_offs_fall_on_their_own_foot(data_dir):
    found = load_source(data_dir / "moticon_opengo" / "230927_102114.txt")
    for side, foot in found.feet.items():
        for event in found.events[found.events["side"] == side].itertuples():
            before = foot.total_n[np.searchsorted(foot.t_s, event.t_s - 0.12)]
            after = foot.total_n[np.searchsorted(foot.t_s, event.t_s + 0.12)]
            assert (after > before + 200) if event.kind == "ic" else (after < before - 200)


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "area_cm2"),
    [("230927_102114.txt", 205.1), ("walk_data_with_events_text_export.txt", 143.7)],
)
def test_one_scale_explains_the_total_force_and_the_table_the_cop(data_dir, name, area_cm2):
    path = data_dir / "moticon_opengo" / name
    found = load_source(path)
    lines = path.read_text(encoding="utf-8").split("\n")
    names = next(line for line in lines if line.startswith("# time"))[2:].split("\t")
    rows = [line.split("\t") for line in lines if line and not line.startswith("#")]
    for side, foot in found.feet.items():

        def column(wanted, side=side, foot=foot):
            i = next(i for i, n in enumerate(names) if n.startswith(f"{side} {wanted}"))
            return np.array([float(row[i]) for row in rows if row[i]])

        off = foot.total_n - column("total force")
        assert foot.layout.area_mm2.sum() / 100 == pytest.approx(area_cm2, abs=0.1)
        assert np.sqrt(np.mean(off**2)) < 0.6
        assert np.abs(off).max() < 2.0
        forward, medial = column("center of pressure X"), column("center of pressure Y")
        known = (forward != 0) | (medial != 0)
        cop_x = (foot.force_n @ foot.layout.x_mm)[known] / foot.total_n[known]
        cop_y = (foot.force_n @ foot.layout.y_mm)[known] / foot.total_n[known]
        assert np.abs(cop_y / 260 - 0.5 - forward[known]).max() < 0.002
        sign = 1 if side == "left" else -1
        assert np.abs(sign * (cop_x / 90 - 0.5) - medial[known]).max() < 0.002


@pytest.mark.data
def test_the_live_example_has_marks_but_no_gait_events(data_dir):
    found = load_source(data_dir / "moticon_opengo" / "walk_data_with_events_text_export.txt")
    assert found.events is None
    assert any(note.startswith("16 marks set by the operator") for note in found.notes)
    assert [foot.t_s.size for foot in found.feet.values()] == [499, 499]
    assert found.feet["left"].total_n.max() == pytest.approx(905, abs=1.5)
    assert found.feet["right"].total_n.max() == pytest.approx(904, abs=1.5)


@pytest.mark.data
@pytest.mark.parametrize("name", ["230927_102114.txt", "walk_data_with_events_text_export.txt"])
def test_left_and_right_feet_are_each_others_mirror_image(data_dir, name):
    found = load_source(data_dir / "moticon_opengo" / name)
    words = {}
    for side, foot in found.feet.items():
        swings = InertialContacts().detect(foot.accel_m_s2, foot.gyro_rad_s, t_s=foot.t_s).swings_
        grid_s = swings["to_s"].to_numpy(dtype=float)[:, None] + np.arange(-0.4, 0.6, 0.01)
        grid_s = grid_s[(grid_s[:, 0] > foot.t_s[0]) & (grid_s[:, -1] < foot.t_s[-1])]
        imu = np.hstack([foot.accel_m_s2, foot.gyro_rad_s])
        strides = [np.interp(grid_s, foot.t_s, column) for column in imu.T]
        words[side] = np.mean(strides, axis=1)  # (6, n)
        assert len(grid_s) >= 3
    agree = [np.corrcoef(words["left"][i], words["right"][i])[0, 1] for i in range(6)]
    assert (np.sign(agree) == [1, -1, 1, -1, 1, -1]).all(), agree  # forward and up; the rest


@pytest.mark.data
def test_the_motion_of_each_foot_tells_its_side(data_dir):
    found = load_source(data_dir / "moticon_opengo" / "230927_102114.txt")
    for side, foot in found.feet.items():
        judged = MotionSide().judge(foot.accel_m_s2, foot.gyro_rad_s, t_s=foot.t_s)
        assert judged.side_ == side
