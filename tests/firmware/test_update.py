"""Updates: signed, resumable, and never a brick."""

import contextlib
import hashlib
import json
import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from solecore.wire import codes
from solecore.wire import messages as m
from solefoot.app.commands import RefusedError
from solefoot.app.slots import PACK, TRIES, Slots
from solefoot.app.update import LINGER_US
from solekit_hil import firmware
from solekit_hil.boardsource import source_for_board
from tests.firmware.updates import (
    FILES,
    KEY,
    NEXT,
    PRIVATE,
    Board,
    Flaky,
    GoneError,
    install,
    make_bundle,
)
from tools import bundle

BOOT = Path(__file__).parents[2] / "firmware" / "boot.py"


@pytest.fixture
def board(tmp_path):
    board = Board(tmp_path)
    board.open()
    return board


def test_an_update_fills_the_other_slot_and_is_tried_at_the_next_start(board):
    board.send(FILES)
    board.extra.turn(board.app)
    assert not board.app.wants_restart  # the answer is to arrive first
    assert board.ask(codes.UPDATE_END, 0) == 0  # it was lost
    with pytest.raises(RefusedError, match="restarts now"):
        board.begin(make_bundle(NEXT))
    board.us += LINGER_US + 1
    board.extra.turn(board.app)
    assert board.app.wants_restart
    assert board.app.settings.features & codes.FEATURE_UPDATE
    for name, data in FILES.items():
        assert (board.root / "a" / name).read_bytes() == data
    slots = Slots(str(board.root))
    assert (slots.trial, slots.tries) == ("a", TRIES)
    assert slots.boot() == "a"


def test_the_running_slot_is_never_touched(board):
    running = board.root / "b" / "mine.mpy"
    running.parent.mkdir()
    running.write_bytes(b"running")
    board.send(FILES)
    board.open("b")
    board.send(NEXT)
    assert [path.name for path in (board.root / "b").iterdir()] == ["mine.mpy"]
    assert not (board.root / "a" / "empty.mpy").exists()  # of the bundle before
    assert not (board.root / "a" / "lib").exists()
    assert (board.root / "a" / "app" / "deep" / "x.mpy").read_bytes() == b"x" * 900


def test_a_bundle_of_another_key_leaves_everything_as_it_was(board):
    head = make_bundle(FILES, private=bytes(32))
    with pytest.raises(RefusedError, match="signature is not by the key"):
        board.send(FILES, head)
    assert not (board.root / "a").exists()
    assert Slots(str(board.root)).trial == ""


def test_a_manifest_that_was_changed_after_signing_is_refused(board):
    head = make_bundle(FILES).replace(b"3000", b"3001")
    with pytest.raises(RefusedError, match="signature"):
        board.send(FILES, head)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"arch": "armv6m"}, "for arch armv6m, this is x64"),
        ({"board": "pico_w"}, "for board pico_w, this is test"),
    ],
)
def test_a_bundle_for_something_else_is_refused(board, options, text):
    with pytest.raises(RefusedError, match=text):
        board.send(FILES, make_bundle(FILES, **options))
    assert not (board.root / "a").exists()


@pytest.mark.parametrize("name", ["../b/evil.mpy", "/etc/evil", "a/../../evil"])
def test_a_path_out_of_the_slot_is_refused_even_if_signed(board, name):
    with pytest.raises(RefusedError, match="leads out of the slot"):
        board.send({name: b"evil"})
    assert not list(board.root.rglob("evil*"))


def test_an_insole_without_a_key_takes_no_update(board):
    board.open("b", b"")
    with pytest.raises(RefusedError, match="no key"):
        board.send(FILES)


def test_while_streaming_there_is_no_update(board):
    board.app.is_streaming = True
    with pytest.raises(RefusedError, match="stop streaming"):
        board.send(FILES)


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        (b"solekit-bundle 1", b"solekit-bundle 2", "for solekit-bundle 2, this is 1"),
        (b"protocol %d" % m.PROTOCOL_VERSION, b"protocol 1", "speaks protocol 1, older than"),
        (b"protocol %d" % m.PROTOCOL_VERSION, b"protocol x", "the manifest is broken"),
    ],
)
def test_a_bundle_that_would_not_be_understood_is_refused(board, old, new, text):
    manifest = make_bundle(FILES)[64:]
    assert old in manifest
    manifest = manifest.replace(old, new)
    with pytest.raises(RefusedError, match=text):
        board.send(FILES, bundle.signature(manifest, PRIVATE) + manifest)
    assert not (board.root / "a").exists()


