"""The data set of a cohort: a folder of Parquet, grown recording by recording.

``TABLE/KEY.parquet`` holds one table of one recording; ``summary/KEY.parquet`` is written last and
says that the others are whole. Work that was cut off goes on where it stopped. ``pandas``,
``polars``, ``duckdb`` and R's ``arrow`` read a folder ``TABLE`` as one table.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from solekit.cohort.outcome import TABLES, Outcome, Source, failed, summary_table
from solekit.cohort.people import VALUE_COLUMNS, VALUES, people_of, rows_of
from solekit.errors import DataError, MissingExtraError

ABOUT = "cohort.json"
# Which state of its file a summary speaks of.
STAMP = ("size_bytes", "modified_ns")
_NO_FILE = (-1, 0)


class Dataset:
    """The data set in ``folder``, made with ``settings`` (plain values that change results).

    DataError if the folder holds one made with other settings, or something else, or cannot be
    written; MissingExtraError without pyarrow.
    """

    def __init__(self, folder: Path, settings: dict[str, Any]) -> None:
        _require_arrow()
        self.folder = folder
        self._stamps: dict[str, tuple[int, int]] = {}
        about = folder / ABOUT
        if about.exists():
            self._require_same(about, settings)
        elif folder.is_dir() and any(folder.iterdir()):
            raise DataError(f"{folder} holds something else; choose an empty folder with --out")
        else:
            try:
                _put(about, json.dumps(settings, indent=1).encode())
            except OSError as error:
                raise DataError(
                    f"{folder} cannot be written ({error}); choose another one with --out"
                ) from error

    def outstanding(self, sources: Sequence[Source]) -> list[Source]:
        """Return those of ``sources`` without results, changed since, or failed the last time."""
        self._stamps = {source.name: _stamp(source.path) for source in sources}
        done = self._done()
        return [source for source in sources if done.get(source.name) != self._stamps[source.name]]

    def add(self, source: Source, outcome: Outcome) -> Outcome:
        """Write what came of ``source``; return it, or a failed one if it does not fit."""
        try:
            self._write(source, outcome)
        except (ValueError, TypeError) as error:  # Arrow's own are ValueErrors and TypeErrors
            outcome = failed(source, f"its tables are not a table of this data set: {error}")
            self._write(source, outcome)
        return outcome

    def table(self, name: str, columns: Sequence[str] | None = None) -> pd.DataFrame:
        """Return table ``name`` (one of ``TABLES``, or summary) over all recordings, or a part."""
        import pyarrow.dataset as ds

        folder = self.folder / name
        files = sorted(folder.glob("*.parquet"))
        if not files:
            return pd.DataFrame({"recording": pd.Series(dtype="str")})
        found = ds.dataset(files, format="parquet")
        wanted = found.schema.names if columns is None else columns
        kept = [name for name in wanted if name in found.schema.names]
        return found.to_table(columns=kept).to_pandas()

    def finish(self, known: pd.DataFrame | None = None) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Write one row per recording and one per person, as CSV and Parquet; return both.

        ``known`` is what is known of people besides (``read_people``).
        """
        tables = {name: self.table(name, VALUE_COLUMNS) for name in VALUES}
        rows, values = rows_of({"summary": self.table("summary"), **tables})
        people = people_of(rows, values, known)
        for name, table in (("recordings", rows), ("people", people)):
            path = self.folder / f"{name}.csv"
            _put(path, table.to_csv(index=False, float_format="%.9g").encode())
            _put_parquet(path.with_suffix(".parquet"), table)
        return rows, people

    def _done(self) -> dict[str, tuple[int, int]]:
        summary = self.table("summary")
        if not len(summary):
            return {}
        good = summary.loc[summary["failure"] == ""]
        stamps = zip(*(good[name].astype(int) for name in STAMP), strict=True)
        return dict(zip(good["recording"], stamps, strict=True))

    def _write(self, source: Source, outcome: Outcome) -> None:
        key = hashlib.sha256(source.name.encode()).hexdigest()[:16]
        paths = {name: self.folder / name / f"{key}.parquet" for name in (*TABLES, "summary")}
        try:
            paths["summary"].unlink(missing_ok=True)
            for name in TABLES:
                table = outcome.tables.get(name)
                if table is None or not len(table):  # no rows, no types: nothing to say
                    paths[name].unlink(missing_ok=True)
                else:
                    _put_parquet(paths[name], table)
            stamp = dict(zip(STAMP, self._stamps.get(source.name, _NO_FILE), strict=True))
            _put_parquet(paths["summary"], summary_table([outcome.summary]).assign(**stamp))
        except OSError as error:
            raise DataError(f"{self.folder} cannot be written: {error.strerror}") from error

    def _require_same(self, about: Path, settings: dict[str, Any]) -> None:
        try:
            before = json.loads(about.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise DataError(f"{about} cannot be read ({error}); choose another --out") from error
        if not isinstance(before, dict):
            before = {}
        for name, value in settings.items():
            if before.get(name) != value:
                raise DataError(
                    f"{self.folder} was made with {name} {before.get(name)}, not {value}: "
                    "one data set, one setting; choose another --out or delete the folder"
                )


def _stamp(path: Path) -> tuple[int, int]:
    try:
        found = path.stat()
    except OSError:
        return _NO_FILE
    return found.st_size, found.st_mtime_ns


def _require_arrow() -> None:
    try:
        import pyarrow  # noqa: F401
    except ImportError as error:
        raise MissingExtraError("a cohort's data set", "cohort") from error


def _put_parquet(path: Path, table: pd.DataFrame) -> None:
    """Write ``table`` with texts as texts, also where no recording so far has had any."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    found = pa.Table.from_pandas(table, preserve_index=False)
    is_text = (pa.types.is_null, pa.types.is_string, pa.types.is_large_string)
    fields = [
        field.with_type(pa.string()) if any(check(field.type) for check in is_text) else field
        for field in found.schema
    ]
    sink = pa.BufferOutputStream()
    pq.write_table(found.cast(pa.schema(fields, found.schema.metadata)), sink)
    _put(path, sink.getvalue().to_pybytes())


def _put(path: Path, content: bytes) -> None:
    """Put ``content`` in place in one step: a crash leaves the old file or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.part")
    temporary.write_bytes(content)
    temporary.replace(path)
