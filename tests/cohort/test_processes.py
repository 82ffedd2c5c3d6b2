"""Recordings in processes of their own: what dies, what waits, what is told."""

import pytest

from solekit.cohort.outcome import Source, analyse_source, find_sources
from solekit.cohort.processes import in_processes
from solekit.errors import DataError

# A worker that dies on one recording, fails on another and does the rest.
DYING = """
import os
from solekit.cohort.outcome import Outcome, SUMMARY

def work(source):
    if "kills" in source.name:
        os._exit(9)
    if "memory" in source.name:
        raise MemoryError
    if "exits" in source.name:
        raise SystemExit(3)
    summary = dict.fromkeys(SUMMARY) | {"recording": source.name, "failure": ""}
    return Outcome(source.name, summary)
"""


def test_a_worker_that_dies_leaves_the_other_recordings(tmp_path, monkeypatch):
    (tmp_path / "dying_worker.py").write_text(DYING, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    import dying_worker  # pyright: ignore[reportMissingImports]

    names = ["one", "kills", "two", "memory", "exits", "three", "four"]
    sources = [Source(tmp_path / name, name) for name in names]
    outcomes = list(in_processes(sources, dying_worker.work, jobs=2))
    assert [outcome.name for outcome in outcomes] == names
    failures = {outcome.name: outcome.failure for outcome in outcomes if outcome.failure}
    assert failures == {
        "kills": "failed: its process ended, perhaps for want of memory",
        "memory": "failed: MemoryError()",
        "exits": "failed: SystemExit: 3",
    }


def test_no_more_than_two_recordings_per_process_are_pending(tmp_path, monkeypatch):
    from concurrent.futures import Future

    submitted = []

    class Pool:
        def begin(self, task, source):
            future = Future()
            future.set_result(source.name)
            submitted.append(source.name)
            return future

        def end(self):
            submitted.append("shut")

    monkeypatch.setattr("solekit.cohort.processes._Pool", lambda processes: Pool())
    sources = [Source(tmp_path / str(i), str(i)) for i in range(20)]
    outcomes = in_processes(sources, analyse_source, jobs=3)
    for i in range(5):
        assert next(outcomes) == str(i)
        assert len(submitted) == 6 + i
    outcomes.close()
    assert submitted[-1] == "shut"


def test_a_bug_in_the_analysis_is_a_row_too(tmp_path, monkeypatch):
    path = tmp_path / "a-walk.mcap"

    class Opened:
        def __init__(self, path):
            self.path, self.feet = path, {}

    def broken(recording, *, allow_low_rate, contacts="foot"):
        raise KeyError(f"no column in {recording.path}")

    monkeypatch.setattr("solekit.cohort.outcome.analyse", broken)
    monkeypatch.setattr("solekit.cohort.outcome.Recording", Opened)
    outcome = analyse_source(Source(path, path.name))
    assert outcome.failure == "failed: KeyError: 'no column in a-walk.mcap'"
    assert not outcome.tables


def test_a_recording_given_twice_is_analysed_once_and_names_stay_apart(tmp_path):
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "walk.mcap").write_bytes(b"")
    one = tmp_path / "one"
    sources = find_sources([one / "walk.mcap", one, tmp_path / "two"])
    assert [source.path.parent.name for source in sources] == ["one", "two"]
    assert [source.name for source in sources] == ["walk.mcap", "walk.mcap#2"]


def test_a_negative_number_of_processes_is_refused():
    with pytest.raises(DataError, match="jobs is -1"):
        next(in_processes([], analyse_source, jobs=-1))
