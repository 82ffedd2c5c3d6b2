"""``solekit pose``: angles of a walk from a video from the side, or from landmarks of one."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from solekit.cli import options
from solekit.cli.output import progress, say, show_json, show_table
from solekit.errors import DataError, MissingExtraError
from solekit.layouts import SIDES
from solekit.protocols import person_code

if TYPE_CHECKING:
    from solekit.video.landmarks import Landmarks
    from solekit.video.variables import VideoVariables

LANDMARKS = "landmarks.jsonl"


def run(
    source: Annotated[
        Path | None,
        typer.Argument(help="A video, or landmarks: MediaPipe (.jsonl, .json, .csv), OpenPose."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder for tables and pictures (default: none).")
    ] = None,
    side: Annotated[
        str, typer.Option("--side", help="Which side is shown: near, left, right or both.")
    ] = "near",
    person: Annotated[
        str, typer.Option("--person", help="Code of the person, such as P017; never a name.")
    ] = "",
    camera_distance_m: Annotated[
        float | None, typer.Option("--camera-distance-m", help="To the path (study: 2).")
    ] = None,
    camera_height_m: Annotated[
        float | None, typer.Option("--camera-height-m", help="Over the floor (study: 1.3).")
    ] = None,
    path_m: Annotated[
        float | None, typer.Option("--path-m", help="Length of the path (study: 5).")
    ] = None,
    path_px: Annotated[
        tuple[float, float] | None,
        typer.Option("--path-px", help="Columns of the picture where the path begins and ends."),
    ] = None,
    leg_length_m: Annotated[
        float | None, typer.Option("--leg-length-m", help="Hip to ankle; gives a speed.")
    ] = None,
    central_deg: Annotated[
        float | None,
        typer.Option("--central-deg", help="Measure this far from the middle of the view (25)."),
    ] = None,
    rate_hz: Annotated[
        float | None, typer.Option("--rate-hz", help="Frames per second, where a file has none.")
    ] = None,
    size_px: Annotated[
        tuple[int, int] | None,
        typer.Option("--size-px", help="Width and height of the picture, where a file has none."),
    ] = None,
    python: Annotated[
        Path | None, typer.Option("--python", help="The Python that has mediapipe.")
    ] = None,
    model: Annotated[
        Path | None, typer.Option("--model", help="A .task file of MediaPipe's Tasks API.")
    ] = None,
    install: Annotated[
        bool, typer.Option("--install", help="Make an environment with mediapipe, then go on.")
    ] = False,
    json: options.Json = False,
) -> None:
    """Measure joint angles of a walk in a video from the side; existing files are kept."""
    from solekit.formats.mediapipe_landmarks import save_landmarks
    from solekit.video import finder
    from solekit.video.variables import measure_walk

    if side not in ("near", "both", *SIDES):
        raise typer.BadParameter(f"{side!r} is not near, left, right or both", param_hint="--side")
    given = {
        "person": person_code(person) or None,
        "camera_distance_m": camera_distance_m,
        "camera_height_m": camera_height_m,
        "path_m": path_m,
        "path_px": path_px,
        "leg_length_m": leg_length_m,
        "central_deg": central_deg,
    }
    if install:
        finder.install(say)
    if source is None:
        if install:
            return
        raise typer.BadParameter("a video or a file of landmarks is needed", param_hint="SOURCE")
    paths = _free(out)
    found = _landmarks(source, python, model, size_px, rate_hz, quiet=json)
    about = {**found.about, **{key: value for key, value in given.items() if value is not None}}
    found = replace(found, about=about)
    if out is not None:  # first: finding the body took minutes
        save_landmarks(found, out / LANDMARKS)
    measured = measure_walk(found)
    for note in found.notes:
        say(f"note: {note}")
    _show(measured, side, json=json)
    if out is not None:
        _write(measured, source, paths)


def _show(measured: VideoVariables, side: str, *, json: bool) -> None:
    from solekit.video.variables import pose_side

    table = measured.variables_
    if side != "both":
        table = table.loc[table["side"].isin(["", pose_side(table, side)])]
    if json:
        for row in measured.protocol_.to_dict("records"):
            show_json({"kind": "protocol", **{str(k): v for k, v in row.items()}})
        swapped, rate = int(measured.tracks_.was_swapped.sum()), measured.detection_rate_
        filled, hz = measured.tracks_.n_filled, measured.tracks_.filter_hz
        show_json(
            {
                "kind": "landmarks",
                "detection_rate": rate,
                "n_frames_legs_exchanged": swapped,
                "n_points_filled": filled,
                "filter_hz": hz,
            }
        )
        for row in table.to_dict("records"):
            show_json({"kind": "variable", **{str(k): v for k, v in row.items()}})
        return
    check = measured.protocol_.copy()
    check["ok"] = ["" if ok is None else "yes" if ok else "no" for ok in check["ok"]]
    show_table(check, as_json=False, title="The study's protocol, and this video")
    short = table.copy()
    often = _often(table["label"])
    short["note"] = [
        reason or "; ".join(part for part in label.split("; ") if part not in often)
        for reason, label in zip(table["reason"], table["label"], strict=True)
    ]
    columns = ["name", "side", "value", "error", "unit", "sd", "n", "note"]
    show_table(short.loc[:, columns], as_json=False, title="Pose variables")
    for part in often:
        say(f"note: {part}")
    tracks = measured.tracks_
    say(
        f"points over the threshold: {100 * measured.detection_rate_:.1f} % of frames x points "
        "(how sure the finder was, no accuracy); "
        f"legs exchanged back in {int(tracks.was_swapped.sum())} of {len(tracks.was_swapped)} "
        f"frames; {tracks.n_filled} points filled in over gaps of up to "
        f"{measured.max_gap_s:g} s; "
        + (f"low-pass {tracks.filter_hz:g} Hz" if tracks.filter_hz else "not filtered")
    )


def _often(labels: Iterable[str]) -> list[str]:
    """Return what several variables are labelled with: it is said once, below the table."""
    from solekit.video.variables import FAR, NEAR

    counts = Counter(part for label in labels for part in label.split("; ") if part)
    return [part for part, n in counts.items() if n > 1 and part not in (NEAR, FAR)]


def _landmarks(
    source: Path,
    python: Path | None,
    model: Path | None,
    size_px: tuple[int, int] | None,
    rate_hz: float | None,
    *,
    quiet: bool,
) -> Landmarks:
    from solekit.formats.mediapipe_landmarks import load_mediapipe
    from solekit.formats.openpose import load_openpose
    from solekit.video import finder

    if not source.exists():
        raise DataError(f"{source} does not exist; give a video or a file of landmarks")
    ending = source.suffix.lower()
    if source.is_dir() or ending == ".npz":
        if rate_hz is None:
            raise DataError("OpenPose writes no times; give --rate-hz, the frames per second")
        return load_openpose(source, rate_hz=rate_hz, size_px=size_px)
    if ending in (".jsonl", ".ndjson", ".json", ".csv"):
        return load_mediapipe(source, size_px=size_px, rate_hz=rate_hz)
    if ending not in finder.VIDEOS:
        raise DataError(
            f"{source.name} is neither a video ({', '.join(finder.VIDEOS)}) nor landmarks "
            "(.jsonl, .json, .csv, .npz, a folder of OpenPose)"
        )
    program = finder.find_python(python)
    with progress(quiet=quiet) as bar:
        work = bar.add_task("finding the body", total=None, live="")

        def tell(done: int, total: int) -> None:
            bar.update(work, completed=done, total=total or None)

        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / LANDMARKS
            finder.find_landmarks(source, path, python=program, model=model, progress=tell)
            return load_mediapipe(path)


def _free(out: Path | None) -> list[Path]:
    """Return the files to be written, having made the folder; DataError where one exists."""
    if out is None:
        return []
    names = ("variables.csv", "protocol.csv", "angles.csv", "skeleton.svg", "angles.png")
    paths = [out / name for name in names]
    for path in (*paths, out / LANDMARKS):
        if path.exists():
            raise DataError(f"{path} exists; choose another folder with --out or delete it first")
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"{out} cannot be made a folder: {error.strerror}") from error
    return paths


def _write(measured: VideoVariables, source: Path, paths: list[Path]) -> None:
    from solekit.inference.picture import save_picture
    from solekit.video.pictures import angle_figure, skeleton_sheet

    variables, protocol, angles, skeleton, picture = paths
    measured.variables_.to_csv(variables, index=False)
    measured.protocol_.to_csv(protocol, index=False)
    measured.curves_.to_csv(angles, index=False, float_format="%.4f")
    tracks = measured.tracks_.landmarks
    part = tracks if measured.pass_ is None else tracks.rows(measured.pass_.rows)
    try:
        skeleton.write_text(skeleton_sheet(part, title=source.name), encoding="utf-8")
        save_picture(angle_figure(measured, title=source.name), picture)
    except (DataError, MissingExtraError) as error:
        say(f"note: {error}")
    say(f"written into {paths[0].parent}: {', '.join(p.name for p in paths if p.exists())}")
