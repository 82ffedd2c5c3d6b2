"""What outlives a restart: whole, or as it was before."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solecore.layouts import CELLS_4, geometry
from solefoot.app.profiles import profile
from solefoot.app.settings import Settings, kept_side
from solefoot.app.store import Store

FOLDER = "store"


@pytest.fixture
def store(tmp_path) -> Store:
    return Store(str(tmp_path / FOLDER))


def test_what_was_put_comes_back_also_after_a_restart(store):
    store.put("settings", {"noise": 4, "name": "left"})
    store.put("bonds", b"\0key", bytearray(b"\1\2"))
    again = Store(store.folder)
    assert again.get("settings") == {"noise": 4, "name": "left"}
    assert again.get("bonds") == b"\0key\1\2"
    assert again.get("nothing", 5) == 5
    assert again.damaged == []


def test_the_last_put_holds_and_remove_forgets(store):
    store.put("a", {"n": 1})
    store.put("a", {"n": 2})
    assert store.get("a") == {"n": 2}
    store.remove("a")
    store.remove("a")
    assert store.get("a") is None


@pytest.mark.parametrize("name", ["", "../a", "a/b", "a.new", "x" * 33])
def test_a_name_that_is_no_file_is_refused(store, name):
    with pytest.raises(ValueError, match="letters, digits"):
        store.put(name, {})


@given(st.binary(max_size=40), st.data())
def test_any_damage_gives_the_default_and_says_so(tmp_path_factory, content, data):
    store = Store(str(tmp_path_factory.mktemp("s") / FOLDER))
    store.put("a", content)
    path = Path(store.folder, "a")
    whole = path.read_bytes()
    at = data.draw(st.integers(0, len(whole) - 1))
    if data.draw(st.booleans()):
        broken = whole[:at]
    else:
        broken = (
            whole[:at] + bytes((whole[at] ^ data.draw(st.integers(1, 255)),)) + whole[at + 1 :]
        )
    path.write_bytes(broken)
    assert store.get("a", "default") == "default"
    assert store.damaged == ["a"]
    store.put("a", content)
    assert store.get("a") == content
    assert store.damaged == []


def test_a_power_cut_while_writing_leaves_what_was_there(store, monkeypatch):
    store.put("a", {"n": 1})

    def cut(*_):
        raise OSError("the lights went out")

    monkeypatch.setattr("os.replace", cut)
    with pytest.raises(OSError, match="lights"):
        store.put("a", {"n": 2})
    assert Store(store.folder).get("a") == {"n": 1}


def settings(store) -> Settings:
    return Settings(geometry(CELLS_4, False), profile(CELLS_4), 0, "S-1", 1, store=store)


def test_an_insole_recalls_its_settings_and_its_calibration(store):
    before = settings(store)
    before.body_weight = 9000
    before.rezero = 1
    before.next_period_us = 20_000
    calibration = before.calibration
    calibration.table[0] = 77
    calibration.table[8] = 5
    calibration.force_lsb_un = 68_000
    calibration.steps = calibration.ZEROED | calibration.GAINED
    calibration.identify()
    before.keep()
    before.keep_calibration()
    after = settings(store)
    after.recall()
    assert (after.body_weight, after.rezero, after.period_us) == (9000, 1, 20_000)
    assert after.calibration.table == calibration.table
    assert after.calibration.calibration_id == calibration.calibration_id != 0
    assert after.calibration.steps == calibration.steps


def test_the_side_that_a_user_chose_holds_until_another_one_is_flashed(store):
    assert kept_side(store, 0) == 0
    insole = settings(store)
    insole.next_side = 1
    insole.keep()
    assert kept_side(store, 0) == 1
    assert kept_side(store, 1) == 1
    insole.next_side = 0
    insole.keep()
    assert (kept_side(store, 0), kept_side(store, 1)) == (0, 1)
    store.put("settings", {"noise": 4})  # of a firmware that knew no side
    assert kept_side(store, 1) == 1


def test_an_insole_with_a_damaged_store_is_uncalibrated_and_has_its_defaults(store):
    before = settings(store)
    before.body_weight = 9000
    before.calibration.force_lsb_un = 68_000
    before.keep()
    before.keep_calibration()
    for name in ("settings", "calibration"):
        path = Path(store.folder, name)
        path.write_bytes(path.read_bytes()[:-1])
    after = settings(store)
    after.recall()
    assert after.body_weight == 0
    assert after.calibration.calibration_id == 0
    assert sorted(store.damaged) == ["calibration", "settings"]


def test_a_calibration_of_another_layout_is_left_alone(store):
    store.put("calibration", bytes(4), bytes((7,)), bytes(100))
    after = settings(store)
    after.recall()
    assert after.calibration.steps == 0
    assert list(after.calibration.table[4:8]) == [4096] * 4


SCRIPT = """
import os
from array import array
from solefoot.app.store import Store
store = Store("FOLDER")
store.put("a", {"n": 1})
store.put("a", {"n": 2})
store.put("b", b"x", array("H", [258]))
print(store.get("a"), store.get("b"), store.get("c", 3), os.listdir("FOLDER").count("a.new"))
"""


@pytest.mark.mpy
@pytest.mark.mpy32
def test_micropython_keeps_the_same(run_board, tmp_path):
    out = run_board(SCRIPT.replace("FOLDER", str(tmp_path / FOLDER)))
    assert out.strip() == "{'n': 2} b'x\\x02\\x01' 3 0"
    assert Store(str(tmp_path / FOLDER)).get("a") == {"n": 2}
