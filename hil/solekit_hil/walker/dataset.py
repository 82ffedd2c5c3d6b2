"""Datasets of virtual people: written in parallel, resumed after a break, read as arrays.

A folder holds one uncompressed ``.npz`` per person and motion. ``manifest.json`` comes last: a
folder without it is unfinished, and ``unfinished.jsonl`` says what is already there.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass, is_dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import solekit
from solekit import layouts
from solekit.errors import DataError
from solekit.layouts import SIDES, Layout, Side
from solekit_hil import walker as walkers
from solekit_hil.walker.arrays import UNITS, arrays_of
from solekit_hil.walker.body import KEYPOINTS, N_KEYPOINTS
from solekit_hil.walker.interface import Walker
from solekit_hil.walker.segments import SEGMENTS

FORMAT = 1
MANIFEST = "manifest.json"
JOURNAL = "unfinished.jsonl"
_N_JOINTS = 16  # for the estimate of the size only
_SEEDS = 1_000_000  # people per seed: no two datasets share a person
_FREE_BYTES = 50_000_000  # left on the disk

Build = Callable[..., Walker]
Say = Callable[[str], object]
Entry = dict[str, Any]
Array = NDArray[Any]


@dataclass(frozen=True)
class Plan:
    """What a dataset holds; equal plans give equal bytes."""

    people: int
    seconds: float
    motions: tuple[str, ...]
    layout: str = "grid-30x22"
    rate: float = 30.0
    imu_rate: float = 100.0
    seed: int = 1

    def __post_init__(self) -> None:
        check_motions(self.motions)
        if len(set(self.motions)) != len(self.motions) or not self.motions:
            raise DataError(f"motions {','.join(self.motions)!r}; name each one once")
        if not 0 < self.people <= _SEEDS:
            raise DataError(f"{self.people} people; use 1 to {_SEEDS}")
        if not (0 <= self.seed <= 4000):
            raise DataError(f"seed {self.seed} of a dataset; use 0 to 4000")
        for name, value in (("rate", self.rate), ("imu_rate", self.imu_rate)):
            if not 0 < value <= 10_000:
                raise DataError(f"{name} of {value:g} Hz; use more than 0 and at most 10000")
        if not (0 < self.seconds <= 3600 and round(self.seconds * self.rate) > 0):
            raise DataError(f"{self.seconds:g} s; use at least one sample and at most 3600 s")
        self.soles()

    def seed_of(self, person: int) -> int:
        """Return the seed of a person, for ``walker.build``."""
        return self.seed * _SEEDS + person

    def soles(self) -> dict[Side, Layout]:
        """Return the layouts of both feet."""
        return {side: layouts.named(self.layout, side) for side in SIDES}

    def tasks(self) -> list[tuple[int, str]]:
        """Return person and motion of every file, in order."""
        return [(person, motion) for person in range(self.people) for motion in self.motions]

    def bytes_per_file(self) -> int:
        """Return the estimated size of one file; a motion that ends early needs less."""
        n_cells = self.soles()["left"].n_cells
        sample = 8 + 2 * 2 * n_cells + 4 * (3 * N_KEYPOINTS + 2 * 5 + _N_JOINTS)
        imu = 8 + (len(SIDES) + len(SEGMENTS)) * 6 * 4
        header = 6_000 + 2 * 12 * n_cells
        return round(self.seconds * (self.rate * sample + self.imu_rate * imu)) + header


def check_motions(names: tuple[str, ...]) -> None:
    """Refuse names that are no motions, naming those that are."""
    for name in names:
        if name not in walkers.MOTIONS:
            raise DataError(f"unknown motion {name!r}; use any of {', '.join(walkers.MOTIONS)}")


def file_name(person: int, motion: str) -> str:
    """Return the name of the file of a person and a motion."""
    return f"person-{person:04d}_{motion}.npz"


def write(
    folder: Path, plan: Plan, *, jobs: int = 1, build: Build | None = None, say: Say = str
) -> Dataset:
    """Write a dataset, or what is missing of it; ``say`` gets lines about the progress.

    ``build`` stands for ``walker.build``; other processes must be able to import it.
    """
    if jobs < 1:
        raise DataError(f"{jobs} jobs; use 1 or more")
    folder = Path(folder)
    entries = _already_there(folder, plan)
    missing = [task for task in plan.tasks() if task not in entries]
    _check_room(folder, plan, len(missing), say)
    if missing or not (folder / MANIFEST).is_file():
        folder.mkdir(parents=True, exist_ok=True)
        # Every finished file is noted at once; the manifest goes before one that it names changes.
        there = [_identity(plan), *entries.values()]
        _write_whole(folder / JOURNAL, _lines(there))
        (folder / MANIFEST).unlink(missing_ok=True)
        with (folder / JOURNAL).open("a", encoding="utf-8") as journal:
            for done in _made(folder, plan, missing, jobs=jobs, build=build):
                entries |= {(entry["person"], entry["motion"]): entry for entry in done}
                journal.write(_lines(done))
                journal.flush()
                os.fsync(journal.fileno())
                say(f"{len(entries)} of {len(plan.tasks())} files")
        manifest = _manifest(plan, [entries[task] for task in plan.tasks()])
        _write_whole(folder / MANIFEST, json.dumps(manifest, indent=1, default=_listed) + "\n")
        (folder / JOURNAL).unlink()
    return read(folder, check_bytes=False)  # they were hashed just now


def _made(
    folder: Path, plan: Plan, missing: list[tuple[int, str]], *, jobs: int, build: Build | None
) -> Iterator[list[Entry]]:
    """Make the missing files, one person at a time per process."""
    todo: dict[int, tuple[str, ...]] = {}
    for person, motion in missing:
        todo[person] = (*todo.get(person, ()), motion)
    if jobs == 1 or len(todo) < 2:
        yield from (_make_person(folder, plan, *item, build) for item in todo.items())
        return
    pool = ProcessPoolExecutor(min(jobs, len(todo)), mp_context=get_context("spawn"))
    try:
        futures = [pool.submit(_make_person, folder, plan, *item, build) for item in todo.items()]
        for future in as_completed(futures):
            yield future.result()
    except BrokenProcessPool as error:
        raise DataError("a process died, perhaps of too little memory; use fewer jobs") from error
    finally:
        pool.shutdown(cancel_futures=True)


def _make_person(
    folder: Path, plan: Plan, person: int, motions: tuple[str, ...], build: Build | None
) -> list[Entry]:
    seed = plan.seed_of(person)
    done = []
    for motion in motions:
        walker = (build or walkers.build)(
            motion, seed=seed, layouts=plan.soles(), person=walkers.Person.from_seed(seed)
        )
        arrays = arrays_of(
            walker,
            seconds=plan.seconds,
            rate_hz=plan.rate,
            imu_rate_hz=plan.imu_rate,
            seed=seed,
        )
        path = folder / file_name(person, motion)
        part = path.with_suffix(".part")
        with part.open("wb") as file:
            np.savez(file, allow_pickle=False, **arrays)
        part.replace(path)
        shapes = {name: array.shape for name, array in arrays.items()}
        entry = {"name": path.name, "person": person, "motion": motion, "shapes": shapes}
        done.append({**entry, "size": path.stat().st_size, "sha256": _sha256(path)})
    return done


def _check_room(folder: Path, plan: Plan, n: int, say: Say) -> None:
    needed = n * plan.bytes_per_file()
    place = folder.absolute()
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    needs, has = f"{needed / 1e6:.1f} MB", f"{free / 1e6:.1f} MB"
    say(f"{n} files to write: about {needs}, {has} free")
    if n and needed + _FREE_BYTES > free:
        raise DataError(
            f"the dataset needs about {needs} and {folder} has {has} free; "
            "ask for fewer people, seconds or samples, or use another disk"
        )


def _identity(plan: Plan) -> dict[str, Any]:
    """Return what two runs must have in common to belong to one dataset."""
    arguments = {**asdict(plan), "motions": list(plan.motions)}
    return {"format": FORMAT, "solekit": solekit.__version__, "arguments": arguments}


def _manifest(plan: Plan, files: list[Entry]) -> dict[str, Any]:
    sizes = ("name", "rows", "cols", "n_cells", "length_mm", "width_mm")
    return {
        **_identity(plan),
        "what": "simulated people; numbers from here say nothing about real ones",
        "rate_hz": plan.rate,
        "imu_rate_hz": plan.imu_rate,
        "newton_per_count": 1.0,
        "units": UNITS,
        "keypoint_name": KEYPOINTS,
        "layouts": {
            side: {name: getattr(of, name) for name in sizes} for side, of in plan.soles().items()
        },
        "actions": list(plan.motions),
        "people": [
            {"person": i, "seed": seed, **asdict(walkers.Person.from_seed(seed))}
            for i, seed in enumerate(map(plan.seed_of, range(plan.people)))
        ],
        "files": files,
    }


def _lines(entries: list[Entry]) -> str:
    return "".join(json.dumps(entry, default=_listed) + "\n" for entry in entries)


def _listed(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else str(value)


def _already_there(folder: Path, plan: Plan) -> dict[tuple[int, str], Entry]:
    """Return the entries of the files that are whole."""
    if not folder.exists():
        return {}
    if not folder.is_dir():
        raise DataError(f"{folder} is a file; name a folder")
    lines: list[Any] = []
    if (folder / MANIFEST).is_file():
        manifest = _parsed(folder)
        lines = [manifest, *manifest["files"]]
    elif (folder / JOURNAL).is_file():
        for line in (folder / JOURNAL).read_text("utf-8").splitlines():
            with contextlib.suppress(ValueError):  # the last line of a run that was killed
                lines.append(json.loads(line))
    elif any(folder.iterdir()):
        raise DataError(f"{folder} holds other files; name a new or empty folder")
    if not lines:
        return {}
    wanted = _identity(plan)
    if {key: lines[0].get(key) for key in wanted} != wanted:
        raise DataError(
            f"{folder} holds a dataset made with other arguments or another version; "
            "name a new folder or give the same arguments"
        )
    known = {(entry["person"], entry["motion"]): entry for entry in lines[1:]}
    return {task: entry for task, entry in known.items() if not _fault(folder, entry)}


def _parsed(folder: Path) -> dict[str, Any]:
    """Return the manifest of a folder."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text("utf-8"))
        names = {str(entry["name"]) for entry in manifest["files"]}
        expected = {file_name(entry["person"], entry["motion"]) for entry in manifest["files"]}
        is_ours = manifest["format"] == FORMAT and names == expected and manifest["people"]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise DataError(f"{folder / MANIFEST} is damaged; write the dataset again") from error
    if not is_ours:
        raise DataError(f"{folder / MANIFEST} is of another version of Solekit; use that one")
    return manifest


