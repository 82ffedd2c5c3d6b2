"""A cohort of 1,000 recordings on one core, on two, and on a Dask cluster of two workers.

Simulated: ten virtual people walk for twenty seconds on cells-16; every recording is there 100
times under names of its own, so that reading and work are those of 1,000. Time is that of the
clock on the wall, start of processes included; memory is the largest that the process which
writes the data set ever had, after 100 and after all recordings.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from solekit.cohort.processes import n_cores

PEOPLE, COPIES, SECONDS = 10, 100, 20
URI = "sim:walk?layout=cells-16&seed={}"
_CLUSTER = """
import sys
from distributed import LocalCluster

if __name__ == "__main__":
    local = dict(dashboard_address=None, host="127.0.0.1")
    with LocalCluster(n_workers=2, threads_per_worker=1, **local) as cluster:
        print(cluster.scheduler_address, flush=True)
        sys.stdin.readline()
"""
_WORK = """
import json, resource, sys
from solekit.cli import main

try:
    main(sys.argv[1:])
except SystemExit as end:
    code = end.code
largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps({"code": code or 0, "rss": largest}))
"""


def measure(people: int = PEOPLE, copies: int = COPIES) -> list[dict[str, Any]]:
    """Return one row per way of working."""
    with tempfile.TemporaryDirectory() as scratch, dask(Path(scratch)) as address:
        folder = make(Path(scratch), people, copies)
        rows = [
            row(folder, "one core", []),
            row(folder, "two cores", ["--jobs", "2"]),
            row(folder, "Dask, two workers", ["--scheduler", address]),
        ]
    for way in rows:
        way["speed_up"] = round(rows[0]["seconds"] / way["seconds"], 2)
    return rows


@contextmanager
def dask(folder: Path, environment: dict[str, str] | None = None) -> Iterator[str]:
    """Yield the address of a scheduler with two workers here; its script lies in ``folder``."""
    cluster = folder / "cluster.py"
    cluster.write_text(_CLUSTER, encoding="utf-8")
    with subprocess.Popen(
        [sys.executable, str(cluster)],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout
        try:
            yield process.stdout.readline().strip()
        finally:
            process.communicate("\n")


def make(folder: Path, people: int, copies: int) -> Path:
    """Write the recordings to ``all``, a tenth of them to ``few``; return ``folder``."""
    _recordings(folder / "all", people, copies)
    _recordings(folder / "few", people, max(1, copies // 10))
    return folder


def _recordings(folder: Path, people: int, copies: int) -> None:
    """Write ``people`` recordings, ``copies`` times each; those beside them are taken over."""
    from solekit.cli import main

    folder.mkdir()
    for seed in range(people):
        first = folder / f"P{seed:02}-000.mcap"
        known = folder.parent / "all" / first.name
        if known.exists():
            shutil.copy(known, first)
        else:
            about = ["--device", URI.format(seed), "--duration-s", str(SECONDS)]
            try:
                main(["record", *about, "--person", f"P{seed:02}", "--out", str(first)])
            except SystemExit as end:
                if end.code:
                    raise
        for k in range(1, copies):
            os.link(first, folder / f"P{seed:02}-{k:03}.mcap")


def row(folder: Path, name: str, options: list[str]) -> dict[str, Any]:
    """Return the figures of one way of working."""
    _, few_mb, _ = _run(folder / "few", folder / f"few-{name}", options)
    seconds, all_mb, n_rows = _run(folder / "all", folder / f"all-{name}", options)
    return {
        "what": name,
        "cores": n_cores(),
        "recordings": n_rows,
        "seconds": round(seconds, 1),
        "recordings_per_s": round(n_rows / seconds, 2),
        "MB_after_a_tenth": round(few_mb),
        "MB": round(all_mb),
    }


def _run(recordings: Path, out: Path, options: list[str]) -> tuple[float, float, int]:
    """Return seconds, largest memory in MB and rows of one ``solekit cohort``."""
    began_s = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", _WORK, "cohort", recordings, "--out", out, *options],
        capture_output=True,
        text=True,
        check=True,
    )
    seconds = time.perf_counter() - began_s
    told = json.loads(done.stdout.splitlines()[-1])
    if told["code"]:
        raise RuntimeError(done.stderr)
    unit = 1e-6 if sys.platform == "darwin" else 1.024e-3  # bytes there, KiB elsewhere
    n_rows = len((out / "recordings.csv").read_text(encoding="utf-8").splitlines()) - 1
    return seconds, told["rss"] * unit, n_rows
