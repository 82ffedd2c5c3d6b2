"""An uncalibrated recording stays in counts: no command, table or call tells newtons or kPa."""

import asyncio
import json
import re

import numpy as np
import pandas as pd
import pytest

import solekit
from solefoot.app.settings import flat_calibration
from solekit import calibration as cal
from solekit.analysis import analyse
from solekit.cli import main
from solekit.errors import DataError
from solekit.inference.signals import signals_of
from solekit.recording import Recording
from solekit_hil import world
from tests.inference.fakes import fake

# Names that carry newtons or kilopascals, also where a side follows.
FORCE = re.compile(r"_(n|kpa|n_s|kpa_s)(_left|_right)?$")
TOLD = re.compile(r"\d\s*(N|kPa|newtons?)\b")


@pytest.fixture(scope="module")
def walk(tmp_path_factory):
    """Return a walk of 20 s on insoles without zero, gain or force."""

    def unknown(fields, geometry, _calibration):
        nothing = {"calibration_id": 0, "force_lsb_un": 0, "body_weight": 0}
        return local({**fields, **nothing}, geometry, flat_calibration(16).table)

    async def record(path):
        async with solekit.connect_pair("sim:walk?seed=2&layout=cells-16&rate_hz=30") as pair:
            pair.record_to(path)
            await pair.start()
            await pair.clock.sleep(20.0)
            await pair.stop()

    local = world.LocalFoot
    path = tmp_path_factory.mktemp("uncalibrated") / "walk.mcap"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(world, "LocalFoot", unknown)
        asyncio.run(record(path))
    return path


@pytest.fixture
def network(monkeypatch):
    """Return a call that puts a network without weights in place of the zoo's."""
    from solekit.inference import zoo

    known = fake("cells-16", 16, n_imu=0)

    def put():
        monkeypatch.setattr(zoo, "open_zoo_model", lambda *_, **__: (known.card, known.model))

    return put


def forces_in(table):
    """Return the names of what a table tells as a force or a pressure."""
    told = [name for name in table if FORCE.search(str(name)) and table[name].notna().any()]
    if "quantity" in table:
        known = table.loc[table["mean"].notna(), "quantity"]
        told += [name for name in known if FORCE.search(name)]
    if {"unit", "value"} <= set(table):
        told += table.loc[
            table["value"].notna() & table["unit"].isin(["N", "kPa"]), "name"
        ].tolist()
    return told


def run(*arguments):
    with pytest.raises(SystemExit) as end:
        main([str(argument) for argument in arguments])
    return end.value.code or 0


@pytest.mark.parametrize(
    "command",
    [
        ("analyse",),
        ("analyse", "--json"),
        ("report",),
        ("report", "--json"),
        ("export",),
        ("export", "--format", "parquet"),
        ("info",),
        ("verify",),
        ("cohort",),
        ("cohort", "--json"),
        ("infer",),
        ("infer", "--json"),
    ],
    ids=" ".join,
)
def test_no_command_tells_a_force(walk, network, tmp_path, capsys, command):
    name, *options = command
    if "parquet" in options or name == "cohort":
        pytest.importorskip("pyarrow")
    if name in ("export", "cohort", "infer"):
        options += ["--out", tmp_path / "tables"]
    if name == "infer":
        network()
    if name == "report":
        options += ["--out", tmp_path / "page.html"]
    assert run(name, walk, *options) in (0, 1)
    told = capsys.readouterr()
    assert not TOLD.search(told.out + told.err)
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert (name in ("export", "report", "cohort", "infer")) == bool(written), told.err
    for path in written:
        if path.suffix == ".html":
            text = path.read_text(encoding="utf-8")
            text = re.sub(r"<style.*?</style>|data:image[^\"]*", "", text, flags=re.DOTALL)
            assert not TOLD.search(text)
            assert "uncalibrated" in text
        elif path.suffix in (".csv", ".parquet"):
            read = pd.read_csv if path.suffix == ".csv" else pd.read_parquet
            assert forces_in(read(path)) == [], path.name
    for line in told.out.splitlines() if "--json" in options else ():
        row = json.loads(line)
        assert not [key for key in row if FORCE.search(key) and row[key] is not None]


def test_no_call_tells_a_force(walk):
    recording = Recording(walk)
    assert cal.use(recording) == []
    found = analyse(recording)
    assert not found.is_calibrated
    tables = (found.events, found.strides, found.variables, found.bouts, found.pressure.table)
    for table in (*tables, found.pressure.stances, found.task):
        assert forces_in(table) == []
    signals, _ = signals_of(recording)
    for side, foot in recording.feet.items():
        assert not foot.is_newtons
        assert forces_in(foot.events) == forces_in(foot.strides) == forces_in(foot.minutes) == []
        assert np.isnan(foot.force_error_n).all()
        assert np.array_equal(foot.load, foot.counts.sum(axis=1))
        assert signals[side].load.max() == foot.counts.max()
        with pytest.raises(DataError, match="uncalibrated: its counts are not newtons"):
            _ = foot.force_n


def test_the_check_would_see_a_force():
    assert TOLD.search("peak 240 kPa")
    assert forces_in(pd.DataFrame({"cell_1_n": [1.0]})) == ["cell_1_n"]
    assert forces_in(pd.DataFrame({"peak_force_n_left": [1.0]})) == ["peak_force_n_left"]
    told = pd.DataFrame({"quantity": ["peak_kpa", "arch_index"], "mean": [200.0, 0.2]})
    assert forces_in(told) == ["peak_kpa"]
    told = pd.DataFrame({"name": ["load", "time"], "value": [1.0, 2.0], "unit": ["N", "s"]})
    assert forces_in(told) == ["load"]
