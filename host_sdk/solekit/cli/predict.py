"""``solekit predict``: how well people of two groups are told apart; not a diagnosis."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from solekit.cli.output import say, show_json, show_table

FORMATS = ("html", "csv", "json")


def run(
    table: Annotated[Path, typer.Argument(help="CSV or Parquet, rows of people.")],
    label: Annotated[str, typer.Option("--label", help="Column with the two groups.")],
    person: Annotated[str, typer.Option("--person", help="Column with the person of each row.")],
    case: Annotated[
        str, typer.Option("--case", help="Level of the label that is the case (default: last).")
    ] = "",
    variables: Annotated[
        str, typer.Option("--variables", help="Columns to predict from, by commas.")
    ] = "",
    model: Annotated[
        list[str] | None,
        typer.Option("--model", help="'logistic' or 'forest'; repeat to let inner folds choose."),
    ] = None,
    repeats: Annotated[
        int, typer.Option("--repeats", min=1, help="Repeats with other folds.")
    ] = 5,
    shuffles: Annotated[
        int, typer.Option("--shuffles", min=0, help="Runs with shuffled labels.")
    ] = 20,
    error: Annotated[
        float, typer.Option("--error", min=0.0, max=0.5, help="Wrong exclusions per class.")
    ] = 0.1,
    min_people: Annotated[
        int, typer.Option("--min-people", min=5, help="Fewest people of each class.")
    ] = 10,
    both_labels: Annotated[
        str, typer.Option("--both-labels", help="Why people may have both labels, if so.")
    ] = "",
    block: Annotated[
        str, typer.Option("--block", help="Column of site or day; must not determine the label.")
    ] = "",
    format: Annotated[
        list[str] | None,
        typer.Option("--format", help="What to write: html, csv, json; may be repeated."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder of the files (default: beside the table).")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Of folds, shuffles and bootstrap.")] = 1,
) -> None:
    """Predict a group of people never seen, by nested cross-validation. Not a diagnosis.

    Rows with an empty label are people to be judged by all others: a chance, an answer or none,
    and whether they are out of range.

    Without --format the main numbers are shown; json without --out goes to stdout.
    """
    from solekit.statistics.columns import read_table
    from solekit.statistics.prediction import NOTICE, PersonPrediction
    from solekit.statistics.prediction_report import as_dict, headline, write_prediction

    formats = tuple(format or ())
    for name in formats:
        if name not in FORMATS:
            raise typer.BadParameter(f"{name!r} is not one of {', '.join(FORMATS)}")
    prediction = PersonPrediction(
        case=case,
        variables=tuple(part.strip() for part in variables.split(",") if part.strip()),
        models=tuple(model or ("logistic",)),
        n_repeats=repeats,
        n_shuffles=shuffles,
        error=error,
        min_people=min_people,
        both_labels=both_labels,
        block=block,
        seed=seed,
    ).evaluate(read_table(table), label=label, person=person)
    for sentence in prediction.warnings_:
        say(f"note: {sentence}")
    if formats == ("json",) and out is None:
        show_json(as_dict(prediction))
        return
    show_table(headline(prediction), as_json=False, title=NOTICE)
    show_table(prediction.tools_, as_json=False)
    show_table(prediction.importance_, as_json=False)
    if not prediction.unlabelled_.empty:
        show_table(
            prediction.unlabelled_, as_json=False, title=f"People without a label. {NOTICE}"
        )
    if formats:
        folder = out or table.with_name(f"{table.stem}-prediction")
        for path in write_prediction(prediction, folder, formats=formats):
            print(path)
