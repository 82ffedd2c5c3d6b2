"""``solekit tie``: another system's clock against that of a recording, or both feet by a jump."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Literal

import pandas as pd
import typer

from solekit.cli import options
from solekit.cli.output import say, show_json
from solekit.errors import DataError
from solekit.recording import Recording

Kind = Literal["force", "height"]
_TRACES: dict[Kind, str] = {"force": "force_n", "height": "height_m"}


def run(
    recording: options.RecordingPath,
    stomps: Annotated[
        Path | None,
        typer.Option(
            "--stomps",
            help="CSV: t_s of every stomp; or a trace: t_s and force_n or height_m, "
            "or both feet's left_force_n, right_force_n (left_height_m, right_height_m).",
        ),
    ] = None,
    pulses: Annotated[
        Path | None, typer.Option("--pulses", help="CSV: t_s of every pulse of the other system.")
    ] = None,
    mark: Annotated[
        str | None, typer.Option("--mark", help="Name of the marks that are the pulses.")
    ] = None,
    lsl: Annotated[
        bool, typer.Option("--lsl", help="Use LSL's clock as it was noted while recording.")
    ] = False,
    jump: Annotated[
        bool, typer.Option("--jump", help="Check both feet's clocks by jumps instead.")
    ] = False,
    resolution_s: Annotated[
        float,
        typer.Option(
            "--resolution-s", min=0.0, help="Step of stomp times: a frame of the camera."
        ),
    ] = 0.02,
    json: options.Json = False,
) -> None:
    """Tie an outside clock to a recording; nothing is written into it.

    t_recording = offset_s + rate * t_outside. Exit code 1 if the clocks cannot be tied, or if a
    jump contradicts them.
    """
    given = [stomps is not None, pulses is not None, lsl, jump]
    if sum(given) != 1:
        raise typer.BadParameter("give one of --stomps, --pulses, --lsl and --jump")
    if mark is not None and pulses is None:
        raise typer.BadParameter("--mark says which marks are pulses: it needs --pulses")
    from solekit import sync
    from solekit.sync.tie import loads_of

    found = Recording(recording)
    if jump:
        return _show_jump(found, as_json=json)
    if pulses is not None:
        how, tie = "pulses", sync.tie_pulses(_read(pulses)["t_s"].to_numpy(), found, mark=mark)
    elif stomps is not None:
        table = _read(stomps)
        kind, traces = _traces(table)
        t_s = table["t_s"].to_numpy()
        if kind is None:
            how, tie = "stomps", sync.tie_stomps(t_s, loads_of(found), resolution_s=resolution_s)
        else:
            how, tie = kind, sync.tie_trace(t_s, traces, loads_of(found), kind=kind)
    else:
        how, tie = "lsl", sync.tie_lsl(found)
    if json:
        show_json({"recording": str(recording), "how": how, **asdict(tie)})
        return None
    print(f"offset_s {tie.offset_s:.6f}")
    print(f"rate {tie.rate:.9f}")
    print(f"uncertainty_s {tie.uncertainty_s:.6f}")
    say(f"tied by {how}, {tie.n_matched} in both; t_recording = offset_s + rate * t_outside")
    return None


def _show_jump(found: Recording, *, as_json: bool) -> None:
    from solekit.sync import check_jump

    check = check_jump(found)
    if as_json:
        show_json({"recording": str(found.path), **asdict(check)})
    else:
        print(f"{check.verdict}: {check.reason}")
    if check.verdict == "disagree":
        raise typer.Exit(1)


def _read(path: Path) -> pd.DataFrame:
    """Return a table of numbers with ``t_s``; DataError says what is wrong with it."""
    try:
        table = pd.read_csv(path)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, pd.errors.ParserError) as error:
        raise DataError(f"{path} is no CSV table: {error}") from error
    table.columns = [str(name).strip() for name in table.columns]
    if "t_s" not in table:
        raise DataError(f"{path} has no column t_s (it has: {', '.join(table.columns)})")
    try:
        return table.astype(float)
    except ValueError as error:
        raise DataError(f"{path} holds what is no number: {error}") from error


def _traces(table: pd.DataFrame) -> tuple[Kind | None, dict[str, Any]]:
    """Return what kind of trace a table is and its columns by side; None is a list of times."""
    for kind, name in _TRACES.items():
        columns = {"": name, "left": f"left_{name}", "right": f"right_{name}"}
        found = {side: table[c].to_numpy() for side, c in columns.items() if c in table}
        if found:
            return kind, found
    return None, {}
