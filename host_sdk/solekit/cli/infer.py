"""``solekit infer``: what networks make of a recording, poses of the body or actions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import pandas as pd
import typer

from solekit.cli import options
from solekit.cli.export import write_table
from solekit.cli.output import progress, say, show_json, show_table
from solekit.errors import DataError, MissingExtraError

if TYPE_CHECKING:
    from solekit.inference.pose import PoseEstimator
    from solekit.inference.signals import FootSignal
    from solekit.layouts import Side

TASKS = ("pose", "action")


def run(
    recording: Annotated[
        Path, typer.Argument(help="A recording (.mcap), or one of another maker's insoles.")
    ],
    model: Annotated[
        str,
        typer.Option("--model", help="'pose', 'action', or the folder of a model of your own."),
    ] = "pose",
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder (default: beside the recording).")
    ] = None,
    stature_m: Annotated[
        float | None, typer.Option("--stature-m", help="Height of the person in metres.")
    ] = None,
    rate_hz: Annotated[
        float, typer.Option("--rate-hz", help="Poses per second, at most 30.")
    ] = 14.0,
    mode: Annotated[
        str | None,
        typer.Option("--mode", help="Which file of the model: float16, int8 or dynamic."),
    ] = None,
    calibration: options.Calibration = None,
    json: options.Json = False,
) -> None:
    """Estimate poses or actions from the load under both feet; existing files are kept."""
    from solekit.inference.pose import PoseEstimator
    from solekit.inference.signals import signals_of

    task = "action" if model == "action" else "pose"
    chosen = "auto" if model in TASKS else Path(model)
    if isinstance(chosen, Path) and not chosen.is_dir():
        raise typer.BadParameter(
            f"{model!r} is neither {' nor '.join(TASKS)} nor a folder", param_hint="--model"
        )
    folder = out or recording.with_suffix("")
    ending = _table_ending()
    names = [f"{task}s.{ending}", *(("poses.bvh", "poses.png") if task == "pose" else ())]
    paths = [folder / name for name in names]
    for path in paths:
        if path.exists():
            raise DataError(f"{path} exists; choose another folder with --out or delete it first")
    opened = _opened(recording)
    if recording.suffix.lower() == ".mcap":
        from solekit.calibration import use

        for note in use(opened, options.calibrations(calibration)):
            say(f"note: {note}")
    elif calibration:
        raise typer.BadParameter("is for recordings of Solekit", param_hint="--calibration")
    signals, doubts = signals_of(opened)
    estimator = PoseEstimator(model=chosen, mode=mode, stature_m=stature_m)
    with progress(quiet=json) as bar:
        work = bar.add_task("estimating", total=None, live="")
        found = estimator.estimate(
            list(signals.values()),
            rate_hz=rate_hz,
            progress=lambda done, total: bar.update(work, completed=done, total=total),
        )
    for doubt in dict.fromkeys([*doubts, *found.warnings_]):
        if task == "pose" or "stature" not in doubt:
            say(f"note: {doubt}")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"{folder} cannot be made a folder: {error.strerror}") from error
    if task == "action":
        write_table(action_table(found), paths[0])
        show_table(action_shares(found), as_json=json)
    else:
        paths = _write_poses(found, signals, paths, rate_hz)
    for path in paths:
        _tell(path, found, json=json)


def pose_table(found: PoseEstimator) -> pd.DataFrame:
    """Return poses as a table: t_s, three columns per key point in metres, the action."""
    from solekit.inference.decode import KEYPOINTS

    columns = [f"{name}_{axis}_m" for name in KEYPOINTS for axis in "xyz"]
    table = pd.DataFrame(found.keypoints_m_.reshape(len(found.t_s_), -1), columns=columns)
    table.insert(0, "t_s", found.t_s_)
    table["action"] = found.action_
    return table


def action_table(found: PoseEstimator) -> pd.DataFrame:
    """Return actions over time: t_s, the likeliest one, how likely each is."""
    columns = [f"share_{name}" for name in found.actions_]
    table = pd.DataFrame(found.action_share_, columns=columns)
    table.insert(0, "t_s", found.t_s_)
    table.insert(1, "action", found.action_)
    return table


def action_shares(found: PoseEstimator) -> pd.DataFrame:
    """Return for how long each action was the likeliest one, the longest first."""
    known = found.action_ != ""
    period_s = float(np.diff(found.t_s_).mean()) if len(found.t_s_) > 1 else 0.0
    rows = []
    for name in found.actions_:
        n = int(np.count_nonzero(found.action_ == name))
        share_pct = 100.0 * n / known.sum() if known.any() else float("nan")
        rows.append({"action": name, "duration_s": n * period_s, "share_pct": share_pct})
    table = pd.DataFrame(rows, columns=["action", "duration_s", "share_pct"])
    return table.sort_values("duration_s", ascending=False, kind="stable", ignore_index=True)


def _opened(path: Path) -> Any:
    """Return a recording of Solekit or of another maker."""
    from solekit.formats import load_source
    from solekit.recording import Recording

    return Recording(path) if path.suffix.lower() == ".mcap" else load_source(path)


def _table_ending() -> str:
    try:
        import pyarrow  # noqa: F401
    except ImportError:
        say("note: tables are CSV; for Parquet: pip install 'solekit[parquet]'")
        return "csv"
    return "parquet"


def _write_poses(
    found: PoseEstimator, signals: dict[Side, FootSignal], paths: list[Path], rate_hz: float
) -> list[Path]:
    """Write table, motion and picture; return what was written: no poses, no motion."""
    from solekit.formats.bvh import write_bvh
    from solekit.inference.picture import pose_picture, save_picture

    table, motion, picture = paths
    write_table(pose_table(found), table)
    if not np.isfinite(found.keypoints_m_).any():
        say("note: no pose was found, so there is neither motion nor picture")
        return [table]
    for note in write_bvh(motion, found.keypoints_m_, rate_hz=rate_hz):
        say(f"note: {motion.name}: {note}")
    try:
        title = f"Poses estimated by {found.model_}"
        figure = pose_picture(found.t_s_, found.keypoints_m_, feet=signals, title=title)
    except MissingExtraError as error:
        say(f"note: no picture: {error}")
        return [table, motion]
    save_picture(figure, picture)
    return paths


def _tell(path: Path, found: PoseEstimator, *, json: bool) -> None:
    rows = {} if path.suffix == ".png" else {"rows": len(found.t_s_)}
    if json:
        show_json({"file": str(path), "model": found.model_, **rows})
    else:
        print(f"{path}: {rows['rows']} rows" if rows else path)