def test_more_than_the_flash_holds_is_refused_and_the_slot_stays_as_it_is(board, monkeypatch):
    install(board.root, "a", NEXT)
    room = list(os.statvfs(board.root))
    room[0], room[4] = 512, 10
    monkeypatch.setattr(os, "statvfs", lambda path: room)
    with pytest.raises(RefusedError, match=r"10752 bytes are free, \d+ are needed"):
        board.send({**FILES, "large.mpy": bytes(20_000)})  # 11 blocks are in the slot
    assert Slots(str(board.root)).is_whole("a")
    room[4] = 40
    board.send(FILES)


def test_while_an_application_is_on_trial_the_one_it_falls_back_on_stays(board):
    install(board.root, "a")
    install(board.root, "b", NEXT)
    board.slots.settle("a")
    board.slots.propose("b")
    with pytest.raises(RefusedError, match="must first run for a while") as refused:
        board.send(FILES)
    assert refused.value.code == m.NOT_YET
    board.slots.settle("b")
    board.send(FILES)


def test_a_broken_file_is_asked_for_again_and_the_update_then_succeeds(board):
    head = make_bundle(FILES)
    broken = {**FILES, "two.mpy": b"?" * len(FILES["two.mpy"])}
    with pytest.raises(RefusedError, match="file 2 is not whole; send it again") as refused:
        board.send(broken, head)
    assert refused.value.code == m.NOT_YET
    assert Slots(str(board.root)).trial == ""
    n = board.send(FILES, head)
    assert n == 3  # only the broken one
    assert Slots(str(board.root)).trial == "a"


def test_what_is_there_already_is_not_sent_again_after_a_restart(board):
    head = make_bundle(FILES)
    board.chunks(head, board.begin(head))
    for i in (0, 1):
        board.chunks([*FILES.values()][i], board.ask(codes.UPDATE_FILE, i))
    at = board.ask(codes.UPDATE_FILE, 2)
    board.ask(codes.UPDATE_CHUNK, at, FILES["two.mpy"][:500])
    board.open()  # restarted in between
    assert board.begin(head) == len(head)
    assert board.ask(codes.UPDATE_FILE, 1) == 3000
    assert board.ask(codes.UPDATE_FILE, 2) == 500
    assert board.send(FILES) == 2


def test_chunks_may_come_twice_early_or_too_long(board):
    head = make_bundle(FILES)
    assert board.begin(head) == 0
    assert board.ask(codes.UPDATE_CHUNK, 40, head[40:60]) == 0
    assert board.ask(codes.UPDATE_CHUNK, 0, head[:40]) == 40
    assert board.ask(codes.UPDATE_CHUNK, 0, head[:60]) == 60
    assert board.ask(codes.UPDATE_STATUS, 0) == 60
    with pytest.raises(RefusedError, match="bytes of a file of"):
        board.ask(codes.UPDATE_CHUNK, 60, head[60:] + b"more")


def test_what_is_left_of_another_bundle_does_not_disturb(board):
    other = make_bundle(NEXT)
    board.begin(other)
    board.ask(codes.UPDATE_CHUNK, 0, other[:100])
    board.open()
    board.chunks(other, board.begin(other))
    board.ask(codes.UPDATE_CHUNK, board.ask(codes.UPDATE_FILE, 0), b"2" * 500)
    board.open()
    board.send(FILES)
    assert board.slots.trial == "a"


