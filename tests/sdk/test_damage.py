"""Files that were cut off or damaged: a recording of what is left, or one clear error."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import pytest

import solekit
from solecore.wire import messages as m
from solekit.errors import DataError
from solekit.recording import Recording

N_CUTS = 300
N_FLIPS = 300


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> bytes:
    """Return a short recording of two small insoles through bad air."""
    path = tmp_path_factory.mktemp("whole") / "walk.mcap"

    async def walk():
        async with solekit.connect_pair("sim:walk?layout=cells-4&loss=0.05&reorder=0.05") as pair:
            pair.record_to(path)
            await pair.start()
            await pair.clock.sleep(3.0)
            await pair.stop()

    asyncio.run(walk())
    return path.read_bytes()


def open_and_use(path: Path, content: bytes, *, deeply: bool) -> Recording | None:
    """Return the recording, used as a report uses it, or None where it says that it is none."""
    path.write_bytes(content)
    try:
        recording = Recording(path)
    except DataError:
        return None
    for foot in recording.feet.values():
        assert foot.counts.shape == (foot.seq.size, foot.info.n_cells)
        assert foot.force_n.shape == foot.counts.shape
        for loss in foot.loss.values():
            assert loss.holds
        if deeply and foot.seq.size:
            assert foot.t_s.size == foot.seq.size
            assert len(foot.events) == len(foot.messages(m.EVENTS))
            assert len(foot.strides) == len(foot.messages(m.STRIDES))
            assert len(foot.imu) == sum(item.n for item in foot.messages(m.IMU))
            assert foot.gaps["n"].sum() == foot.loss["pressure"].missing
    return recording


def n_frames(recording: Recording | None) -> int:
    return sum(foot.seq.size for foot in recording.feet.values()) if recording else -1


def test_the_whole_file_is_whole(whole, tmp_path):
    recording = open_and_use(tmp_path / "walk.mcap", whole, deeply=True)
    assert recording.is_complete
    assert not recording.problems


def test_a_file_cut_off_anywhere_gives_what_came_before(whole, tmp_path):
    rng = random.Random(1)
    at = {*range(0, 120, 3), *range(len(whole) - 60, len(whole), 2)}
    at |= set(rng.sample(range(len(whole)), N_CUTS))
    before = -1
    for k, n in enumerate(sorted(at)):
        recording = open_and_use(tmp_path / "cut.mcap", whole[:n], deeply=k % 8 == 0)
        assert n_frames(recording) >= before, n
        before = n_frames(recording)
        if recording is not None:
            assert recording.problems, n
    assert before == n_frames(open_and_use(tmp_path / "cut.mcap", whole, deeply=True))


def test_a_file_with_a_flipped_bit_anywhere_is_read_or_refused(whole, tmp_path):
    rng = random.Random(2)
    opened = 0
    for k in range(N_FLIPS):
        content = bytearray(whole)
        content[rng.randrange(len(whole))] ^= 1 << rng.randrange(8)
        opened += (
            open_and_use(tmp_path / "flip.mcap", bytes(content), deeply=k % 8 == 0) is not None
        )
    assert opened > N_FLIPS / 2


def test_a_file_with_a_hole_of_zeros_or_noise_is_read_or_refused(whole, tmp_path):
    rng = random.Random(3)
    for k in range(60):
        content = bytearray(whole)
        start = rng.randrange(len(whole))
        size = rng.choice([4, 8, 60, 4096])
        content[start : start + size] = bytes(size) if k % 2 else rng.randbytes(size)
        open_and_use(tmp_path / "hole.mcap", bytes(content), deeply=k % 8 == 0)


def test_lengths_of_gigabytes_reserve_no_memory(whole, tmp_path):
    at = whole.index(b"solekit") - 4  # the length of the profile's name
    content = whole[:at] + b"\xff\xff\xff\xff" + whole[at + 4 :]
    path = tmp_path / "huge.mcap"
    path.write_bytes(content)
    with pytest.raises(DataError):
        Recording(path)


def test_bytes_behind_the_end_do_not_matter(whole, tmp_path):
    recording = open_and_use(tmp_path / "more.mcap", whole + b"more" * 100, deeply=True)
    assert recording.is_complete
