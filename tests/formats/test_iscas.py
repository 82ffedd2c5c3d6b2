import numpy as np
import pytest

from solekit.errors import DataError
from solekit.formats.iscas import load_iscas_counts


def save(path, **changes):
    pressure = np.zeros((3, 2, 33, 15), np.uint16)
    pressure[1, 0, 32, 4] = 700  # left heel
    pressure[2, 1, 0, 9] = 900  # right toes
    np.savez(path, **{"t_s": np.array([0.0, 0.1, 0.3]), "pressure": pressure, **changes})
    return path


def test_counts_come_back_with_the_heel_row_first(tmp_path):
    t_s, counts, layout = load_iscas_counts(save(tmp_path / "take.npz"))
    assert t_s.tolist() == [0.0, 0.1, 0.3]
    assert (layout.rows, layout.cols) == (33, 15)
    assert counts["left"].shape == (3, 495)
    assert counts["left"].dtype == np.uint16
    assert counts["left"][1, 4] == 700
    assert counts["right"][2, 32 * 15 + 9] == 900
    assert counts["left"].sum() + counts["right"].sum() == 1600


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"t_s": np.array([0.0, 0.1])}, r"\(n, 2, 33, 15\) are needed"),
        ({"t_s": np.array([0.0, 0.2, 0.1])}, "t_s does not increase"),
        ({"t_s": np.array([0.0, 0.2, np.nan])}, "t_s does not increase"),
        ({"pressure": np.zeros((3, 2, 30, 15), np.uint16)}, "are needed"),
        ({"pressure": np.zeros((3, 2, 33, 15))}, "float64; uint16 counts"),
        ({"t_s": np.array(["a", "b", "c"])}, "no readable npz"),
        ({"t_s": np.array([None, 1, 2])}, "no readable npz"),
    ],
)
def test_a_broken_take_is_refused(tmp_path, changes, message):
    with pytest.raises(DataError, match=message):
        load_iscas_counts(save(tmp_path / "take.npz", **changes))


def test_a_file_that_is_no_take_is_refused(tmp_path):
    path = tmp_path / "take.npz"
    np.savez(path, other=np.zeros(3))
    with pytest.raises(DataError, match="t_s and pressure are needed"):
        load_iscas_counts(path)
    for content in (b"", b"some text", save(path).read_bytes()[:300]):
        path.write_bytes(content)
        with pytest.raises(DataError, match="no readable npz"):
            load_iscas_counts(path)
    with pytest.raises(DataError, match="no readable npz"):
        load_iscas_counts(tmp_path / "absent.npz")


@pytest.mark.data
def test_the_shared_takes_hold_the_counts_of_their_readme(data_dir):
    takes = sorted((data_dir / "iscas33x15").glob("S0*.npz"))
    live = {"left": np.zeros(495, bool), "right": np.zeros(495, bool)}
    n_frames = 0
    for take in takes:
        t_s, counts, _ = load_iscas_counts(take)
        n_frames += t_s.size
        for side, seen in live.items():
            seen |= counts[side].any(axis=0)
    assert (len(takes), n_frames) == (7, 4008)
    assert (live["left"].sum(), live["right"].sum()) == (253, 251)


@pytest.mark.data
def test_the_sole_is_widest_towards_the_toes(data_dir):
    live = np.zeros((33, 15), bool)
    for take in sorted((data_dir / "iscas33x15").glob("S0*.npz")):
        _, counts, layout = load_iscas_counts(take)
        live |= counts["left"].any(axis=0).reshape(33, 15)
    widths = live.sum(axis=1)
    y_mm = layout.y_mm[::15]
    assert y_mm[widths == widths.max()].min() > 0.6 * layout.length_mm
