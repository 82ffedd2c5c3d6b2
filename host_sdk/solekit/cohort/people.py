"""One row per recording, and one per person: what group comparison and prediction take."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import pandas as pd

from solekit.cohort.outcome import SUMMARY
from solekit.errors import DataError
from solekit.video.variables import NEAR

VALUES = ("variables", "task", "pose")  # the tables whose values go into rows
VALUE_COLUMNS = ("recording", "name", "side", "value", "label")  # what is needed of them
FIRST = ("recording", "person", "protocol")


def rows_of(tables: Mapping[str, pd.DataFrame]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return one row per analysed recording, and the values as (recording, column, value).

    ``tables`` are the summary and ``VALUES`` over all recordings. Columns of a row: recording,
    person, protocol, duration_s, strides_valid, strides, bouts, warnings, then ``NAME`` or
    ``NAME_SIDE`` for every variable; of a video the near side, as ``NAME``. NaN is refused.
    """
    summary = tables["summary"]
    summary = summary.loc[summary["failure"] == "", list(SUMMARY)[:-1]]
    values = pd.concat([_named(tables[name], name) for name in VALUES], ignore_index=True)
    wide = values.pivot(index="recording", columns="column", values="value")
    wide = wide.reindex(columns=values["column"].drop_duplicates().to_list()).reset_index()
    wide.columns.name = None
    rows = summary.merge(wide, on="recording", how="left").sort_values("recording")
    return rows.reset_index(drop=True), values


def people_of(
    rows: pd.DataFrame, values: pd.DataFrame, known: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Return one row per person with a code: the mean over the recordings that carry a value.

    Gait variables come from recordings of walking; a recording with a task's own result (standing,
    chair stand, up and go) gives only that. ``known`` (``read_people``) is joined by ``person``;
    its people without recording are left out. Columns: person, those of ``known``, n_recordings,
    then the values. DataError if ``known`` has a column of that name too.
    """
    own = rows.loc[rows["person"] != "", ["recording", "person"]]
    tasks = set(values.loc[values["table"] == "task", "recording"])
    is_gait = values["table"] == "variables"
    kept = values.loc[~(is_gait & values["recording"].isin(list(tasks)))].merge(
        own, on="recording"
    )
    order = values["column"].drop_duplicates().to_list()
    means = kept.pivot_table(
        index="person", columns="column", values="value", aggfunc="mean", dropna=False
    )
    people = own.groupby("person").size().rename("n_recordings").to_frame()
    people = people.join(means.reindex(columns=order)).reset_index()
    if known is None:
        return people
    if both := sorted(set(people) & set(known) - {"person"}):
        raise DataError(f"the table of people has columns that recordings have too: {both}")
    columns = ["person", *(name for name in known if name != "person"), *list(people)[1:]]
    return people.merge(known, on="person", how="left").reindex(columns=columns)


def read_people(path: Path) -> pd.DataFrame:
    """Return the table of people in the CSV file ``path``: column ``person``, then yours.

    DataError if it cannot be read, has no such column, or a person twice.
    """
    try:
        people = pd.read_csv(path, dtype={"person": "str"})
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read as a table of people: {error}") from error
    if "person" not in people:
        raise DataError(f"{path} has no column 'person' with the codes of the recordings")
    if (twice := people["person"].duplicated()).any():
        raise DataError(f"{path} has person {people.loc[twice, 'person'].iloc[0]!r} twice")
    return people


def strangers(rows: pd.DataFrame, known: pd.DataFrame) -> list[str]:
    """Return a sentence each for recordings of unknown people and people without recording."""
    codes = set(rows["person"]) - {""}
    unknown = sorted(codes - set(known["person"]))
    silent = sorted(set(known["person"]) - codes)
    said = [f"{len(unknown)} person codes are not in the table of people: {_few(unknown)}"]
    said += [f"{len(silent)} people of the table have no recording: {_few(silent)}"]
    return [text for text, names in zip(said, (unknown, silent), strict=True) if names]


def _few(names: Iterable[str]) -> str:
    listed = list(names)
    return ", ".join(listed[:5]) + (", ..." if len(listed) > 5 else "")


def _named(table: pd.DataFrame, kind: str) -> pd.DataFrame:
    """Return recording, column and value of each row of a table of values."""
    if not len(table):
        columns = {"recording": "str", "column": "str", "value": "float64", "table": "str"}
        return pd.DataFrame({name: pd.Series(dtype=of) for name, of in columns.items()})
    side = table["side"].fillna("")
    column = table["name"].where(side == "", table["name"] + "_" + side)
    if kind == "pose":
        table = table.loc[(side == "") | table["label"].str.contains(NEAR)]
        column = table["name"]
    found = table.assign(column=column, table=kind)
    return found.reindex(columns=["recording", "column", "value", "table"])
