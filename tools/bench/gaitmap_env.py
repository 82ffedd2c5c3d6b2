"""The reference library gaitmap in its own environment: ``python -m tools.bench.gaitmap_env``.

gaitmap (MIT) is what the field compares with; its add-on gaitmap_mad (AGPL-3.0) holds the
published stride segmentation and event detection. Both are installed from the package index
into the user's cache, never into the project's environment, and are run as a program of their
own (``gaitmap_reference.py``): numbers go in as a file and come out as a file.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from solekit.errors import DataError
from solekit.layouts import SIDES
from tools.environment import Unavailable, explain_pip, locked, maker, program, say
from tools.shelf import user_cache

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

# What decides the numbers is pinned; what these need besides (time zones, certificates) is not.
PINS = (
    "gaitmap==2.6.0",
    "gaitmap_mad==2.6.0",
    "numpy==2.0.2",  # gaitmap 2.6.0 asks for numpy below 2.1 and pandas below 2.4
    "pandas==2.3.3",
    "scipy==1.17.1",
    "scikit-learn==1.9.1",
    "numba==0.68.1",
    "llvmlite==0.50.0",
    "joblib==1.6.0",
    "tpcp==2.3.0",
)
SCRIPT = Path(__file__).with_name("gaitmap_reference.py")
MOUNTINGS = ("axes", "unknown")
SEGMENTATIONS = ("barth", "constrained")


def folder() -> Path:
    """Return where the environment is, or is to be: ``SOLEKIT_GAITMAP``, else the cache."""
    given = os.environ.get("SOLEKIT_GAITMAP")
    return Path(given).absolute() if given else user_cache("gaitmap")


def find() -> Path | None:
    """Return the Python of a complete environment, None without one."""
    place = folder()
    stamp = place / "KEY"
    python = program(place, "python")
    if stamp.exists() and stamp.read_text(encoding="ascii") == _key() and python.exists():
        return python
    return None


def python_of_gaitmap(say: Callable[[str], None] = say) -> Path:
    """Return the Python that has gaitmap; make its environment where there is none.

    Parameters
    ----------
    say : callable, optional
        Takes one line of progress; nothing is said where the environment is there already.

    Raises
    ------
    Unavailable
        Where the packages cannot be installed, for example without a network.
    """
    place = folder()
    with locked(place / "lock"):
        found = find()
        if found:
            return found
        (place / "KEY").unlink(missing_ok=True)  # half-made from here on, until the last line
        began_s = time.monotonic()
        say(f"gaitmap: installing gaitmap and gaitmap_mad into {place} (about a minute)")
        python = program(place, "python")
        _run([*maker(), str(place / ".venv")], "no environment for gaitmap was made")
        command = [str(python), "-m", "pip", "install", "--quiet", "--no-input"]
        options = ["--disable-pip-version-check", "--only-binary", ":all:"]
        done = subprocess.run([*command, *options, *PINS], capture_output=True, text=True)
        if done.returncode:
            why = explain_pip(done.stdout + done.stderr)
            raise Unavailable(f"gaitmap was not installed: {why.what}", why.get)
        _run([str(python), str(SCRIPT), "--versions"], "gaitmap was installed, but does not run")
        (place / "KEY").write_text(_key(), encoding="ascii")
        say(f"gaitmap: ready, {time.monotonic() - began_s:.0f} s")
        return python


def versions() -> dict[str, str]:
    """Return the versions that the reference runs with, by package."""
    text = _run([str(python_of_gaitmap()), str(SCRIPT), "--versions"], "gaitmap does not run")
    return dict(line.split() for line in text.splitlines())


def run_reference(job: Mapping[str, Any]) -> dict[str, Any]:
    """Run gaitmap's documented pipeline on one recording.

    Parameters
    ----------
    job : mapping
        ``rate_hz``: samples per second; ``left`` and/or ``right``: each a mapping with
        ``acc_m_s2`` (n, 3) with gravity, ``gyro_deg_s`` (n, 3) and optionally ``borders``
        (k, 2): first sample of each stride and first sample after it, between mid-stance and
        foot-off; without it gaitmap segments the strides itself. ``mounting``: "axes" (default)
        where the sensor's axes are about x to the toes, y to the wearer's left, z up; "unknown"
        lets gaitmap find them. ``segmentation``: "barth" (default, gaitmap's BarthDtw) or
        "constrained" (its ConstrainedBarthDtw), both as gaitmap sets them. ``repeats``
        (default 1): how often to compute, for timing.

    Returns
    -------
    dict
        ``seconds``: float array, compute time of each repeat, imports excluded; the first one
        holds what is compiled at first use. Per side a dict with sample numbers: ``borders``
        (k, 2), ``ic``, ``tc``, ``min_vel`` of each segmented stride (NaN: not found) and, of each
        stride from mid-stance to mid-stance, ``stride_start``, ``stride_end`` in samples,
        ``stride_length_m`` and ``stride_time_s``; and ``reason``: empty, or why gaitmap refused.

    Raises
    ------
    DataError
        Where the job is not of this form.
    Unavailable
        Where gaitmap cannot be installed or does not run.
    """
    arrays = _packed(job)
    python = python_of_gaitmap()
    with tempfile.TemporaryDirectory() as name:
        source, target = Path(name, "job.npz"), Path(name, "result.npz")
        np.savez(source, **arrays)
        _run([str(python), str(SCRIPT), str(source), str(target)], "gaitmap's run failed")
        with np.load(target, allow_pickle=False) as loaded:
            flat = dict(loaded)
    return _unpacked(flat)


def _packed(job: Mapping[str, Any]) -> dict[str, Any]:
    mounting = _word(job, "mounting", MOUNTINGS)
    segmentation = _word(job, "segmentation", SEGMENTATIONS)
    rate_hz = float(job.get("rate_hz", 0.0))
    if not rate_hz > 0.0 or not np.isfinite(rate_hz):
        raise DataError(f"rate_hz is {rate_hz}; give the samples per second of the recording")
    sides = [side for side in SIDES if side in job]
    if not sides:
        raise DataError("the job names no foot; give left, right or both")
    repeats = int(job.get("repeats", 1))
    if repeats < 1:
        raise DataError(f"repeats is {repeats}; compute at least once")
    arrays: dict[str, Any] = {
        "mounting": mounting,
        "segmentation": segmentation,
        "rate_hz": rate_hz,
        "repeats": repeats,
    }
    for side in sides:
        foot = job[side]
        acc, gyro = (np.asarray(foot[name], float) for name in ("acc_m_s2", "gyro_deg_s"))
        if acc.ndim != 2 or acc.shape[1] != 3 or acc.shape != gyro.shape:
            raise DataError(
                f"{side}: acc_m_s2 is {acc.shape} and gyro_deg_s {gyro.shape}; both are (n, 3)"
            )
        if not (np.isfinite(acc).all() and np.isfinite(gyro).all()):
            raise DataError(f"{side}: a sample is not finite; fill gaps before, gaitmap cannot")
        arrays[f"{side}.acc_m_s2"], arrays[f"{side}.gyro_deg_s"] = acc, gyro
        if foot.get("borders") is not None:
            borders = np.asarray(foot["borders"], int)
            if borders.ndim != 2 or borders.shape[1] != 2:
                raise DataError(f"{side}: borders is {borders.shape}; it is (strides, 2)")
            arrays[f"{side}.borders"] = borders
    return arrays


def _word(job: Mapping[str, Any], name: str, allowed: tuple[str, ...]) -> str:
    """Return the word that the job gives for ``name``, by default the first one allowed."""
    word = job.get(name, allowed[0])
    if word not in allowed:
        raise DataError(f"{name} is {word!r}; use one of {', '.join(allowed)}")
    return word


def _unpacked(flat: Mapping[str, Any]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key, value in flat.items():
        side, _, name = key.rpartition(".")
        into = result.setdefault(side, {}) if side else result
        into[name] = str(value) if value.dtype.kind == "U" else value
    return result


def _key() -> str:
    """Return what the environment is made of; a change means making it anew."""
    return "\n".join((f"{sys.version_info[0]}.{sys.version_info[1]}", *PINS))


def _run(command: list[str], trouble: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        lines = (done.stdout + done.stderr).strip().splitlines() or ["no message"]
        raise Unavailable(f"{trouble}: {lines[-1]}", f"delete {folder()} and run this again")
    return done.stdout


def main() -> int:
    """Print the versions of the reference, made ready first."""
    try:
        for name, version in versions().items():
            print(f"{name} {version}")
    except Unavailable as error:
        print(f"gaitmap: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
