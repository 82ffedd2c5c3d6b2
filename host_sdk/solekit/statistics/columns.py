"""The table that statistics start from: one row per person, and what its columns are."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pandas.api import types

from solekit.errors import DataError, MissingExtraError
from solekit.statistics.names import of_dictionary

PERSON = "person"  # the column that names people where nobody says another


def read_table(path: Path) -> pd.DataFrame:
    """Return a table of a CSV or Parquet file; DataError if it cannot be read."""
    try:
        if path.suffix.lower() in (".parquet", ".pq"):
            table = pd.read_parquet(path)
        else:
            table = pd.read_csv(path)
    except ImportError as error:
        raise MissingExtraError("Parquet", "parquet") from error
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}") from error
    except (ValueError, UnicodeError) as error:
        raise DataError(f"{path} is no table: {str(error).splitlines()[0]}") from error
    if table.empty:
        raise DataError(f"{path} has no rows; give one row per person")
    return table


def need(table: pd.DataFrame, names: Sequence[str]) -> None:
    """Raise DataError unless ``table`` has all columns ``names``, each once."""
    for name in names:
        if name not in table.columns:
            known = ", ".join(str(column) for column in table.columns[:20])
            raise DataError(f"the table has no column {name!r}; it has {known}")
        if list(table.columns).count(name) > 1:
            raise DataError(f"the table has several columns {name!r}; name them apart")


def is_number(table: pd.DataFrame, column: str) -> bool:
    """Return whether a column holds numbers, not truth values."""
    return types.is_numeric_dtype(table[column]) and not types.is_bool_dtype(table[column])


def chosen(
    table: pd.DataFrame, variables: Sequence[str], *, but: Sequence[str]
) -> tuple[list[str], str]:
    """Return the variables to test, and a note that says how they were chosen ('' if named).

    Without ``variables`` those that the dictionary knows, or else every column of numbers; never
    one of ``but``. DataError if a named one holds no numbers, or nothing is left.
    """
    if variables:
        need(table, variables)
        for name in variables:
            if not is_number(table, name):
                raise DataError(f"column {name!r} holds no numbers; leave it out of the variables")
            if name in but:
                raise DataError(f"column {name!r} cannot be a variable and a group or covariate")
        return list(dict.fromkeys(variables)), ""
    need(table, [str(name) for name in table.columns])
    numbers = [str(c) for c in table.columns if c not in but and is_number(table, str(c))]
    known = [name for name in numbers if of_dictionary(name) is not None]
    found = known or numbers
    if not found:
        raise DataError("the table has no column of numbers to test; name them with --variables")
    what = "that the dictionary knows" if known else "that hold numbers"
    left = [name for name in numbers if name not in found]
    more = f"; not used: {', '.join(left)}" if left else ""
    return found, f"{len(found)} columns {what} are used{more}"


def one_row_per_person(
    table: pd.DataFrame, *, person: str = "", same: Sequence[str] = ()
) -> tuple[pd.DataFrame, str]:
    """Return ``table`` with one row per person, and a note if rows were averaged.

    With ``person`` numbers are averaged over the rows of each, and anything else, as well as every
    column ``same``, must be equal in them or becomes absent; DataError where a column of ``same``
    is not. Without it, DataError if a column 'person' names somebody twice.
    """
    if not person:
        if PERSON in table.columns and table[PERSON].dropna().duplicated().any():
            n = int(table[PERSON].dropna().duplicated(keep=False).sum())
            raise DataError(
                f"{n} rows are of people with several rows, who would count several times; "
                f"average them with --person {PERSON}, or keep one row each"
            )
        return pd.DataFrame(table.reset_index(drop=True)), ""
    need(table, [person, *same])
    if n_nameless := int(np.sum(table[person].isna().to_numpy())):
        raise DataError(f"{n_nameless} rows have no {person!r}; name them")
    if not table[person].duplicated().any():
        return pd.DataFrame(table.reset_index(drop=True)), ""
    groups = table.groupby(person, sort=False)
    for name in same:
        kinds: Any = groups[name].nunique(dropna=False)
        changed = list(kinds.index[kinds > 1])
        if changed:
            raise DataError(f"{person} {changed[0]!r} has several values of {name!r}; give one")
    means = {
        str(name): groups[name].mean()
        if is_number(table, str(name)) and name not in same
        else groups[name].agg(_only)
        for name in table.columns
        if name != person
    }
    out = pd.DataFrame(means).reset_index(names=person).reindex(columns=table.columns)
    n_several = int(np.sum(groups.size().to_numpy() > 1))
    return out, (
        f"{n_several} of {len(out)} people have several rows; their numbers are the means of them"
    )


def _only(values: pd.Series) -> object:
    kinds = values.unique()
    return kinds[0] if len(kinds) == 1 else None