@dataclass(frozen=True, eq=False)
class Dataset:
    """A finished dataset, or some people of one. ``manifest`` says all that is known about it."""

    folder: Path
    manifest: dict[str, Any]
    chosen: tuple[int, ...]

    def people(self) -> tuple[int, ...]:
        """Return the numbers of the people."""
        return self.chosen

    def motions(self) -> tuple[str, ...]:
        """Return what each of them does."""
        return tuple(self.manifest["arguments"]["motions"])

    def split_by_person(self, share: float, seed: int) -> tuple[Dataset, Dataset]:
        """Return ``share`` of the people, drawn by ``seed``, and the others.

        Nobody is in both: frames of one person are too alike to test on what was learned from.
        """
        n = round(share * len(self.chosen))
        if not 0 < n < len(self.chosen):
            raise DataError(
                f"a share of {share:g} of {len(self.chosen)} people leaves a side empty"
            )
        drawn = np.random.default_rng(seed).permutation(self.chosen).tolist()
        first, others = (tuple(sorted(part)) for part in (drawn[:n], drawn[n:]))
        return replace(self, chosen=first), replace(self, chosen=others)

    def arrays(self, person: int, motion: str) -> dict[str, Array]:
        """Return the arrays of a person and a motion by name (see ``UNITS``)."""
        if person not in self.chosen or motion not in self.motions():
            raise DataError(f"person {person} with motion {motion!r} is not in this part")
        path = self.folder / file_name(person, motion)
        try:
            with np.load(path, allow_pickle=False) as found:
                return dict(found)
        except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
            raise DataError(
                f"{path} is damaged: {error}; run the dataset's command again"
            ) from error


