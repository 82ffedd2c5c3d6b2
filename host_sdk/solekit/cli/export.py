"""``solekit export``: tables for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import pandas as pd
import typer

from solekit.cli import options
from solekit.cli.output import progress, say, show_json
from solekit.errors import DataError, MissingExtraError
from solekit.recording import Recording
from solekit.recording.foot import FootRecording

FORMATS = ("csv", "parquet")


def run(
    recording: options.RecordingPath,
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder (default: beside the recording).")
    ] = None,
    format: Annotated[str, typer.Option("--format", help=f"One of {', '.join(FORMATS)}.")] = "csv",
    calibration: options.Calibration = None,
    allow_low_rate: options.LowRate = False,
    json: options.Json = False,
) -> None:
    """Write frames, IMU, events, strides, variables and pressure; existing files are kept."""
    from solekit.analysis import analyse
    from solekit.calibration import use

    if format not in FORMATS:
        raise typer.BadParameter(
            f"{format!r} is not one of {', '.join(FORMATS)}", param_hint="--format"
        )
    opened = Recording(recording)
    for note in use(opened, options.calibrations(calibration)):
        say(f"note: {note}")
    analysis = analyse(opened, allow_low_rate=allow_low_rate)
    tables = {
        "events": analysis.events,
        "strides": analysis.strides,
        "variables": analysis.variables,
        "pressure": analysis.pressure.table,
    }
    if not analysis.task.empty:
        tables["task"] = analysis.task
    for side, foot in analysis.recording.feet.items():
        tables[f"{side}_frames"] = frames_table(foot)
        if foot.info.imu_axes:
            tables[f"{side}_imu"] = foot.imu
    folder = out or recording.with_suffix("")
    paths = {name: folder / f"{name}.{format}" for name in tables}
    for path in paths.values():
        if path.exists():
            raise DataError(f"{path} exists; choose another folder with --out or delete it first")
    folder.mkdir(parents=True, exist_ok=True)
    with progress(quiet=json) as bar:
        task = bar.add_task("writing", total=len(tables), live="")
        for name, table in tables.items():
            write_table(table, paths[name])
            bar.advance(task)
    for name, path in paths.items():
        if json:
            show_json({"table": name, "path": str(path), "rows": len(tables[name])})
        else:
            print(f"{path}: {len(tables[name])} rows")


def frames_table(foot: FootRecording) -> pd.DataFrame:
    """Return the frames of a foot: t_s, seq, one column per cell in newtons, else in counts.

    By a calibration of this computer also ``force_n``, ``force_error_95_n`` and its name.
    """
    if foot.is_newtons:
        values, name = foot.force_n, "cell_{}_n"
    else:
        values, name = foot.counts, "cell_{}_counts"
    cells = pd.DataFrame(values, columns=[name.format(i + 1) for i in range(foot.info.n_cells)])
    out = pd.concat((pd.DataFrame({"t_s": foot.t_s, "seq": foot.seq}), cells), axis=1)
    if foot.calibration is None:
        return out
    return out.assign(
        force_n=foot.load,
        force_error_95_n=foot.force_error_n,
        calibration=foot.calibration.name,
    )


def write_table(table: pd.DataFrame, path: Path) -> None:
    """Write ``table`` as CSV or, by the file's ending, Parquet (extra ``parquet``)."""
    if path.suffix == ".parquet":
        try:
            import pyarrow  # noqa: F401
        except ImportError as error:
            raise MissingExtraError("Parquet", "parquet") from error
        table.to_parquet(path, index=False)
    else:
        table.to_csv(path, index=False, float_format="%.9g")
