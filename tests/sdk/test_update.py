"""``solekit update`` on virtual insoles: the whole way, with links that fail."""

import asyncio
import json
import zipfile
from pathlib import Path

import pytest

from solefoot.app.slots import Slots
from solefoot.app.updating import Job
from solekit import connect, connect_pair
from solekit.cli import main as command
from solekit.errors import DataError, DeviceError, SolekitError
from solekit.update import read_bundle, update
from tools import bundle

SMALL = "layout=cells-4&log=0"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Return a folder with keys and a small bundle of the virtual board."""
    folder = tmp_path_factory.mktemp("bundles")
    private, _ = bundle.make_key(folder)
    files = {f"app/{i}.mpy": bytes((i * 7 + k) % 256 for k in range(400 * i)) for i in range(6)}
    text = bundle.manifest(files, "virtual", "x64", "9")
    bundle.write(folder / "x.zip", text, bundle.signature(text, private.read_bytes()), files)
    return folder


@pytest.fixture
def flash(made, tmp_path):
    """Return a folder that stands for the file systems of a pair, with the public key."""
    (tmp_path / bundle.PUBLIC).write_bytes((made / bundle.PUBLIC).read_bytes())
    return tmp_path


def run(uri, path, on_progress=None):
    async def go():
        async with connect(uri) as insole:
            return await update(insole, path, on_progress)

    return asyncio.run(go())


def test_an_update_arrives_whole_and_is_what_the_next_start_tries(made, flash):
    seen = []
    uri = f"sim:walk?{SMALL}&side=left&flash={flash}"
    sent = run(uri, made / "x.zip", lambda at, total: seen.append((at, total)))
    head, files = read_bundle(made / "x.zip")
    assert sent == len(head) + sum(map(len, files)) == seen[-1][0] == seen[-1][1]
    assert seen == sorted(seen)
    assert Slots(str(flash / "left")).boot() == "b"
    assert [(flash / "left" / "b" / f"app/{i}.mpy").read_bytes() for i in range(6)] == files


def test_what_is_there_broken_is_sent_again_by_itself(made, flash, monkeypatch):
    whole = Job._file
    spoils = iter([True, False, False])

    def spoil_once(self, index):
        at = whole(self, index)
        if index == 3 and next(spoils):
            Path(self._path).write_bytes(b"?")
            return 1
        return at

    monkeypatch.setattr(Job, "_file", spoil_once)
    head, files = read_bundle(made / "x.zip")
    sent = run(f"sim:walk?{SMALL}&side=left&flash={flash}", made / "x.zip")
    assert sent == len(head) + sum(map(len, files)) - 1 + len(files[3])
    assert Slots(str(flash / "left")).boot() == "b"


def test_over_a_bad_link_it_takes_longer_and_is_the_same(made, flash):
    air = "loss=0.1&duplicate=0.1&reorder=0.1&corrupt=0.05"
    run(f"sim:walk?{SMALL}&side=right&seed=3&flash={flash}&{air}", made / "x.zip")
    slots = Slots(str(flash / "right"))
    assert slots.is_whole("b")
    assert slots.boot() == "b"


def test_a_link_that_is_cut_leaves_the_old_application_and_the_next_try_goes_on(made, flash):
    uri = f"sim:walk?{SMALL}&side=left&flash={flash}"
    with pytest.raises(SolekitError):
        run(f"{uri}&latency_ms=30&cut=0.9", made / "x.zip")
    assert Slots(str(flash / "left")).trial == ""
    head, files = read_bundle(made / "x.zip")
    sent = run(uri, made / "x.zip")
    assert 0 < sent < len(head) + sum(map(len, files))
    assert Slots(str(flash / "left")).boot() == "b"


@pytest.mark.parametrize("stack", ["nimble", "btstack"])
def test_over_a_modelled_radio_that_is_away_for_a_while_it_arrives_all_the_same(
    made, flash, stack
):
    uri = f"sim:walk?{SMALL}&side=left&flash={flash}&air=ble&stack={stack}&mtu=100"
    head, files = read_bundle(made / "x.zip")
    with pytest.raises(SolekitError):
        run(f"{uri}&cut=1.5", made / "x.zip")
    assert Slots(str(flash / "left")).trial == ""
    sent = run(f"{uri}&cut=1-7", made / "x.zip")
    assert 0 < sent < len(head) + sum(map(len, files))
    assert Slots(str(flash / "left")).boot() == "b"


def test_a_bundle_by_another_key_is_refused_in_one_line(made, flash, tmp_path, capsys):
    other, _ = bundle.make_key(tmp_path / "other")
    forged = tmp_path / "forged.zip"
    forged.write_bytes((made / "x.zip").read_bytes())
    bundle.sign(forged, other.read_bytes())
    uri = f"sim:walk?{SMALL}&side=left&flash={flash}"
    with pytest.raises(SystemExit) as ended:
        command(["update", str(forged), "--device", uri])
    assert ended.value.code == 1
    err = capsys.readouterr().err
    assert "signature is not by the key" in err
    assert err.count("\n") == 1
    assert not (flash / "left" / "b").exists()


def test_an_insole_without_slots_says_so(made):
    with pytest.raises(DataError, match="cannot be updated over the wire"):
        run(f"sim:walk?{SMALL}&side=left", made / "x.zip")


def test_a_bundle_whose_file_is_not_the_manifest_s_is_not_sent(made, flash, tmp_path):
    path = tmp_path / "spoilt.zip"
    with zipfile.ZipFile(made / "x.zip") as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            new.writestr(name, b"?" if name == "app/2.mpy" else old.read(name))
    with pytest.raises(DataError, match=r"app/2.mpy is not what the manifest says"):
        run(f"sim:walk?{SMALL}&side=left&flash={flash}", path)


@pytest.mark.parametrize("content", [b"", b"no zip at all"])
def test_what_is_no_bundle_never_reaches_the_insole(content, flash, tmp_path):
    path = tmp_path / "x.zip"
    path.write_bytes(content)
    with pytest.raises(DataError, match="is no application bundle"):
        run(f"sim:walk?{SMALL}&side=left&flash={flash}", path)


def test_while_it_streams_an_insole_is_not_updated(made, flash):
    async def go():
        async with connect_pair(f"sim:walk?{SMALL}&flash={flash}") as pair:
            await pair.start()
            with pytest.raises(DeviceError, match="stop streaming"):
                await update(pair.feet["left"], made / "x.zip")
            await pair.stop()

    asyncio.run(go())


@pytest.mark.mpy32
def test_a_board_with_a_small_heap_takes_an_update_after_it_has_streamed(made, flash):
    async def go():
        uri = f"mpy:walk?layout=grid-30x22&log=0&side=left&flash={flash}"
        async with connect(uri) as insole:
            await insole.start()
            async for frames in insole.frames():
                if frames.seq[-1] > 60:
                    break
            await insole.stop()
            await update(insole, made / "x.zip")
            return await insole.stats()

    stats = asyncio.run(go())
    assert stats["heap_free"] > 0
    assert Slots(str(flash / "left")).boot() == "b"


def test_the_command_updates_both_feet(made, flash, capsys):
    uri = f"sim:walk?{SMALL}&flash={flash}"
    with pytest.raises(SystemExit) as ended:
        command(["update", str(made / "x.zip"), "--device", uri, "--json"])
    assert ended.value.code in (0, None)
    n = sum(map(len, read_bundle(made / "x.zip")[1])) + len(read_bundle(made / "x.zip")[0])
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert rows == [{"side": side, "bytes_sent": n} for side in ("left", "right")]
    for side in ("left", "right"):
        assert Slots(str(flash / side)).boot() == "b"
