"""Which application boots: counted tries, damage, restarts in a row, states of nonsense."""

import os
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solefoot.app.slots import EARLY, NAMES, PACK, TRIES, Slots
from tools import bundle

ROOT = Path(__file__).parents[2]
FILES = {PACK: b"1" * 3000, "more.bin": b""}


def install(root: Path, slot: str, files: dict[str, bytes] | None = None) -> None:
    """Put an application into a slot, as the flash tool does."""
    files = FILES if files is None else files
    (root / slot).mkdir(parents=True)
    for name, data in {**files, "manifest.txt": bundle.manifest(files, "test", "x64")}.items():
        (root / slot / name).write_bytes(data)


@pytest.fixture
def flash(tmp_path):
    """Return a file system with two applications, of which ``a`` has proved itself."""
    for slot in NAMES:
        install(tmp_path, slot)
    Slots(str(tmp_path)).settle("a")
    return tmp_path


def boot(flash: Path, **options) -> str:
    return Slots(str(flash)).boot(**options)


def test_a_trial_that_never_says_it_is_well_gives_way_to_the_last_good_one(flash):
    Slots(str(flash)).propose("b")
    assert [boot(flash) for _ in range(TRIES + 1)] == ["b"] * TRIES + ["a"]
    assert Slots(str(flash)).trial == ""


def test_a_trial_that_settles_becomes_the_good_one(flash):
    Slots(str(flash)).propose("b")
    assert boot(flash) == "b"
    Slots(str(flash)).settle("b")
    assert [boot(flash) for _ in range(3)] == ["b"] * 3


def test_a_trial_that_crashes_at_once_falls_back_before_safe_mode(flash):
    Slots(str(flash)).propose("b")
    seen = []
    for _ in range(TRIES + 1):
        slots = Slots(str(flash))
        seen.append((slots.boot(was_dog=True), slots.is_safe))
    assert seen == [("b", False)] * TRIES + [("a", False)]


def test_a_slot_that_was_damaged_is_not_booted(flash):
    Slots(str(flash)).settle("b")
    (flash / "b" / PACK).write_bytes(b"rot")
    assert boot(flash) == "a"
    (flash / "a" / "more.bin").unlink()
    assert boot(flash) == ""


def test_a_trial_that_was_damaged_is_not_tried(flash):
    Slots(str(flash)).propose("b")
    (flash / "b" / "manifest.txt").unlink()
    assert boot(flash) == "a"
    assert Slots(str(flash)).trial == ""


@pytest.mark.parametrize(
    "text", [b"", b"a b", b"a - 0 0 0 0 en", b"a - x 0 0 0 end", b"c d 1 2 3 0 end"]
)
def test_a_state_that_cannot_be_read_leaves_the_slots_to_their_manifests(tmp_path, text):
    install(tmp_path, "b")
    (tmp_path / "slots.txt").write_bytes(text)
    assert boot(tmp_path) == "b"


words = st.sampled_from([b"a", b"b", b"-", b"0", b"3", b"-1", b"99999999999", b"end", b"\xff"])


@given(state=st.binary(max_size=200) | st.lists(words, max_size=9).map(b" ".join))
def test_no_state_whatsoever_keeps_a_whole_application_from_booting(tmp_path_factory, state):
    root = tmp_path_factory.mktemp("flash")
    install(root, "b")
    (root / "slots.txt").write_bytes(state)
    slots = Slots(str(root))
    assert slots.boot() == "b"
    assert Slots(str(root)).n_dogs == slots.n_dogs >= 0


lines = st.sampled_from(
    [b"0" * 64 + b" 1 x", b"0 -1 more.bin", b"x y z", b"../..", b"a b c d", b"\xff\xfe", b"", b" "]
)


@given(
    text=st.binary(max_size=400)
    | st.lists(lines, max_size=9).map(b"\n".join)
    | st.lists(lines, max_size=9).map(lambda more: b"\n".join([b"k v"] * 5 + more))
)
def test_no_manifest_of_nonsense_makes_a_slot_whole(tmp_path_factory, text):
    root = tmp_path_factory.mktemp("flash")
    install(root, "a")
    (root / "a" / "manifest.txt").write_bytes(text)
    assert boot(root) == ""


def test_too_many_early_restarts_lead_to_safe_mode_and_a_wanted_restart_leads_out(flash):
    for i in range(EARLY + 2):
        slots = Slots(str(flash))
        assert slots.boot(was_dog=True) == "a"
        assert slots.is_safe == (i >= EARLY)
    assert slots.n_dogs == EARLY + 2
    slots.leave()
    slots = Slots(str(flash))
    assert slots.boot(was_dog=True) == "a"  # some processors restart by their watchdog
    assert (slots.is_safe, slots.n_dogs) == (False, EARLY + 2)
    slots = Slots(str(flash))  # it crashed again
    slots.boot(was_dog=True)
    assert (slots.is_safe, slots.n_dogs) == (True, EARLY + 3)


