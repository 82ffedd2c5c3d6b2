"""``solekit cohort``: many recordings into one data set, resumable."""

from __future__ import annotations

from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from solekit.cli import options
from solekit.cli.output import progress, say, show_json
from solekit.cli.passphrase import unlock


def run(
    folders: Annotated[list[Path], typer.Argument(help="Folders of recordings, or recordings.")],
    out: Annotated[Path, typer.Option("--out", help="Folder of the data set, new or begun.")],
    people: Annotated[
        Path | None,
        typer.Option("--people", help="CSV with a column 'person' and what you know of each."),
    ] = None,
    jobs: Annotated[
        int, typer.Option("--jobs", min=0, help="Processes; 0: one per core of this computer.")
    ] = 1,
    scheduler: Annotated[
        str,
        typer.Option("--scheduler", help="Work on this Dask cluster, such as tcp://host:8786."),
    ] = "",
    contacts: options.Contacts = "foot",
    allow_low_rate: options.LowRate = False,
    calibration: options.Calibration = None,
    json: options.Json = False,
) -> None:
    """Analyse what is new in the folders and add it to the data set; go on where it stopped.

    Takes recordings and what ``solekit pose --out`` writes. One folder of Parquet per table;
    recordings.csv has a row per recording, people.csv one per person, for compare-groups and
    predict. A broken recording stops nothing.
    """
    import solekit
    from solekit.cohort.dataset import Dataset
    from solekit.cohort.outcome import analyse_source, find_sources
    from solekit.cohort.people import read_people, strangers
    from solekit.cohort.processes import in_processes
    from solekit.cohort.workers import on_workers

    if scheduler and jobs != 1:
        raise typer.BadParameter("use --jobs or --scheduler, not both", param_hint="--scheduler")
    chosen = options.contact_source(contacts)
    known = read_people(people) if people else None
    sources = find_sources(folders)
    files = options.calibrations(calibration)
    settings = {
        "solekit": solekit.__version__,
        "contacts": chosen,
        "allow_low_rate": allow_low_rate,
        "calibration": "kept" if files is None else [path.name for path in files],
    }
    data = Dataset(out, settings)
    todo = data.outstanding(sources)
    if len(todo) < len(sources):
        say(f"{len(sources) - len(todo)} of {len(sources)} recordings are in {out} already")
    unlock(source.path for source in todo)
    work = partial(
        analyse_source, contacts=chosen, allow_low_rate=allow_low_rate, calibrations=files
    )
    outcomes = (
        on_workers(todo, work, scheduler=scheduler)
        if scheduler
        else in_processes(todo, work, jobs=jobs)
    )
    n_done = n_failed = 0
    try:
        with closing(outcomes), progress(quiet=json) as bar:
            task = bar.add_task("analysing", total=len(todo), live="")
            for source, outcome in zip(todo, outcomes, strict=True):
                outcome = data.add(source, outcome)
                n_done += 1
                if outcome.failure:
                    n_failed += 1
                    say(f"failed: {outcome.name}: {outcome.failure}")
                if json:
                    show_json(outcome.summary)
                bar.update(task, advance=1, live=outcome.name)
    except KeyboardInterrupt:
        say(f"interrupted: {n_done} of {len(todo)} were analysed; the same command goes on")
        raise
    rows, persons = data.finish(known)
    for sentence in strangers(rows, known) if known is not None else ():
        say(f"note: {sentence}")
    for name, table in (("recordings", rows), ("people", persons)):
        path = out / f"{name}.csv"
        if json:
            show_json({"file": str(path), "rows": len(table)})
        else:
            print(f"{path}: {len(table)} {name}")
    if n_failed:
        say(f"solekit: {n_failed} of {len(sources)} recordings failed; the summary tells why")
        raise typer.Exit(1)
