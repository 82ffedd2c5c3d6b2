"""The program that finds bodies: where it is looked for, its protocol, its faults.

What it finds is tested with the real one where SOLEKIT_MEDIAPIPE names a Python that has it; a
stand-in program is used for faults only.
"""

import json
import os
import stat
import sys
from pathlib import Path

import numpy as np
import pytest

from solekit.errors import DataError
from solekit.formats.mediapipe_landmarks import load_mediapipe
from solekit.formats.openpose import load_openpose
from solekit.video import finder
from solekit.video.landmarks import BLAZEPOSE

HEAD = {
    "format": "solekit-landmarks",
    "width_px": 20,
    "height_px": 10,
    "n_frames": 8,
    "names": list(BLAZEPOSE),
}
FRAME = {"points": [[1.0, 2.0, 1.0]] * 33}


@pytest.fixture(autouse=True)
def _nowhere(monkeypatch, tmp_path):
    monkeypatch.delenv(finder.ENVIRONMENT, raising=False)
    monkeypatch.setenv("SOLEKIT_HOME", str(tmp_path / "home"))


@pytest.fixture
def video(tmp_path):
    path = tmp_path / "walk.mp4"
    path.write_bytes(b"a video")
    return path


def stand_in(tmp_path, script):
    """Return a program that does ``script`` in place of Python with the worker."""
    code = tmp_path / "stand_in.py"
    code.write_text(f"import json, os, sys\nHEAD, FRAME = {HEAD!r}, {FRAME!r}\n{script}\n")
    program = tmp_path / "python"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{code}" "$@"\n')
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return program


needs_sh = pytest.mark.skipif(os.name == "nt", reason="the stand-in is a shell script")


def frames(n):
    row = "print(json.dumps({'t_s': i / 30, **FRAME}))"
    return f"print(json.dumps(HEAD))\nfor i in range({n}): {row}"


def test_without_mediapipe_it_is_said_how_to_get_it():
    with pytest.raises(DataError, match="solekit pose --install"):
        finder.find_python()


def test_a_named_python_comes_before_the_environment_and_the_installed_one(tmp_path, monkeypatch):
    pythons = []
    for name in ("asked", "named"):
        pythons.append(tmp_path / name)
        pythons[-1].touch()
    installed = finder.folder() / "bin" / "python"
    if os.name == "nt":
        installed = finder.folder() / "Scripts" / "python.exe"
    installed.parent.mkdir(parents=True)
    installed.touch()
    assert finder.find_python() == installed
    monkeypatch.setenv(finder.ENVIRONMENT, str(pythons[1]))
    assert finder.find_python() == pythons[1]
    assert finder.find_python(pythons[0]) == pythons[0]
    with pytest.raises(DataError, match="is no Python"):
        finder.find_python(tmp_path / "absent")


def test_a_python_without_mediapipe_says_so(tmp_path, video):
    with pytest.raises(DataError, match=r"No module named.*--install"):
        finder.find_landmarks(video, tmp_path / "out.jsonl", python=Path(sys.executable))
    assert not list(tmp_path.glob("out*"))


@needs_sh
@pytest.mark.parametrize(
    ("script", "match"),
    [
        (frames(3) + "\nsys.stdout.flush(); os.abort()", "ended with -6"),
        (frames(3) + "\nprint('CUDA is on fire', file=sys.stderr); sys.exit(1)", "on fire"),
        (frames(3), "ended before the last frame"),
        ("print('worker: no video that OpenCV can open', file=sys.stderr); sys.exit(3)", "OpenCV"),
        ("pass", "ended before the last frame"),
    ],
)
def test_a_fault_of_the_program_is_one_error_and_leaves_no_file(tmp_path, video, script, match):
    with pytest.raises(DataError, match=match):
        finder.find_landmarks(video, tmp_path / "out.jsonl", python=stand_in(tmp_path, script))
    assert not list(tmp_path.glob("out*"))


