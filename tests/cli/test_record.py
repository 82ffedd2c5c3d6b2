"""``solekit record`` and what is done with a recording afterwards, through virtual insoles."""

from __future__ import annotations

import asyncio
import io
import json

import pytest

from solekit import Recording, connect_pair
from solekit.cli.live_line import LiveLine
from solekit.recording.sealed import PASSPHRASE, is_sealed

DEVICE = "sim:walk?layout=cells-4&seed=3"
WORDS = "correct horse battery"


@pytest.fixture(autouse=True)
def _no_words(monkeypatch):
    monkeypatch.delenv(PASSPHRASE, raising=False)


@pytest.fixture
def walk(solekit, tmp_path):
    """Record eight seconds through the command line."""
    path = tmp_path / "walk.mcap"
    code, _, _ = solekit("record", "--device", DEVICE, "--duration-s", 8, "--out", path)
    assert code == 0
    return path


def test_record_ends_with_a_verdict_in_plain_words(solekit, tmp_path):
    arguments = ("record", "--device", DEVICE, "--protocol", "walk-1min", "--duration-s", 8)
    code, out, err = solekit(*arguments, "--out", tmp_path / "a.mcap")
    assert code == 0
    assert "verdict: repeat" in out
    assert "s of the 60 s that walk-1min asks for" in out
    assert "whole strides" in out
    assert "Walk at your usual pace" in err
    code, out, _ = solekit(*arguments, "--out", tmp_path / "b.mcap", "--json")
    row = json.loads(out)
    assert row["verdict"] == "repeat"
    assert {fact["name"] for fact in row["facts"]} >= {"file", "clock", "samples", "strides"}


def test_verify_tells_the_same_verdict_and_keeps_its_exit_code(solekit, walk):
    code, out, _ = solekit("verify", walk)
    assert code == 0
    assert "verdict: usable" in out
    code, out, _ = solekit("verify", walk, "--json")
    assert json.loads(out.splitlines()[-1])["verdict"] == "usable"


def test_a_link_that_breaks_gets_its_verdict_too(solekit, tmp_path):
    path = tmp_path / "x.mcap"
    code, out, err = solekit(
        "record", "--device", f"{DEVICE}&cut=5", "--duration-s", 20, "--out", path
    )
    assert code == 1
    assert "verdict: " in out
    assert "lost" in err


@pytest.mark.parametrize("person", ["Anna Berg", "anna@example.org"])
def test_a_name_is_refused_before_anything_is_recorded(solekit, tmp_path, person):
    path = tmp_path / "x.mcap"
    code, _, err = solekit("record", "--device", DEVICE, "--person", person, "--out", path)
    assert code == 2
    assert "must not tell who walked" in err
    assert not path.exists()


def test_the_code_of_the_person_is_kept(solekit, tmp_path):
    path = tmp_path / "x.mcap"
    arguments = ("--duration-s", 2, "--person", "P017", "--out", path)
    assert solekit("record", "--device", DEVICE, *arguments)[0] == 0
    assert Recording(path).first("about")["person"] == "P017"


def test_recover_makes_a_cut_file_whole(solekit, walk):
    cut = walk.with_name("cut.mcap")
    cut.write_bytes(walk.read_bytes()[:-3000])
    assert solekit("verify", cut)[0] == 1
    code, out, err = solekit("recover", cut)
    assert code == 0
    assert "cut-recovered.mcap" in out
    assert "the old file: " in err
    assert solekit("verify", walk.with_name("cut-recovered.mcap"))[0] == 0
    code, _, err = solekit("recover", walk)
    assert code == 1
    assert "nothing to recover" in err


def test_a_sealed_recording_is_read_by_every_command_that_has_its_words(
    solekit, tmp_path, monkeypatch
):
    path = tmp_path / "walk.mcap"
    arguments = ("record", "--device", DEVICE, "--duration-s", 8, "--seal", "--out", path)
    code, _, err = solekit(*arguments)
    assert code == 1
    assert PASSPHRASE in err
    assert not path.exists()
    monkeypatch.setenv(PASSPHRASE, WORDS)
    code, out, _ = solekit(*arguments)
    assert code == 0
    assert "verdict: usable" in out
    assert is_sealed(path)
    for command in (("verify",), ("info",), ("replay",), ("report", "--json"), ("analyse",)):
        assert solekit(*command, path)[0] == 0, command
    code, _, _ = solekit("unseal", path)
    assert code == 0
    opened = path.with_name("walk-open.mcap")
    assert not is_sealed(opened)
    assert Recording(opened).is_complete
    monkeypatch.delenv(PASSPHRASE)
    code, _, err = solekit("verify", path)
    assert code == 1
    assert PASSPHRASE in err
    monkeypatch.setenv(PASSPHRASE, "another horse")
    code, _, err = solekit("verify", path)
    assert code == 1
    assert "does not open with this pass-phrase" in err


