"""Updates: signed, resumable, and never a brick."""

import hashlib
import json
import os
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from solecore.wire import codes
from solecore.wire import messages as m
from solefoot.app.commands import RefusedError
from solefoot.app.slots import EARLY, TRIES, Slots
from solefoot.app.update import Update
from solekit_hil import firmware
from tools import bundle

BOOT = Path(__file__).parents[2] / "firmware" / "boot.py"
PRIVATE = bytes(range(32))
KEY = (
    Ed25519PrivateKey.from_private_bytes(PRIVATE)
    .public_key()
    .public_bytes(Encoding.Raw, PublicFormat.Raw)
)


def make_bundle(files: dict[str, bytes], *, arch="x64", board="test", private=PRIVATE) -> bytes:
    """Return signature and manifest of ``files``."""
    lines = [bundle.KIND, "version 9", "protocol 2", f"arch {arch}", f"board {board}"]
    for name, data in files.items():
        lines.append(f"{hashlib.sha256(data).hexdigest()} {len(data)} {name}")
    text = "\n".join(lines).encode() + b"\n"
    return bundle.sign(text, private) + text


FILES = {"app/one.mpy": b"1" * 3000, "two.mpy": bytes(range(256)) * 5, "empty.mpy": b""}
NEXT = {"app/one.mpy": b"2" * 2500, "two.mpy": bytes(range(256)) * 5, "app/deep/x.mpy": b"x" * 900}


