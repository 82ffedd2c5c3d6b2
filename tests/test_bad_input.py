"""What no insole should send, and what no walk is: a clear answer, never a made-up number."""

import numpy as np
import pytest

from solecore.wire import messages as m
from solekit.analysis import analyse
from tests.recorded import Recorder

SPATIAL = ("stride_length", "stride_speed", "max_lift")


@pytest.fixture(scope="module")
def record(tmp_path_factory):
    return Recorder(tmp_path_factory.mktemp("recordings"))


def rows(analysis, *names):
    table = analysis.variables
    return table.loc[table["name"].isin(names)] if names else table


def silence(recording, change):
    """Put ``change(foot, counts)`` in the place of the counts of every foot."""
    for foot in recording.feet.values():
        counts = change(foot, foot.counts.copy())
        foot.__dict__["counts"] = counts
        form = m.RAW12 if foot.form == "raw12" else m.RAW8
        force_n = foot.__dict__["force_n"] = foot.info.force_n(counts, form)
        foot.__dict__["load"] = force_n.sum(axis=1)
    return recording


@pytest.mark.parametrize("contacts", ["foot", "host"])
def test_standing_still_has_no_stride_and_a_reason_for_everything(record, contacts):
    found = analyse(record("sim:stand?seed=1&layout=cells-16", 8.0), contacts=contacts)
    assert found.strides["is_valid"].sum() == 0
    absent = rows(found)
    absent = absent.loc[absent["name"] != "total_steps"]
    assert (absent["reason"] != "").all()
    assert absent["value"].isna().all()


def test_a_sole_without_load_gives_no_contact_on_the_host(record):
    recording = silence(record("sim:walk?layout=cells-16"), lambda _, counts: counts * 0)
    found = analyse(recording, contacts="host")
    assert found.events.empty
    assert any("No gait event" in sentence for sentence in found.warnings)


def test_a_saturated_sole_gives_no_contact_and_says_so(record):
    def fill(foot, counts):
        return np.full_like(counts, 4095 if foot.form == "raw12" else 255)

    recording = silence(record("sim:walk?layout=cells-16"), fill)
    found = analyse(recording, contacts="host")
    assert found.events.empty
    assert any("saturated" in sentence for sentence in found.warnings)
    assert any("stuck at a load" in sentence for sentence in found.pressure.warnings)


def test_a_gain_that_is_too_high_is_told(record):
    def clip(foot, counts):
        top = 4095 if foot.form == "raw12" else 255
        return np.where(counts > top // 4, top, counts).astype(counts.dtype)

    found = analyse(silence(record("sim:walk?layout=cells-16"), clip))
    assert any("peaks are cut; lower the gain" in sentence for sentence in found.pressure.warnings)


def test_a_dead_heel_is_named_with_what_it_means(record):
    def kill(foot, counts):
        counts[:, foot.info.layout.heel] = 0
        return counts

    found = analyse(silence(record("sim:walk?layout=cells-16"), kill))
    assert any("no cell of the heel responds" in text for text in found.pressure.warnings)


@pytest.mark.parametrize("layout", ["cells-16", "grid-30x22"])
def test_fourteen_hertz_gives_times_of_strides_and_no_double_support(record, layout):
    found = analyse(record(f"sim:walk?layout={layout}&rate_hz=14", 30.0))
    stride = rows(found, "stride_time")
    assert stride["value"].between(0.9, 1.3).all()
    double = rows(found, "double_support_mean")
    assert double["value"].isna().all()
    assert double["reason"].str.contains("25 Hz").all()


def test_without_a_gyroscope_no_length_is_given(record):
    found = rows(analyse(record("sim:walk?layout=cells-4")), *SPATIAL)
    assert found["value"].isna().all()
    assert found["reason"].str.contains("no gyroscope").all()


def test_one_foot_has_its_own_way_and_the_other_none(record):
    found = rows(analyse(record("sim:walk?layout=cells-16&side=left")), "stride_length")
    by_side = found.set_index("side")
    assert by_side.loc["left", "value"] == pytest.approx(1.3, abs=0.2)
    assert "not recorded" in by_side.loc["right", "reason"]


@pytest.mark.parametrize("motion", ["walk", "slow", "fast", "limp", "shuffle", "run"])
def test_every_gait_is_found_by_the_foot_and_again_by_the_host(record, motion):
    recording = record(f"sim:{motion}?seed=3&layout=cells-16", 20.0)
    foot, host = (analyse(recording, contacts=c) for c in ("foot", "host"))
    times = [rows(found, "stride_time")["value"].to_numpy() for found in (foot, host)]
    np.testing.assert_allclose(times[0], times[1], rtol=0.01)
    for side in ("left", "right"):
        n_foot, n_host = (
            int(((found.events["kind"] == "ic") & (found.events["side"] == side)).sum())
            for found in (foot, host)
        )
        assert abs(n_foot - n_host) <= 1