@pytest.mark.parametrize("command", ["verify", "analyse"])
def test_the_words_are_asked_for_where_somebody_sits_at_the_terminal(
    solekit, walk, monkeypatch, command
):
    monkeypatch.setenv(PASSPHRASE, WORDS)
    assert solekit("seal", walk)[0] == 0
    monkeypatch.delenv(PASSPHRASE)
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    asked = []

    def answer(text, **_):
        asked.append(text)
        return WORDS

    monkeypatch.setattr("typer.prompt", answer)
    # What the command puts into its environment is taken back after the test.
    monkeypatch.setenv(PASSPHRASE, "")
    assert solekit(command, walk.with_name("walk-sealed.mcap"))[0] == 0
    assert len(asked) == 1
    assert "walk-sealed.mcap" in asked[0]


def test_erase_removes_recordings_of_ours_only(solekit, walk, tmp_path, monkeypatch):
    other = tmp_path / "letter.txt"
    other.write_text("dear diary")
    code, _, err = solekit("erase", other, "--yes")
    assert code == 1
    assert "not a recording" in err
    assert other.exists()
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    assert solekit("erase", walk)[0] == 1
    assert walk.exists()
    code, _, err = solekit("erase", walk, "--yes")
    assert code == 0
    assert not walk.exists()
    assert "may keep copies" in err


def test_erase_keeps_what_has_not_been_fetched_unless_forced(solekit):
    device = f"{DEVICE}&latency_ms=200"  # connecting takes a while: they log
    code, out, err = solekit("erase", "--device", device, "--yes", "--json")
    rows = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert {row["side"] for row in rows} == {"left", "right"}
    assert all(row["samples_left"] > 0 for row in rows)
    assert "has not been fetched" in err
    code, out, err = solekit("erase", "--device", device, "--yes", "--force", "--json")
    forced = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    for kept, freed in zip(rows, forced, strict=True):
        assert freed["freed_kb"] > 0
        assert freed["samples_left"] < kept["samples_left"]


def test_erase_asks_and_keeps_what_nobody_gave_away(solekit, monkeypatch):
    device = f"{DEVICE}&latency_ms=200&side=left"
    monkeypatch.setattr("sys.stdin", io.StringIO("y\nn\n"))  # what was fetched; but not the rest
    code, out, _ = solekit("erase", "--device", device, "--force", "--json")
    assert code == 0
    assert json.loads(out)["samples_left"] > 0


def test_erase_wants_to_know_what(solekit, walk):
    assert solekit("erase")[0] == 2
    assert solekit("erase", walk, "--device", DEVICE)[0] == 2
    assert walk.exists()


async def _watched(uri, duration_s):
    """Return the lines that a person sees, and the news, each with the time."""
    lines, news = [], []
    async with connect_pair(uri) as pair:
        await pair.start()
        async with LiveLine(pair) as line:
            while (now_s := pair.clock.now_s()) < duration_s:
                news += [(now_s, text) for text in line.look()]
                lines.append((now_s, line.text(now_s)))
                await pair.clock.sleep(0.5)
        await pair.stop()
    return lines, news


def test_the_live_line_shows_time_rate_loss_battery_and_cadence():
    lines, news = asyncio.run(_watched("sim:walk?layout=cells-4&electronics=1", 12.0))
    last = lines[-1][1]
    assert not news
    assert "left 30 Hz, 0.0 % missing, battery " in last
    assert "right 30 Hz" in last
    cadence = float(last.rpartition("| ")[2].removesuffix(" steps/min"))
    assert 90 < cadence < 130


def test_who_stands_has_no_cadence():
    lines, _ = asyncio.run(_watched("sim:stand?layout=cells-4", 8.0))
    assert lines[-1][1].endswith("no steps")


def test_a_foot_that_is_away_stays_visible_and_is_told_once():
    lines, news = asyncio.run(_watched(f"{DEVICE}&cut=4-7&log=0", 12.0))
    silent = [text for now_s, text in lines if 5.5 < now_s < 6.9]
    assert silent
    assert all("SILENT for" in text for text in silent)
    assert [text for _, text in news if text.startswith("left")] == [
        "left: silent",
        "left: back, frames come again",
    ]
