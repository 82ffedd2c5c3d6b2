"""The benchmarks of gait analysis: small, and without the library that they compare with."""

import numpy as np

from tests.trajectory.walking import walk
from tools.bench import gait, scaling


def test_cost_is_told_for_every_length_and_memory_stays_that_of_a_block():
    *rows, ratios = scaling.measure((1, 6, 11))
    assert [row["minutes"] for row in rows] == [1, 6, 11]
    assert rows[1]["strides"] > 5 * rows[0]["strides"]
    assert rows[2]["contacts_of_load"] > 1.5 * rows[1]["contacts_of_load"]
    assert ratios["memory_last_to_second"] < 1.5
    assert ratios["seconds_per_hour_last_to_second"] > 0


def test_our_side_of_the_comparison_finds_the_strides_of_a_known_walk():
    walked = walk(12, rate_hz=204.8)
    found = gait.ours({"left": walked.signals}, 204.8)["left"]
    assert len(found["ic_s"]) == len(found["to_s"]) == 12
    np.testing.assert_allclose(found["length_m"], 1.3, rtol=0.02)


def test_events_within_borders_are_told_apart():
    found = {"left": {"ic_s": np.array([1.0, 5.0]), "to_s": np.array([1.5, 4.0])}}
    inside = gait._within(found, {"left": np.array([[0.5, 2.0], [3.5, 4.5]])})
    assert inside["left"]["ic_s"].tolist() == [1.0]
    assert inside["left"]["to_s"].tolist() == [1.5, 4.0]


def test_a_score_names_misses_inventions_and_the_bias():
    reference = np.array([1.0, 2.0, 3.0, 4.0])
    found = np.array([1.01, 2.01, 3.01, 3.5])
    score = gait._scored("ic_s", [(reference, found, np.array([0.0, 5.0]))])
    assert score["ic_f1"] == 0.75
    assert score["ic_bias_ms"] == 10.0
