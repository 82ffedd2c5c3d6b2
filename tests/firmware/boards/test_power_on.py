"""From power-on to a recording: boot.py, main.py and a board file in MicroPython, over a terminal.

``machine``, ``esp32`` and ``bluetooth`` are stand-ins; all else is what is flashed.
"""

import asyncio
import json
import os
import pty
import subprocess
import threading
import tty
from pathlib import Path

import pytest

from solecore.wire import codes, names
from solecore.wire import messages as m
from solefoot.app.slots import PACK
from solekit import connect
from solekit.errors import DataError, DeviceError, SolekitError
from solekit.update import update
from tools import bundle, compile, flash
from tools.bench import board as board_bench

HERE = Path(__file__).parent
pytestmark = [
    pytest.mark.mpy,
    pytest.mark.mpy32,
    pytest.mark.skipif(os.name == "nt", reason="no pseudo-terminals"),
]


class Insole:
    """A board's file system in a folder, and its interpreter behind a terminal."""

    def __init__(self, interpreter: Path, folder: Path) -> None:
        self.interpreter = interpreter
        self.folder = folder
        self.said = b""

    def stage(self, board: str, layout: str, *, key: Path | None = None) -> None:
        """Lay out what the flash tool would, for this interpreter's processor."""
        config = {"board": board, "side": "left", "layout": layout, "serial": "SOLE-1"}
        flash.stage(self.folder, board, "x86", key, config)

    def run(self, heap: str, talk):
        """Power on, let ``talk(uri)`` speak to it; return its answer and how the board ended."""
        master, slave = pty.openpty()
        tty.setraw(master)
        tty.setraw(slave)
        process = subprocess.Popen(
            [
                *(self.interpreter, "-X", f"heapsize={heap}"),
                *(HERE / "power_on.py", self.folder, HERE / "shims"),
            ],
            stdin=master,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        # On its way to the host: who closes the port may have read the last words, or not.
        hearing = threading.Thread(target=self._hear, args=(process.stdout, master))
        hearing.start()
        try:
            try:
                answer = asyncio.run(talk(f"serial:{os.ttyname(slave)}"))
            except SolekitError as error:
                process.kill()
                assert process.stderr
                raise AssertionError(process.stderr.read().decode()) from error
            process.wait(10)
            hearing.join(10)
            assert process.stderr
            return answer, process.returncode, process.stderr.read().decode()
        finally:
            process.kill()
            process.wait()
            hearing.join(10)
            for stream in (process.stdout, process.stderr):
                if stream:
                    stream.close()
            os.close(master)
            os.close(slave)

    def _hear(self, stream, master: int) -> None:
        """Pass on what the board says, and keep it."""
        said = []
        while data := os.read(stream.fileno(), 65536):
            said.append(data)
            os.write(master, data)
        self.said = b"".join(said)


@pytest.fixture
def insole(mpy32_path, tmp_path):
    """Return an insole to be staged."""
    return Insole(mpy32_path, tmp_path)


async def stream_and_leave(uri):
    async with connect(uri) as insole:
        info = insole.known
        await insole.start()
        await asyncio.sleep(2.5)
        losses = await insole.stop()
        stats = await insole.stats()
        await insole.request(m.POWER, codes.REPL, 0)
    return info, losses, stats


@pytest.mark.parametrize(
    ("board", "layout"),
    [("xiao_esp32s3", "cells-16"), ("xiao_esp32s3", "cells-4"), ("nrf52840", "cells-16")],
)
def test_an_insole_starts_streams_and_gives_its_console_back(insole, board, layout):
    insole.stage(board, layout)
    (info, losses, stats), code, errors = insole.run("300k", stream_and_leave)
    assert (code, errors) == (0, "")
    assert b"this is the console" in insole.said
    assert (b"TIMER" in insole.said) == (board == "xiao_esp32s3")  # which feeds the watchdog now
    assert (info.side, info.layout_name, info.serial) == ("left", layout, "SOLE-1")
    assert "log" in info.features
    assert ("ble" in info.features) == (board == "xiao_esp32s3")
    assert info.failed == ()
    assert info.readout[0] == 3  # single cells
    assert info.readout[3] > 0  # the scan has been timed
    frames = losses["pressure"]
    assert frames.holds
    assert frames.missing == 0
    assert frames.received > 20  # in real time: a busy machine samples fewer
    assert losses["imu"].received > 100 if info.imu_axes == 6 else losses["imu"].received > 30
    assert losses["events"].received >= 2
    assert stats["heap_free"] > 0
    assert stats["gc_pause"] > 0  # collected in a swing
    assert (insole.folder / "slots.txt").read_text().startswith("- -")  # 10 s have not passed


def test_every_start_has_a_boot_id_of_its_own(insole):
    insole.stage("xiao_esp32s3", "cells-4")

    async def boot(uri):
        async with connect(uri) as it:
            await it.request(m.POWER, codes.RESTART, 0)
            return it.known.boot

    ids = [insole.run("300k", boot)[0] for _ in range(3)]
    assert ids == [1, 2, 3]
    assert b"RESET" in insole.said


def test_a_side_that_was_flashed_wrongly_is_changed_over_the_cable_with_its_geometry(insole):
    insole.stage("xiao_esp32s3", "cells-4")

    async def change(uri):
        async with connect(uri) as it:
            known = it.known
            assert await it.settings("side", m.SIDES.index("right")) == 1
            await it.request(m.POWER, codes.RESTART, 0)
            return known

    (before, _, errors), (after, _, _) = (insole.run("300k", change) for _ in range(2))
    assert errors == ""
    assert (before.side, after.side) == ("left", "right")
    mirrored = before.layout.width_mm - before.layout.x_mm
    assert after.layout.x_mm == pytest.approx(mirrored, abs=0.11)


def test_sent_to_sleep_it_wakes_on_motion_only(insole):
    insole.stage("xiao_esp32s3", "cells-4")

    async def sleep(uri):
        async with connect(uri) as it:
            await it.request(m.POWER, codes.SLEEP, 0)

    _, code, errors = insole.run("300k", sleep)
    assert (code, errors) == (0, "")
    assert b"ASLEEP" in insole.said


def test_the_stages_of_a_frame_are_timed_on_the_insole_itself(insole):
    insole.stage("xiao_esp32s3", "cells-16")

    async def time(uri):
        rows = await board_bench._measure(uri)
        async with connect(uri) as it:
            await it.request(m.POWER, codes.REPL, 0)
        return rows

    rows, code, errors = insole.run("300k", time)
    assert (code, errors) == (0, "")
    times = {row["stage"]: row["us_per_frame"] for row in rows}
    assert list(times) == [*names.STAGES, "all"]
    assert times["scan"] > 0
    assert times["collect"] > 0
    assert times["all"] == pytest.approx(sum(times[s] for s in names.STAGES[:-1]), abs=1)
    assert rows[0]["back_end"] == "pin"


def test_a_virtual_clock_times_nothing_and_says_so():
    with pytest.raises(DataError, match="virtual clock"):
        board_bench.measure("sim:walk?side=left&layout=cells-4")


def test_after_too_many_early_restarts_it_only_takes_updates(insole, tmp_path_factory):
    keys = tmp_path_factory.mktemp("keys")
    _, public = bundle.make_key(keys)
    insole.stage("xiao_esp32s3", "cells-4", key=public)
    (insole.folder / "slots.txt").write_text("a - 0 7 2 0 end")

    async def look(uri):
        async with connect(uri) as it:
            with pytest.raises(DeviceError, match="safe mode after too many restarts"):
                await it.start()
            stats = await it.stats()
            await it.request(m.POWER, codes.REPL, 0)
            return it.known, stats["n_resets"]

    (info, n_resets), code, errors = insole.run("300k", look)
    assert (code, errors) == (0, "")
    assert "safe_mode" in info.failed
    assert "update" in info.features
    assert "log" not in info.features
    assert n_resets == 2


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    """Return a bundle that this interpreter can run, which takes half a second to prove itself."""
    folder = tmp_path_factory.mktemp("release")
    private, _ = bundle.make_key(folder)
    names = compile.compile_to(folder / "app", "xiao_esp32s3", "x86")
    start = (flash.ROOT / "firmware/solefoot/boards/start.py").read_text()
    assert "SETTLED_US: int = 10000000" in start
    quick = folder / "start.py"
    quick.write_text(start.replace("SETTLED_US: int = 10000000", "SETTLED_US: int = 500000"))
    compile.compile_file(quick, folder / "app/solefoot/boards/start.mpy", "x86")
    files = {PACK: bundle.packed({name: (folder / "app" / name).read_bytes() for name in names})}
    text = bundle.manifest(files, "xiao_esp32s3", "xtensawin", "9")
    bundle.write(folder / "x.zip", text, bundle.signature(text, private.read_bytes()), files)
    return folder


@pytest.mark.parametrize("state", ["a - 0 0 0 0 end", "a - 0 7 2 0 end"])
def test_an_update_over_the_cable_is_tried_proves_itself_and_stays(insole, release, state):
    insole.stage("xiao_esp32s3", "cells-4", key=release / bundle.PUBLIC)
    (insole.folder / "slots.txt").write_text(state)  # as ever, and in safe mode

    async def send(uri):
        async with connect(uri) as it:
            n = await update(it, release / "x.zip")
            return n, it.known.failed

    (n, failed), code, errors = insole.run("300k", send)
    assert (code, errors) == (0, "")
    assert n > 100_000
    assert ("safe_mode" in failed) == (state != "a - 0 0 0 0 end")
    assert b"RESET" in insole.said
    assert (insole.folder / "slots.txt").read_text().startswith("a b 3 ")

    async def look(uri):
        async with connect(uri) as it:
            before = (insole.folder / "slots.txt").read_text()
            await asyncio.sleep(1)
            await it.request(m.POWER, codes.REPL, 0)
            return before, it.known.failed

    (before, failed), code, errors = insole.run("300k", look)
    assert (code, errors) == (0, "")
    assert before.startswith("a b 2 ")
    assert "safe_mode" not in failed
    assert (insole.folder / "slots.txt").read_text().startswith("b - ")


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda config: config.pop("side"), b"has no side; flash the insole again"),
        (lambda config: config.update(layout="grid-1x1"), b"xiao_esp32s3 reads grid-30x22"),
        (None, b"is not there or broken"),
    ],
)
def test_a_setting_that_cannot_be_is_said_on_the_console(insole, change, text):
    insole.stage("xiao_esp32s3", "cells-4")
    path = insole.folder / "config.json"
    if change is None:
        path.unlink()
    else:
        config = json.loads(path.read_text())
        change(config)
        path.write_text(json.dumps(config))

    async def nothing(uri):
        await asyncio.sleep(0)

    _, code, errors = insole.run("300k", nothing)
    assert (code, errors) == (0, "")
    assert text in insole.said


def test_without_a_whole_application_the_console_says_how_to_get_one(insole):
    insole.stage("xiao_esp32s3", "cells-4")
    (insole.folder / "a" / "manifest.txt").unlink()

    async def nothing(uri):
        await asyncio.sleep(0)

    insole.run("300k", nothing)
    assert b"no application is whole; flash one" in insole.said


def test_the_boards_of_the_tools_are_those_of_the_firmware():
    boards = {p.stem for p in (flash.ROOT / "firmware" / "solefoot" / "boards").glob("*.py")}
    helpers = {name for names in compile.HELPERS.values() for name in names}
    assert boards - helpers - set(compile.SHARED_BY_BOARDS) == set(compile.BOARDS) - {"virtual"}