def test_of_an_older_application_only_what_is_the_same_is_kept(board):
    install(board.root, "a", NEXT)
    n = board.send(FILES)
    n_head = -(-len(make_bundle(FILES)) // 500)
    assert n == n_head + 1 + 6  # z and one; two is the same


def test_a_manifest_that_rots_in_the_flash_is_sent_anew(board):
    head = make_bundle(FILES)
    board.chunks(head, board.begin(head))
    (staged,) = (board.root / "update").iterdir()
    staged.write_bytes(b"?" * len(head))
    with pytest.raises(RefusedError, match="begin again") as refused:
        board.ask(codes.UPDATE_FILE, 0)
    assert refused.value.code == m.NOT_YET
    board.send(FILES, head)


steps = st.tuples(
    st.integers(0, 8),
    st.integers(0, 5) | st.sampled_from([64, 97, 500, 40_001, 2**32 - 1]),
    st.binary(max_size=40) | st.just(hashlib.sha256(b"x" * 97).digest()) | st.just(b"x" * 97),
)


@settings(max_examples=40)
@given(script=st.lists(steps, max_size=12))
def test_no_sequence_of_steps_does_more_than_be_refused(tmp_path_factory, script):
    root = tmp_path_factory.mktemp("flash")
    for slot in ("a", "b"):
        install(root, slot)
    board = Board(root)
    board.slots.settle("b")
    board.open()
    for op, offset, content in script:
        with contextlib.suppress(RefusedError):
            board.ask(op, offset, content)
    assert board.slots.is_whole("a")
    assert board.slots.is_whole("b")
    assert Slots(str(root)).boot() == "b"


@pytest.mark.parametrize("loses_answer", [False, True])
def test_the_link_may_fail_at_every_message(tmp_path, loses_answer):
    (tmp_path / "whole").mkdir()
    whole = Flaky(tmp_path / "whole")
    whole.open()
    whole.send(FILES)
    assert whole.n > 15
    for n in range(whole.n):
        root = tmp_path / str(n)
        root.mkdir()
        install(root, "b", NEXT)
        board = Flaky(root)
        board.slots.settle("b")
        board.left, board.loses_answer = n, loses_answer
        board.open()
        with pytest.raises(GoneError):
            board.send(FILES)
        has_ended = loses_answer and n == whole.n - 1
        restarts = n % 2 == 0  # the insole too, not only the link
        if restarts:
            board.slots = Slots(str(root))
            assert board.slots.boot() == ("a" if has_ended else "b")
            board.slots.settle("b")
            board.open()
        board.left = -1
        if restarts or not has_ended:
            board.send(FILES)
        else:
            assert board.ask(codes.UPDATE_END, 0) == 0
        assert Slots(str(root)).boot() == "a"


@pytest.mark.parametrize(
    ("op", "offset", "content", "text"),
    [
        (codes.UPDATE_CHUNK, 0, b"x", "a chunk before its file"),
        (codes.UPDATE_FILE, 0, b"", "come first"),
        (codes.UPDATE_END, 0, b"", "come first"),
        (codes.UPDATE_BEGIN, 10, bytes(32), "no bundle begins with 10 bytes"),
        (codes.UPDATE_BEGIN, 1000, b"short", "no bundle begins"),
        (99, 0, b"", "step 99"),
    ],
)
def test_a_step_out_of_turn_is_refused_with_its_reason(board, op, offset, content, text):
    with pytest.raises(RefusedError, match=text):
        board.ask(op, offset, content)


def test_after_an_abort_nothing_goes_on(board):
    head = make_bundle(FILES)
    board.chunks(head, board.begin(head))
    board.ask(codes.UPDATE_ABORT, 0)
    with pytest.raises(RefusedError, match="come first"):
        board.ask(codes.UPDATE_FILE, 0)


def application(version: int, filler: bytes) -> dict[str, bytes]:
    """Return the files of an application that can be booted."""
    pack = {"which.py": b"VERSION = %d\n" % version, "deep/filler.bin": filler}
    return {PACK: bundle.packed(pack), "same.bin": bytes(range(256)) * 3}


@pytest.mark.mpy
def test_the_power_may_fail_at_any_moment_of_an_update(tmp_path, mpy_path, script):
    firmware_root = BOOT.parent
    for n, files in (
        (1, application(1, b"1" * 5000)),
        (2, application(2, bytes(range(250)) * 18)),
    ):
        (tmp_path / f"head-{n}.bin").write_bytes(make_bundle(files))
        (tmp_path / f"files-{n}.json").write_text(json.dumps([d.hex() for d in files.values()]))
    (tmp_path / "key.bin").write_bytes(KEY)
    program = tmp_path / "update_cut.py"
    program.write_text(source_for_board(script("update_cut.py")))
    (tmp_path / "pack.py").write_bytes((firmware_root / "pack.py").read_bytes())
    done = subprocess.run(
        [mpy_path, "-X", "heapsize=8m", program, tmp_path, BOOT, "1"],
        env={**os.environ, "MICROPYPATH": f"{tmp_path}:{firmware.compiled(64)}"},
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stdout[-1000:] + done.stderr[-2000:]
    n_operations, n_cuts, n_old, n_new = map(int, done.stdout.split()[-4:])
    assert n_cuts == n_operations > 100
    assert n_old + n_new == n_cuts
    assert n_old > 50  # most cuts fall before the end
    assert n_new > 0
