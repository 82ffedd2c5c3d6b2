"""``solekit analyse``: many recordings into one set of tables."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import pandas as pd
import typer

from solekit.cli import options
from solekit.cli.output import progress, say, show_json, show_table, variables_table
from solekit.cli.passphrase import unlock
from solekit.errors import DataError, MissingExtraError

if TYPE_CHECKING:
    from solekit.analysis_batch import Outcome, Source

FORMATS = ("csv", "parquet")


def run(
    recordings: Annotated[
        list[Path], typer.Argument(help="Recordings (.mcap) or folders that hold them.")
    ],
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder for tables over all recordings.")
    ] = None,
    format: Annotated[str, typer.Option("--format", help=f"One of {', '.join(FORMATS)}.")] = "csv",
    jobs: Annotated[
        int, typer.Option("--jobs", min=0, help="Processes; 0: one per core of this computer.")
    ] = 1,
    contacts: options.Contacts = "foot",
    allow_low_rate: options.LowRate = False,
    json: options.Json = False,
) -> None:
    """Analyse many recordings; with --out also write their tables; existing files are kept."""
    from solekit.analysis_batch import SUMMARY, TABLES, analyse_all, find_sources, summary_table

    if format not in FORMATS:
        raise typer.BadParameter(
            f"{format!r} is not one of {', '.join(FORMATS)}", param_hint="--format"
        )
    chosen = options.contact_source(contacts)
    sources = find_sources(recordings)
    unlock(source.path for source in sources)
    files = TableFiles(out, format, (*TABLES, "summary")) if out else None
    summaries: list[dict[str, Any]] = []
    shown: list[pd.DataFrame] = []
    try:
        if files:
            files.write({"summary": summary_table([])})
        outcomes = analyse_all(sources, jobs=jobs, allow_low_rate=allow_low_rate, contacts=chosen)
        with closing(outcomes), progress(quiet=json) as bar:
            task = bar.add_task("analysing", total=len(sources), live="")
            for source, outcome in zip(sources, outcomes, strict=True):
                if files:
                    outcome = _written(files, source, outcome)
                elif json:
                    _show_rows("variables", outcome.tables.get("variables"))
                elif outcome.tables:
                    shown.append(_readable(outcome))
                if json:
                    show_json({"table": "summary", **outcome.summary})
                summaries.append(outcome.summary)
                for warning in outcome.warnings:
                    say(f"note: {outcome.name}: {warning}")
                bar.update(task, advance=1, live=outcome.name)
    except KeyboardInterrupt:
        say(f"interrupted: {len(summaries)} of {len(sources)} recordings were analysed")
        raise
    finally:
        if files:
            files.close()
    if not json:
        if shown:
            show_table(pd.concat(shown, ignore_index=True), as_json=False)
        # Python's own numbers: the terminal shows a missing one as an empty cell.
        show_table(pd.DataFrame(summaries, columns=list(SUMMARY), dtype=object), as_json=False)
    for path, n_rows in files.rows.items() if files else ():
        if json:
            show_json({"file": str(path), "rows": n_rows})
        else:
            print(f"{path}: {n_rows} rows")
    if n_failed := sum(bool(row["failure"]) for row in summaries):
        say(f"solekit: {n_failed} of {len(sources)} recordings failed; the summary tells why")
        raise typer.Exit(1)


def _show_rows(name: str, table: pd.DataFrame | None) -> None:
    for row in [] if table is None else table.to_dict("records"):
        show_json({"table": name, **{str(key): value for key, value in row.items()}})


def _readable(outcome: Outcome) -> pd.DataFrame:
    table = variables_table(outcome.tables["variables"])
    table.insert(0, "recording", outcome.name)
    return table


def _written(files: TableFiles, source: Source, outcome: Outcome) -> Outcome:
    """Write what came of one recording; tables unlike those before make it a failed one."""
    from solekit.analysis_batch import failed, summary_table

    try:
        files.check(outcome.tables)
    except DataError as error:
        outcome = failed(source, str(error))
    files.write({**outcome.tables, "summary": summary_table([outcome.summary])})
    return outcome


class TableFiles:
    """One growing file per table in ``folder``; DataError if one of ``names`` exists there.

    ``rows`` maps the path of every file to its number of rows.
    """

    def __init__(self, folder: Path, format: str, names: tuple[str, ...]) -> None:
        kind = _ParquetFile if format == "parquet" else _CsvFile
        self.rows: dict[Path, int] = {}
        self._paths = {name: folder / f"{name}.{format}" for name in names}
        for path in self._paths.values():
            if path.exists():
                raise DataError(
                    f"{path} exists; choose another folder with --out or delete it first"
                )
        if kind is _ParquetFile:
            try:
                import pyarrow  # noqa: F401
            except ImportError as error:
                raise MissingExtraError("Parquet", "parquet") from error
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DataError(f"{folder} cannot be made a folder: {error.strerror}") from error
        if not os.access(folder, os.W_OK):
            raise DataError(f"{folder} cannot be written; choose another folder with --out")
        self._files = {name: kind(path) for name, path in self._paths.items()}

    def check(self, tables: dict[str, pd.DataFrame]) -> None:
        """Raise DataError if a table does not fit what its file holds already."""
        for name, table in tables.items():
            self._files[name].check(table)

    def write(self, tables: dict[str, pd.DataFrame]) -> None:
        """Append ``tables``, the tables of one recording; those of the summary come last."""
        sizes = {name: self._files[name].size for name in tables}
        try:
            for name, table in tables.items():
                self._files[name].append(table)
        except BaseException as error:  # Ctrl-C and a full disk too leave no half recording
            for name, size in sizes.items():
                self._files[name].cut(size)
            if isinstance(error, OSError):
                folder = next(iter(self._paths.values())).parent
                raise DataError(f"{folder} cannot be written: {error.strerror}") from error
            raise
        for name, table in tables.items():
            path = self._paths[name]
            self.rows[path] = self.rows.get(path, 0) + len(table)

    def close(self) -> None:
        """Complete the files."""
        for path, file in zip(self._paths.values(), self._files.values(), strict=True):
            try:
                file.close()
            except OSError as error:
                raise DataError(f"{path} cannot be completed: {error.strerror}") from error


class _CsvFile:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: Any = None
        self._columns: list[str] | None = None
        self.size = 0

    def check(self, table: pd.DataFrame) -> None:
        if self._columns is not None and list(table.columns) != self._columns:
            raise DataError(f"its columns are not those of {self._path.name}")

    def append(self, table: pd.DataFrame) -> None:
        is_first = self._columns is None
        text = table.to_csv(index=False, header=is_first, float_format="%.9g", lineterminator="\n")
        if self._file is None:
            self._file = self._path.open("xb", buffering=0)
        content = memoryview(text.encode())
        while content:  # unbuffered, a write may take only a part
            content = content[self._file.write(content) :]
        self._columns = list(table.columns)
        self.size = self._file.tell()

    def cut(self, size: int) -> None:
        if self._file is not None:
            self._file.seek(size)
            self._file.truncate()
            self.size = size
            self._columns = self._columns if size else None

    def close(self) -> None:
        if self._file is not None:
            self._file.close()


class _ParquetFile:
    """One row group per recording; what a row group holds is whole once it is written."""

    size = 0

    def __init__(self, path: Path) -> None:
        self._path = path
        self._writer: Any = None
        self._empty: pd.DataFrame | None = None

    def check(self, table: pd.DataFrame) -> None:
        if self._writer is not None and len(table):
            self._fitted(table)

    def append(self, table: pd.DataFrame) -> None:
        if not len(table):  # without rows its types are not known
            self._empty = table if self._empty is None else self._empty
            return
        writer = self._writer or self._open(table)
        writer.write_table(self._fitted(table))

    def cut(self, size: int) -> None:
        """Leave the file: it takes whole row groups only, and the summary names what is whole."""

    def close(self) -> None:
        if self._writer is None and self._empty is not None:
            self._open(self._empty)
        if self._writer is not None:
            self._writer.close()

    def _open(self, table: pd.DataFrame) -> Any:
        import pyarrow as pa
        import pyarrow.parquet as pq

        schema = pa.Schema.from_pandas(table, preserve_index=False)
        for i, column in enumerate(schema):
            if pa.types.is_null(column.type):  # a text that nothing has had to say so far
                schema = schema.set(i, column.with_type(pa.string()))
        self._path.open("xb").close()  # refuses to overwrite, which Arrow does not
        self._writer = pq.ParquetWriter(str(self._path), schema)
        return self._writer

    def _fitted(self, table: pd.DataFrame) -> Any:
        import pyarrow as pa

        schema = self._writer.schema
        try:
            if list(table.columns) != schema.names:
                raise ValueError("other columns")
            return pa.Table.from_pandas(table, schema=schema, preserve_index=False)
        except (pa.ArrowException, ValueError, TypeError) as error:
            raise DataError(f"it does not fit {self._path.name}: {error}") from error
