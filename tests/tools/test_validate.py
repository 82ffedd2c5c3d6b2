import json

import numpy as np
import pandas as pd
import pytest

from tools.validate.__main__ import main, run
from tools.validate.reference import compare_events, match, threshold_contacts


def test_contacts_of_a_known_force_are_placed_between_the_samples():
    t_s = np.arange(0, 3, 0.01)
    force_n = np.clip(1000 * np.sin(2 * np.pi * t_s), 0, None)
    events = threshold_contacts(t_s, force_n, 100.0, "left")
    expected = np.arcsin(0.1) / (2 * np.pi)
    ic_s = events.loc[events["kind"] == "ic", "t_s"].to_numpy()
    np.testing.assert_allclose(ic_s % 1.0, expected, atol=2e-4)


def test_chatter_around_the_level_is_one_contact():
    t_s = np.arange(0, 1, 0.01)
    force_n = np.where((t_s > 0.2) & (t_s < 0.8), 500.0, 0.0)
    force_n[[22, 75]] = 0.0
    assert list(threshold_contacts(t_s, force_n, 50.0, "left")["kind"]) == ["ic", "to"]


def test_matching_is_one_to_one_and_counts_what_is_left_over():
    differences, n_extra = match(np.array([1.0, 2.0, 3.0]), np.array([1.01, 1.05, 1.99, 2.6, 9.0]))
    np.testing.assert_allclose(np.sort(differences), [-0.01, 0.01])
    assert n_extra == 2


def test_a_comparison_states_bias_spread_and_intervals():
    reference = pd.DataFrame({"side": "left", "kind": "ic", "t_s": np.arange(20.0)})
    noise = np.random.default_rng(1).normal(0.004, 0.002, 20)
    found = reference.assign(t_s=reference["t_s"] + noise)
    result = compare_events([(reference, found)])
    assert result["n_missed"] == result["n_extra"] == 0
    low, high = result["ic_bias_ms_interval"]
    assert low < 4.0 < high
    assert result["ic_sd_ms"] == pytest.approx(1000 * noise.std(ddof=1), abs=0.01)


def test_absent_data_end_with_code_2_and_the_name_of_the_set(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(
        "sys.argv", ["validate", "gaitpdb8", "--data", str(tmp_path), "--rung", "sim"]
    )
    assert main() == 2
    assert "gaitpdb8" in capsys.readouterr().err


@pytest.mark.data
@pytest.mark.parametrize("name", ["moticon_opengo", "gaitpdb8", "fscan_walk"])
def test_real_recordings_meet_their_targets_on_the_host(name, data_dir):
    result = run(name, data_dir, "sim")
    assert result is not None
    assert result["n_recordings"] >= 1
    assert all(result["targets"].values()), json.dumps(result, indent=1)


@pytest.mark.data
@pytest.mark.mpy32
@pytest.mark.parametrize("name", ["moticon_opengo", "fscan_walk"])
def test_real_recordings_meet_their_targets_inside_micropython(name, data_dir):
    result = run(name, data_dir, "mpy")
    assert result is not None
    assert all(result["targets"].values()), json.dumps(result, indent=1)
