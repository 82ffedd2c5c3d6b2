"""A recording whose program dies: SIGKILL in the middle, Ctrl-C."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from solecore.wire import messages as m
from solekit.recording import Recording

LOST_AT_MOST_S = 1.0

# Prints the time of arrival of everything before anybody has dealt with it.
CHILD = """
import asyncio, sys
from pathlib import Path
from solekit.insole import Insole
from solekit.pair import Pair
from solekit.transports import open_transports

class Tee:
    def __init__(self, inner):
        self.inner = inner

    def __getattr__(self, name):
        return getattr(self.inner, name)

    async def __aiter__(self):
        async for t_s, data in self.inner:
            print(self.inner.side, t_s, flush=True)
            yield t_s, data

async def main(uri, path, is_paced):
    transports = open_transports(uri).values()
    if is_paced:
        for transport in transports:
            transport.pace()
    async with Pair([Insole(Tee(transport)) for transport in transports]) as pair:
        pair.record_to(Path(path))
        await pair.start()
        await pair.clock.sleep(3600.0)

asyncio.run(main(sys.argv[1], sys.argv[2], sys.argv[3] == "paced"))
"""


def run_until(uri: str, path: Path, until_s: float, how: int, pace: str) -> dict[str, float]:
    """Let a child record until it has told of ``until_s``, end it; return what it told last."""
    told: dict[str, float] = {}
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, uri, path, pace],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        for line in child.stdout:
            side, t_s = line.split()
            told[side] = float(t_s)
            if float(t_s) >= until_s:
                break
        child.send_signal(how)
        for line in child.stdout:
            words = line.split()
            if len(words) == 2 and line.endswith("\n"):
                told[words[0]] = float(words[1])
        errors = child.stderr.read()
    finally:
        child.kill()
        child.wait()
        child.stdout.close()
        child.stderr.close()
    expected = {signal.SIGKILL: -signal.SIGKILL, signal.SIGINT: -signal.SIGINT}[how]
    assert child.returncode == expected, errors
    return told


@pytest.mark.parametrize(
    ("uri", "until_s", "pace"),
    [
        ("sim:walk?layout=cells-16", 2.6, "paced"),
        ("sim:walk?layout=grid-30x22", 21.0, "free"),
        ("sim:walk?layout=cells-16&loss=0.05&reorder=0.05&duplicate=0.05", 13.3, "free"),
    ],
)
def test_a_killed_recording_is_whole_to_within_a_second(uri, until_s, pace, tmp_path):
    path = tmp_path / "walk.mcap"
    told = run_until(uri, path, until_s, signal.SIGKILL, pace)
    recording = Recording(path)
    assert recording.sides == ["left", "right"]
    assert not recording.is_complete
    assert recording.problems
    for side, foot in recording.feet.items():
        last_s = max(item.t_s for item in foot.messages(m.PRESSURE))
        assert last_s >= told[side] - LOST_AT_MOST_S
        assert foot.t_s[-1] >= told[side] - LOST_AT_MOST_S - 0.12  # a message holds 100 ms
        for loss in foot.loss.values():
            assert loss.holds
            assert not loss.end_known
        if "loss" not in uri:
            assert foot.loss["pressure"].missing == 0
    assert len(recording.events) > 0


def test_rare_events_are_not_lost_with_a_kill_either(tmp_path):
    path = tmp_path / "walk.mcap"
    uri = "sim:walk?layout=cells-4&loss=0.2&seed=3"
    told = run_until(uri, path, 30.0, signal.SIGKILL, "free")
    for side, foot in Recording(path).feet.items():
        # Events come several times a second; what waits for a lost one waits briefly.
        last_s = max(item.t_s for item in foot.messages(m.EVENTS))
        assert last_s >= told[side] - LOST_AT_MOST_S - 1.0


def test_ctrl_c_stops_the_insoles_and_closes_the_file(tmp_path):
    path = tmp_path / "walk.mcap"
    run_until("sim:walk?layout=cells-16", path, 1.5, signal.SIGINT, "paced")
    recording = Recording(path)
    assert recording.is_complete
    assert not recording.problems
    for foot in recording.feet.values():
        for loss in foot.loss.values():
            assert loss.holds
            assert loss.end_known
            assert loss.missing == 0