def test_a_program_that_cannot_be_run_is_an_error(tmp_path, video):
    program = tmp_path / "python"
    program.write_text("no program")
    with pytest.raises(DataError, match="does not run"):
        finder.find_landmarks(video, tmp_path / "out.jsonl", python=program)


@needs_sh
def test_an_interruption_stops_the_program_and_leaves_no_file(tmp_path, video):
    endless = frames(3) + "\nsys.stdout.flush()\nimport time\ntime.sleep(1000)"

    def stop(done, total):
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        finder.find_landmarks(
            video, tmp_path / "out.jsonl", python=stand_in(tmp_path, endless), progress=stop
        )
    assert not list(tmp_path.glob("out*"))


def test_no_video_and_no_model_are_named(tmp_path, video):
    for arguments in (
        {"video": tmp_path / "absent.mp4"},
        {"video": video, "model": tmp_path / "no.task"},
    ):
        with pytest.raises(DataError, match="is no file"):
            finder.find_landmarks(
                arguments.pop("video"),
                tmp_path / "out.jsonl",
                python=Path(sys.executable),
                **arguments,
            )


def test_existing_landmarks_are_kept(tmp_path, video):
    out = tmp_path / "out.jsonl"
    out.write_text("mine")
    with pytest.raises(DataError, match="exists"):
        finder.find_landmarks(video, out, python=Path(sys.executable))
    assert out.read_text() == "mine"


def test_another_python_is_not_installed_into(monkeypatch):
    monkeypatch.setattr(finder, "PYTHONS", ((3, 1),))
    with pytest.raises(DataError, match=r"CPython 3\.11 or 3\.12"):
        finder.install(print)
    assert not finder.folder().exists()


@needs_sh
def test_a_failed_installation_says_why(tmp_path, monkeypatch):
    python = stand_in(tmp_path, "print('No module named venv', file=sys.stderr); sys.exit(1)")
    monkeypatch.setattr(finder, "PYTHONS", (sys.version_info[:2],))
    monkeypatch.setattr(sys, "executable", str(python))
    with pytest.raises(DataError, match="no environment could be made: No module named venv"):
        finder.install(lambda text: None)


def test_the_worker_uses_nothing_of_solekit():
    text = finder.WORKER.read_text(encoding="utf-8")
    imports = {line.split()[1] for line in text.splitlines() if line.strip().startswith("import ")}
    assert imports == {"argparse", "json", "os", "sys", "cv2", "mediapipe"}
    assert "from " not in "\n".join(line for line in text.splitlines() if line.startswith("from"))


@pytest.mark.data
def test_the_real_mediapipe_finds_the_knees_where_openpose_does(tmp_path, data_dir, request):
    python = request.config.stash.get(REAL, "")
    if not python:
        pytest.skip(f"{finder.ENVIRONMENT} names no Python with mediapipe")
    folder = data_dir / "openpose_sideview"
    told = []
    path = finder.find_landmarks(
        folder / "input.mp4",
        tmp_path / "landmarks.jsonl",
        python=finder.find_python(Path(python)),
        progress=lambda done, total: told.append((done, total)),
    )
    found = load_mediapipe(path)
    assert told[-1] == (344, 344)
    assert found.names == BLAZEPOSE
    assert found.rate_hz == pytest.approx(29.97, abs=0.01)
    assert (found.width_px, found.height_px) == (320, 480)
    openpose = load_openpose(folder / "keypoints.npz", rate_hz=29.97)
    apart = found.middle("knee") - openpose.middle("knee")[: len(found.t_s)]
    assert np.nanmedian(np.hypot(*apart.T)) < 0.1 * found.leg_px("left")
    head = json.loads(path.read_text().splitlines()[0])
    assert head["source"].startswith("mediapipe")


REAL = pytest.StashKey[str]()


@pytest.fixture(scope="session", autouse=True)
def _real(request):
    """Remember the environment before the tests take it away."""
    request.config.stash[REAL] = os.environ.get(finder.ENVIRONMENT, "")