def test_restarts_that_are_wanted_and_long_runs_never_lead_to_safe_mode(flash):
    for i in range(4 * EARLY):
        slots = Slots(str(flash))
        slots.boot()
        assert not slots.is_safe
        slots.leave() if i % 2 else slots.settle("a")


def test_an_update_in_safe_mode_is_tried(flash):
    (flash / "slots.txt").write_text("a - 0 9 9 0 end")
    slots = Slots(str(flash))
    assert slots.boot() == "a"
    assert slots.is_safe
    slots.propose("b")
    slots.leave()
    slots = Slots(str(flash))
    assert (slots.boot(), slots.is_safe) == ("b", False)


def test_where_the_flash_takes_nothing_the_good_one_boots_and_a_trial_does_not(flash, monkeypatch):
    Slots(str(flash)).propose("b")
    before = (flash / "slots.txt").read_bytes()
    slots = Slots(str(flash))

    def full(*_):
        raise OSError(28, "no space")

    monkeypatch.setattr(os, "replace", full)
    assert slots.boot() == "a"
    slots.settle("a")
    assert not slots.propose("b")
    assert (flash / "slots.txt").read_bytes() == before


# -- boot.py and main.py themselves, in MicroPython, with a folder as the board's file system -----

GOOD = "def main():\n    print('RUNS', VERSION)\n"
BAD = {
    "raises": "def main():\n    raise RuntimeError('broken')\n",
    "has a setting that cannot be": "def main():\n    raise ValueError('no such layout')\n",
    "does not import": "import nothing_of_that_name\n",
    "does not compile": "def main(:\n",
}


@pytest.fixture
def board(tmp_path, mpy32_path):
    """Return a board: ``put(slot, main)`` an application, ``start()`` and read what it prints."""
    for source in ("boot.py", "main.py", "pack.py", "solefoot/app/slots.py"):
        path = ROOT / "firmware" / source
        (tmp_path / path.name).write_bytes(path.read_bytes())
    boards = ROOT / "tests" / "firmware" / "boards"

    def put(slot: str, main: str) -> None:
        files = {
            "solefoot/__init__.py": b"",
            "solefoot/boards/__init__.py": b"",
            "solefoot/boards/start.py": f"VERSION = '{slot}'\n{main}".encode(),
        }
        install(tmp_path, slot, {PACK: bundle.packed(files)})

    def start() -> str:
        command = [mpy32_path, "-X", "heapsize=100k", boards / "power_on.py", tmp_path]
        done = subprocess.run(
            [*command, boards / "shims"], capture_output=True, text=True, timeout=20
        )
        return done.stdout + done.stderr

    return SimpleNamespace(root=tmp_path, put=put, start=start, slots=Slots(str(tmp_path)))


@pytest.mark.mpy32
@pytest.mark.parametrize("what", BAD)
def test_a_new_application_that_fails_starts_anew_until_the_old_one_is_back(board, what):
    board.put("a", GOOD)
    board.put("b", BAD[what])
    board.slots.settle("a")
    board.slots.propose("b")
    for _ in range(TRIES):
        said = board.start()
        assert "RUNS" not in said
        assert said.endswith("RESET\n")
    assert board.start() == "RUNS a\n"


@pytest.mark.mpy32
def test_a_new_application_that_runs_is_run_again(board):
    board.put("a", GOOD)
    board.put("b", GOOD)
    board.slots.settle("a")
    board.slots.propose("b")
    assert board.start() == "RUNS b\n"
    Slots(str(board.root)).settle("b")
    assert board.start() == "RUNS b\n"


@pytest.mark.mpy32
def test_an_old_application_that_fails_leaves_the_console_to_whoever_comes(board):
    board.put("a", BAD["has a setting that cannot be"])
    board.slots.settle("a")
    assert board.start() == "solekit: no such layout\n"


@pytest.mark.mpy32
def test_a_signed_application_that_is_no_pack_is_given_up(board):
    board.put("a", GOOD)
    install(board.root, "b", {PACK: b"not a pack"})
    board.slots.settle("a")
    board.slots.propose("b")
    for _ in range(TRIES):
        said = board.start()
        assert "solekit: slot b: /b/app.pack is no pack" in said
        assert said.endswith("RESET\n")
    assert board.start() == "RUNS a\n"


@pytest.mark.mpy32
def test_with_nothing_to_boot_the_console_says_what_to_do(board):
    said = board.start()
    assert "no application is whole; flash one: python -m tools.flash" in said
