"""``solekit pose`` and ``solekit variables``: what people see."""

import json
import xml.etree.ElementTree as ET

import numpy as np
import pandas as pd
import pytest

from solekit.cli import main
from solekit.formats.mediapipe_landmarks import OWN, load_mediapipe
from solekit.video import VideoVariables
from solekit.video.landmarks import BLAZEPOSE
from solekit.video.pictures import angle_figure, skeleton_sheet
from tests.video.camera import film, walk


@pytest.fixture(scope="module")
def seen():
    t_s, points_m, _ = walk(seconds=6.0, start_s=3.0)
    return film(t_s, points_m, noise_px=2.0)


@pytest.fixture(scope="module")
def landmarks(seen, tmp_path_factory):
    """Return a file of landmarks as the worker writes it."""
    head = {"format": OWN, "width_px": 1920, "height_px": 1080, "names": BLAZEPOSE}
    rows = []
    for t_s, xy_px, score in zip(seen.t_s, seen.xy_px, seen.score, strict=True):
        points = [
            [*p, v] for p, v in zip(np.nan_to_num(xy_px).tolist(), score.tolist(), strict=True)
        ]
        rows.append({"t_s": t_s, "points": points})
    path = tmp_path_factory.mktemp("video") / "walk.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in [head, *rows, {"end": len(rows)}]))
    return path


def run(arguments):
    """Return the exit code of ``solekit`` with ``arguments``."""
    with pytest.raises(SystemExit) as end:
        main([str(argument) for argument in arguments])
    return end.value.code


def test_landmarks_become_variables_and_a_protocol_check(landmarks, capsys):
    assert run(["pose", landmarks]) == 0
    shown = capsys.readouterr()
    assert "pose_knee_angle_mean" in shown.out
    assert "right" in shown.out
    assert "103 deg" in shown.out.replace("\n", " ")
    assert "no accuracy" in shown.err


def test_lines_of_json_hold_all(landmarks, capsys):
    assert run(["pose", landmarks, "--json", "--side", "both", "--leg-length-m", "0.8"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    kinds = [row["kind"] for row in rows]
    assert kinds.count("landmarks") == 1
    assert kinds.count("protocol") == 11
    by_name = {(r["name"], r["side"]): r for r in rows if r["kind"] == "variable"}
    assert by_name[("pose_knee_angle_mean", "left")]["value"] > 100
    assert by_name[("pose_gait_speed", "")]["value"] > 0.5
    assert len(by_name) == 59


def test_only_the_near_side_is_shown_unless_asked(landmarks, capsys):
    assert run(["pose", landmarks, "--json"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {r["side"] for r in rows if r["kind"] == "variable"} == {"", "right"}


def test_files_are_written_and_existing_ones_kept(landmarks, tmp_path, capsys):
    out = tmp_path / "out"
    assert run(["pose", landmarks, "--out", out]) == 0
    names = {path.name for path in out.iterdir()}
    tables = {"variables.csv", "protocol.csv", "angles.csv"}
    assert names == {*tables, "landmarks.jsonl", "skeleton.svg", "angles.png"}
    assert len(pd.read_csv(out / "variables.csv")) == 59
    assert "left_knee_angle" in pd.read_csv(out / "angles.csv").columns
    assert (out / "angles.png").read_bytes().startswith(b"\x89PNG")
    before = (out / "angles.csv").read_bytes()
    assert run(["pose", landmarks, "--out", out]) == 1
    assert "exists" in capsys.readouterr().err
    assert (out / "angles.csv").read_bytes() == before


def test_written_landmarks_remember_person_and_camera(landmarks, tmp_path, capsys):
    out = tmp_path / "out"
    camera = ["--leg-length-m", "0.8", "--camera-distance-m", "2.5"]
    assert run(["pose", landmarks, "--out", out, "--json", "--person", "P017", *camera]) == 0
    first = capsys.readouterr().out
    assert run(["pose", out / "landmarks.jsonl", "--json"]) == 0
    again = capsys.readouterr().out
    near = {"knee_angle", "speed"}
    for a, b in zip(first.splitlines(), again.splitlines(), strict=True):
        a, b = json.loads(a), json.loads(b)
        if a["kind"] == "variable" and any(name in a["name"] for name in near):
            assert b["value"] == pytest.approx(a["value"], rel=0.01)
    assert load_mediapipe(out / "landmarks.jsonl").about["person"] == "P017"
    assert run(["pose", landmarks, "--person", "Jane Doe"]) == 1
    assert "must not tell who walked" in capsys.readouterr().err


def test_a_video_without_mediapipe_says_how_to_get_it(tmp_path, capsys, monkeypatch):
    monkeypatch.delenv("SOLEKIT_MEDIAPIPE", raising=False)
    monkeypatch.setenv("SOLEKIT_HOME", str(tmp_path))
    video = tmp_path / "walk.mp4"
    video.write_bytes(b"video")
    assert run(["pose", video]) == 1
    said = capsys.readouterr().err
    assert "solekit pose --install" in said
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (["pose"], 2, "a video or a file of landmarks"),
        (["pose", "absent.mp4"], 1, "does not exist"),
        (["pose", "{tmp}/walk.txt"], 1, "neither a video"),
        (["pose", "{tmp}/walk.npz"], 1, "--rate-hz"),
        (["pose", "{tmp}/walk.json"], 1, "empty"),
        (["pose", "{tmp}/walk.txt", "--side", "far"], 2, "near, left, right"),
        (["variables", "--aliases", "smith1999"], 1, "kim2023"),
    ],
)
def test_what_cannot_be_done_is_one_line(arguments, code, text, tmp_path, capsys):
    for name in ("walk.txt", "walk.npz", "walk.json"):
        (tmp_path / name).touch()
    assert run([a.format(tmp=tmp_path) for a in arguments]) == code
    assert text in " ".join(capsys.readouterr().err.split())


def test_variables_of_the_video_and_names_of_the_study_are_listed(capsys):
    assert run(["variables", "--json"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    by_name = {row["name"]: row for row in rows}
    assert by_name["pose_elbow_angle_mean"]["kind"] == "video"
    assert by_name["cadence"]["kind"] == "timing"
    assert all(row["definition"] and row["source"] and row["unit"] for row in rows)
    assert run(["variables", "--aliases", "kim2023", "--json"]) == 0
    shown = capsys.readouterr()
    aliases = [json.loads(line) for line in shown.out.splitlines()]
    assert {"name": "Knee_mean", "nearest": "pose_knee_angle_mean"}.items() <= aliases[0].items()
    assert "not a reproduction" in shown.err


def test_the_sheet_is_an_svg_with_every_figure(seen):
    measured = VideoVariables().measure(seen)
    picture = ET.fromstring(
        skeleton_sheet(measured.tracks_.landmarks, title="A <walk> & more", n_figures=6)
    )
    tag = "{http://www.w3.org/2000/svg}"
    texts = [text.text or "" for text in picture.iter(f"{tag}text")]
    assert texts[0] == "A <walk> & more"
    assert sum(text.endswith(" s") for text in texts) == 6
    assert len(list(picture.iter(f"{tag}line"))) > 6 * 15


def test_the_curves_are_drawn(seen):
    figure = angle_figure(VideoVariables().measure(seen), title="walk")
    assert len(figure.axes) == 6
    assert all(axes.lines for axes in figure.axes)