def read(folder: Path | str, *, check_bytes: bool = True) -> Dataset:
    """Return the dataset of a folder; ``check_bytes`` reads all of it once for its checksums."""
    folder = Path(folder)
    if not (folder / MANIFEST).is_file():
        why = "unfinished; run its command again" if (folder / JOURNAL).is_file() else "no dataset"
        raise DataError(f"{folder} is {why}")
    manifest = _parsed(folder)
    for entry in manifest["files"]:
        if fault := _fault(folder, entry, check_bytes=check_bytes):
            raise DataError(f"{folder / entry['name']} {fault}; run the dataset's command again")
    return Dataset(folder, manifest, tuple(item["person"] for item in manifest["people"]))


def _fault(folder: Path, entry: Entry, *, check_bytes: bool = True) -> str:
    """Return what is wrong with a file, nothing if it is whole."""
    path = folder / entry["name"]
    if not path.is_file():
        return "is missing"
    if path.stat().st_size != entry["size"]:
        return f"has {path.stat().st_size} bytes instead of {entry['size']}"
    return "is damaged" if check_bytes and _sha256(path) != entry["sha256"] else ""


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write_whole(path: Path, text: str) -> None:
    part = path.with_suffix(".part")
    with part.open("wb") as file:
        file.write(text.encode())
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
