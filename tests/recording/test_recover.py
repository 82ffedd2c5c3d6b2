"""Whole files from those that were cut off or damaged; the old ones stay as they were."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys

import numpy as np
import pytest

import solekit
from solekit.errors import DataError, SealedError
from solekit.recording import Recording
from solekit.recording.recover import recover
from solekit.verdict import CARE, judge

WORDS = "correct horse battery"


async def _walk(path, **how):
    async with solekit.connect_pair("sim:walk?layout=cells-4&loss=0.03&log=0") as pair:
        pair.record_to(path, protocol="free", person="P017", **how)
        await pair.start()
        await pair.clock.sleep(6.0)
        await pair.stop()


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    path = tmp_path_factory.mktemp("whole") / "walk.mcap"
    asyncio.run(_walk(path))
    return path


def cut_at(source, share, path):
    content = source.read_bytes()
    path.write_bytes(content[: round(share * len(content))])
    return path


@pytest.mark.parametrize("share", [0.4, 0.8, 0.995])
def test_what_is_left_of_a_cut_file_becomes_a_whole_one(whole, share, tmp_path):
    cut, out = cut_at(whole, share, tmp_path / "cut.mcap"), tmp_path / "out.mcap"
    before = cut.read_bytes()
    account = recover(cut, out)
    old, new = Recording(cut), Recording(out)
    assert cut.read_bytes() == before
    assert not old.is_complete
    assert new.is_complete
    assert new.problems == []
    assert new.first("about") == old.first("about")
    for side, foot in old.feet.items():
        again = new.feet[side]
        assert np.array_equal(again.counts, foot.counts)
        assert np.array_equal(again.t_s, foot.t_s)
        assert again.events.equals(foot.events)
        assert again.loss == foot.loss
        stream = account["streams"][side]["pressure"]
        assert stream["there"] == foot.seq.size
        assert stream["end_known"] == foot.loss["pressure"].end_known
    kept = json.loads(json.dumps(account))
    assert {key: new.first("recovered")[key] for key in kept} == kept
    assert judge(new).level == CARE
    assert "recovered from a file that was not whole" in " ".join(judge(new).reasons)


def test_a_damaged_chunk_costs_a_second_and_is_counted_as_gone(whole, tmp_path):
    content = bytearray(whole.read_bytes())
    content[len(content) // 2] ^= 1
    damaged = tmp_path / "damaged.mcap"
    damaged.write_bytes(content)
    assert any("damaged and left out" in problem for problem in Recording(damaged).problems)
    before = {side: foot.loss["pressure"] for side, foot in Recording(whole).feet.items()}
    streams = recover(damaged, tmp_path / "out.mcap")["streams"]
    more = 0
    for side, foot in Recording(tmp_path / "out.mcap").feet.items():
        stream = streams[side]["pressure"]
        assert stream["there"] == foot.seq.size
        assert stream["there"] + stream["gone"] == before[side].sampled
        assert stream["end_known"]
        more += stream["gone"] - before[side].missing
    assert 0 < more < 2 * 1.2 * foot.info.rate_hz


def test_a_whole_file_needs_no_recovery(whole, tmp_path):
    with pytest.raises(DataError, match="nothing to recover"):
        recover(whole, tmp_path / "out.mcap")
    assert not (tmp_path / "out.mcap").exists()


def test_nothing_is_overwritten(whole, tmp_path):
    cut = cut_at(whole, 0.5, tmp_path / "cut.mcap")
    with pytest.raises(DataError, match="exists"):
        recover(cut, cut)


def test_a_recovered_file_is_not_recovered_again(whole, tmp_path):
    once = tmp_path / "once.mcap"
    recover(cut_at(whole, 0.5, tmp_path / "cut.mcap"), once)
    with pytest.raises(DataError, match="nothing to recover"):
        recover(once, tmp_path / "twice.mcap")


def test_a_sealed_file_opens_with_its_words_only_and_is_recovered_sealed(tmp_path, monkeypatch):
    monkeypatch.delenv("SOLEKIT_PASSPHRASE", raising=False)
    path, out = tmp_path / "walk.mcap", tmp_path / "out.mcap"
    asyncio.run(_walk(path, passphrase=WORDS))
    with pytest.raises(SealedError):
        Recording(path)
    recording = Recording(path, passphrase=WORDS)
    assert recording.is_complete
    assert recording.first("about")["person"] == "P017"
    assert b"P017" not in path.read_bytes()
    cut = cut_at(path, 0.7, tmp_path / "cut.mcap")
    short = Recording(cut, passphrase=WORDS)
    assert any("without its last chunk" in problem for problem in short.problems)
    assert short.feet["left"].seq.size > 0.5 * recording.feet["left"].seq.size
    recover(cut, out, passphrase=WORDS)
    with pytest.raises(SealedError):
        Recording(out)
    again = Recording(out, passphrase=WORDS)
    assert again.is_complete
    assert again.feet["left"].seq.size == short.feet["left"].seq.size


# Tells how far virtual time is, after all that arrived before has been dealt with.
CHILD = """
import asyncio, sys
from pathlib import Path
import solekit

async def main(path, words):
    async with solekit.connect_pair("sim:walk?layout=cells-4") as pair:
        pair.record_to(Path(path), passphrase=words)
        await pair.start()
        while True:
            await pair.clock.sleep(0.5)
            print(pair.clock.now_s(), flush=True)

asyncio.run(main(*sys.argv[1:]))
"""


def test_a_killed_sealed_recording_is_whole_to_within_a_second(tmp_path):
    path = tmp_path / "walk.mcap"
    with subprocess.Popen(
        [sys.executable, "-c", CHILD, path, WORDS], stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        told_s = 0.0
        for line in child.stdout:
            told_s = float(line)
            if told_s >= 10.0:
                break
        child.kill()
        for line in child.stdout:
            told_s = float(line) if line.endswith("\n") else told_s
    recording = Recording(path, passphrase=WORDS)
    assert not recording.is_complete
    assert any("without its last chunk" in problem for problem in recording.problems)
    for foot in recording.feet.values():
        assert foot.loss["pressure"].missing == 0
        assert foot.t_s[-1] >= told_s - 1.0 - 0.3  # a message of cells-4 holds up to 0.3 s
    assert judge(recording).level == CARE
