"""Recordings on a local Dask cluster: a real scheduler and workers in processes of their own."""

import os
import sys

import pytest

from solekit.cohort import workers
from solekit.cohort.outcome import Source
from solekit.errors import DataError, TransportError
from tools.bench.cohort import dask

WORK = """
import os
from solekit.cohort.outcome import SUMMARY, Outcome

def work(source):
    if "kills" in source.name:
        os._exit(9)
    if "bug" in source.name:
        raise KeyError("a bug")
    summary = dict.fromkeys(SUMMARY) | {"recording": source.name, "failure": ""}
    return Outcome(source.name, summary)
"""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """The address of a scheduler with two workers, and work that they can import."""
    folder = tmp_path_factory.mktemp("cluster")
    (folder / "cohort_work.py").write_text(WORK, encoding="utf-8")
    environment = {
        **os.environ,
        "PYTHONPATH": str(folder),
        "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "0",
        "DASK_LOGGING__DISTRIBUTED": "critical",
    }
    sys.path.insert(0, str(folder))
    try:
        with dask(folder, environment) as address:
            yield address
    finally:
        sys.path.remove(str(folder))


@pytest.mark.parametrize("bad", ["bug", "kills"])
def test_outcomes_come_in_order_and_a_bad_one_is_a_row(cluster, tmp_path, bad):
    from cohort_work import work  # pyright: ignore[reportMissingImports]

    names = ["one", bad, "two", "three", "four", "five", "six"]
    sources = [Source(tmp_path / name, name) for name in names]
    outcomes = list(workers.on_workers(sources, work, scheduler=cluster))
    assert [outcome.name for outcome in outcomes] == names
    failures = {outcome.name: outcome.failure for outcome in outcomes if outcome.failure}
    assert set(failures) == {bad}
    assert ("KeyError: 'a bug'" if bad == "bug" else "KilledWorker") in failures[bad]


def test_another_version_on_the_workers_is_refused(cluster, monkeypatch):
    monkeypatch.setattr("solekit.__version__", "0.0.other")
    with pytest.raises(DataError, match=r"here it is 0\.0\.other"):
        next(workers.on_workers([], lambda source: source, scheduler=cluster))


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:9", "nonsense://x"])
def test_nobody_at_the_address_is_said(monkeypatch, address):
    monkeypatch.setattr(workers, "_CONNECT_S", 0.5)
    with pytest.raises(TransportError, match="no Dask scheduler answers"):
        next(workers.on_workers([], lambda source: source, scheduler=address))
