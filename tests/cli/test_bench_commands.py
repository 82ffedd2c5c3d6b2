"""``solekit settings``, ``selftest`` and ``calibrate``: an insole on the bench."""

import json

import pytest

DEVICE = "sim:walk?layout=cells-16&seed=3&side=left"
STANDING = "sim:stand?layout=cells-16&seed=3&side=left"


def rows(out):
    return [json.loads(line) for line in out.splitlines()]


def test_settings_shows_all_and_changes_some(solekit):
    code, out, _ = solekit("settings", "--device", DEVICE, "--json")
    before = {row["setting"]: row["value"] for row in rows(out)}
    assert code == 0
    counts = {"body_weight", "dead_band", "noise", "period_us"}
    assert set(before) == counts | {"fitness", "rezero", "side"}
    assert before["rezero"] == "off"
    _, out, _ = solekit("settings", "dead_band=5", "rezero=on", "--device", DEVICE, "--json")
    after = {row["setting"]: row["value"] for row in rows(out)}
    assert after == {**before, "dead_band": 5, "rezero": "on"}


def test_a_body_weight_in_newtons_becomes_counts(solekit):
    _, counts, _ = solekit("calibrate", "state", "--device", DEVICE, "--json")
    lsb_n = rows(counts)[0]["force_lsb_n"]
    _, out, _ = solekit("settings", "body_weight=700N", "--device", DEVICE, "--json")
    found = {row["setting"]: row["value"] for row in rows(out)}
    assert found["body_weight"] == pytest.approx(700 / lsb_n, abs=1)


def test_settings_of_a_pair_are_those_of_both_feet_and_a_side_belongs_to_one(solekit):
    pair = "sim:stand?layout=cells-4"
    _, out, _ = solekit("settings", "--device", pair, "--json")
    sides = {row["side"]: row["value"] for row in rows(out) if row["setting"] == "side"}
    assert sides == {"left": "left", "right": "right"}
    code, _, err = solekit("settings", "side=left", "--device", pair)
    assert code == 1
    assert "cannot both get one side" in err
    _, out, err = solekit("settings", "side=right", "--device", f"{pair}&side=left", "--json")
    (row,) = [row for row in rows(out) if row["setting"] == "side"]
    assert (row["side"], row["value"]) == ("left", "right")  # what it is, and what it will be
    assert "next start" in err


def test_selftest_passes_a_sound_insole_and_names_faults_with_exit_code_1(solekit):
    code, out, err = solekit("selftest", "--device", STANDING, "--json")
    assert (code, out) == (0, "")
    assert "left: passed" in err
    code, out, err = solekit(
        "selftest", "--device", STANDING + "&fault=saturated_cell:5", "--json"
    )
    assert code == 1
    assert [(row["fault"], row["first"], row["words"]) for row in rows(out)] == [
        ("saturated_cell", 5, "cell 5 is saturated")
    ]
    assert "left: failed: cells" in err


def test_selftest_while_walking_names_a_stuck_address_line(solekit):
    device = "sim:walk?layout=cells-16&seed=3&side=right&fault=stuck_mux:1-0"
    code, out, err = solekit("selftest", "--walk", "--device", device, "--json")
    assert code == 1
    assert [(row["fault"], row["first"], row["second"]) for row in rows(out)] == [
        ("stuck_mux", 1, 0)
    ]
    assert "frames with load" in err


def test_calibrate_says_what_is_there_and_what_is_missing(solekit):
    _, out, err = solekit("calibrate", "state", "--device", DEVICE, "--json")
    (state,) = rows(out)
    assert state["calibration_id"] != 0
    assert "N per count" in err
    code, out, err = solekit("calibrate", "reset", "--device", DEVICE, "--json")
    assert code == 0
    assert rows(out)[0]["calibration_id"] == 0
    assert "uncalibrated, its counts are not newtons; missing: zero, gain" in err


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["settings", "speed=3"], 2, ["speed=3", "body_weight"]),
        (["settings", "rezero=1"], 2, ["off or on"]),
        (["settings", "side=both"], 2, ["left or right"]),
        (["settings", "noise=low"], 2, ["whole number of counts"]),
        (["settings", "body_weight=xN"], 2, ["number of newtons"]),
        (["settings", "dead_band=300"], 1, ["at most 255"]),
        (["settings", "period_us=5"], 1, ["5 us", "1000000"]),
        (["calibrate", "tare"], 2, ["tare", "zero"]),
        (["calibrate", "gain"], 2, ["needs a force"]),
        (["calibrate", "keep"], 1, ["no flash"]),
        (["calibrate", "zero"], 1, ["refused", "load"]),
        (["calibrate", "equalise"], 1, ["no neighbours"]),
    ],
)
def test_a_mistake_gets_one_clear_line_and_its_exit_code(solekit, arguments, code, words):
    got, _, err = solekit(*arguments, "--device", STANDING)
    assert got == code
    assert "Traceback" not in err
    for word in words:
        assert word in " ".join(err.split())