class Board:
    """An insole's flash in a folder, and the update that a host sends."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.slots = Slots(str(root))
        self.app = SimpleNamespace(
            is_streaming=False,
            wants_restart=False,
            board=None,
            settings=SimpleNamespace(features=0),
        )

    def open(self, slot: str = "b", key: bytes = KEY) -> None:
        self.extra = Update(self.slots, slot, key, "x64", "test")
        self.extra.attach(self.app)

    def ask(self, op: int, offset: int, content: bytes = b"") -> int:
        reply = self.extra.handlers[m.UPDATE.msg_id](
            {"ref": 1, "op": op, "offset": offset, "content": content}
        )
        return m.UPDATE_REPLY.unpack(reply)["offset"]

    def begin(self, head: bytes) -> int:
        return self.ask(codes.UPDATE_BEGIN, len(head), hashlib.sha256(head).digest())

    def chunks(self, content: bytes, at: int) -> int:
        n = 0
        while at < len(content):
            at = self.ask(codes.UPDATE_CHUNK, at, content[at : at + 500])
            n += 1
        return n

    def send(self, files: dict[str, bytes], head: bytes | None = None) -> int:
        """Send all; return the chunks that were needed."""
        head = make_bundle(files) if head is None else head
        n = self.chunks(head, self.begin(head))
        for i, content in enumerate(files.values()):
            n += self.chunks(content, self.ask(codes.UPDATE_FILE, i))
        self.ask(codes.UPDATE_END, 0)
        return n


@pytest.fixture
def board(tmp_path):
    board = Board(tmp_path)
    board.open()
    return board


def test_an_update_fills_the_other_slot_and_is_tried_at_the_next_start(board):
    board.send(FILES)
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
    board.app.wants_restart = False
    board.send(NEXT)
    assert [path.name for path in (board.root / "b").iterdir()] == ["mine.mpy"]
    assert not (board.root / "a" / "empty.mpy").exists()  # of the bundle before
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


def test_more_than_the_flash_holds_is_refused_before_it_is_written(board, monkeypatch):
    room = list(os.statvfs(board.root))
    room[0], room[4] = 512, 64
    monkeypatch.setattr(os, "statvfs", lambda path: room)
    with pytest.raises(RefusedError, match=r"32768 bytes are free, \d+ are needed"):
        board.send(FILES)
    assert not (board.root / "a").exists()


def test_a_broken_file_is_asked_for_again_and_the_update_then_succeeds(board):
    head = make_bundle(FILES)
    broken = {**FILES, "two.mpy": b"?" * len(FILES["two.mpy"])}
    with pytest.raises(RefusedError, match="file 1 is not whole; send it again"):
        board.send(broken, head)
    assert Slots(str(board.root)).trial == ""
    n = board.send(FILES, head)
    assert n == 3  # only the broken one
    assert Slots(str(board.root)).trial == "a"


def test_what_is_there_already_is_not_sent_again_after_a_restart(board):
    head = make_bundle(FILES)
    board.chunks(head, board.begin(head))
    board.chunks(FILES["app/one.mpy"], board.ask(codes.UPDATE_FILE, 0))
    at = board.ask(codes.UPDATE_FILE, 1)
    board.ask(codes.UPDATE_CHUNK, at, FILES["two.mpy"][:500])
    board.open()  # restarted in between
    assert board.begin(head) == len(head)
    assert board.ask(codes.UPDATE_FILE, 0) == 3000
    assert board.ask(codes.UPDATE_FILE, 1) == 500
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


def install(root: Path, slot: str, files=FILES) -> None:
    """Put an application into a slot, as the flash tool does."""
    for name, data in {**files, "manifest.txt": make_bundle(files)[64:]}.items():
        path = root / slot / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def test_a_trial_that_never_says_it_is_well_gives_way_to_the_last_good_one(tmp_path):
    install(tmp_path, "a")
    install(tmp_path, "b", NEXT)
    slots = Slots(str(tmp_path))
    slots.settle("a")
    slots.propose("b")
    booted = [Slots(str(tmp_path)).boot() for _ in range(TRIES + 1)]
    assert booted == ["b"] * TRIES + ["a"]
    assert Slots(str(tmp_path)).trial == ""


def test_a_trial_that_settles_becomes_the_good_one(tmp_path):
    install(tmp_path, "a")
    install(tmp_path, "b", NEXT)
    Slots(str(tmp_path)).settle("a")
    Slots(str(tmp_path)).propose("b")
    assert Slots(str(tmp_path)).boot() == "b"
    Slots(str(tmp_path)).settle("b")
    assert [Slots(str(tmp_path)).boot() for _ in range(3)] == ["b"] * 3


def test_a_slot_that_was_damaged_is_not_booted(tmp_path):
    install(tmp_path, "a")
    install(tmp_path, "b", NEXT)
    Slots(str(tmp_path)).settle("b")
    (tmp_path / "b" / "two.mpy").write_bytes(b"rot")
    assert Slots(str(tmp_path)).boot() == "a"
    (tmp_path / "a" / "app" / "one.mpy").unlink()
    assert Slots(str(tmp_path)).boot() == ""


@pytest.mark.parametrize(
    "text", ["", "a b", "a - 0 0 0 en", "\0\xff", "c d 1 2 3 end", "a - x 0 0 end"]
)
def test_a_state_that_cannot_be_read_leaves_the_slots_to_their_manifests(tmp_path, text):
    install(tmp_path, "b")
    (tmp_path / "slots.txt").write_text(text, encoding="latin-1")
    assert Slots(str(tmp_path)).boot() == "b"


def test_too_many_early_restarts_lead_to_safe_mode_and_a_long_run_leads_out(tmp_path):
    install(tmp_path, "a")
    Slots(str(tmp_path)).settle("a")
    for i in range(EARLY + 2):
        slots = Slots(str(tmp_path))
        assert slots.boot(was_dog=True) == "a"
        assert slots.is_safe == (i >= EARLY)
    assert slots.n_dogs == EARLY + 2
    assert Slots(str(tmp_path)).is_safe
    Slots(str(tmp_path)).settle("a")
    slots = Slots(str(tmp_path))
    slots.boot()
    assert not slots.is_safe


def test_a_trial_that_crashes_at_once_falls_back_before_safe_mode(tmp_path):
    install(tmp_path, "a")
    install(tmp_path, "b", NEXT)
    Slots(str(tmp_path)).settle("a")
    Slots(str(tmp_path)).propose("b")
    seen = []
    for _ in range(TRIES + 1):
        slots = Slots(str(tmp_path))
        seen.append((slots.boot(was_dog=True), slots.is_safe))
    assert seen == [("b", False)] * TRIES + [("a", False)]


@pytest.mark.mpy
def test_the_power_may_fail_at_any_moment_of_an_update(tmp_path, mpy_path, script):
    for n, files in ((1, FILES), (2, NEXT)):
        (tmp_path / f"head-{n}.bin").write_bytes(make_bundle(files))
        (tmp_path / f"files-{n}.json").write_text(json.dumps([d.hex() for d in files.values()]))
    (tmp_path / "key.bin").write_bytes(KEY)
    program = tmp_path / "update_cut.py"
    program.write_text(script("update_cut.py"))
    done = subprocess.run(
        [mpy_path, "-X", "heapsize=8m", program, tmp_path, BOOT, "1"],
        env={**os.environ, "MICROPYPATH": str(firmware.compiled(64))},
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
