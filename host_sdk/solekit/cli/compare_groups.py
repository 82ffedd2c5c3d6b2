"""``solekit compare-groups``: two groups of people, variable by variable."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from solekit.cli.output import say, show_json, show_table

FORMATS = ("html", "csv", "latex", "json")


def run(
    table: Annotated[Path, typer.Argument(help="CSV or Parquet, one row per person.")],
    group: Annotated[str, typer.Option("--group", help="Column with the two groups.")],
    reference: Annotated[
        str,
        typer.Option("--reference", help="Level of the controls (default: first by alphabet)."),
    ] = "",
    variables: Annotated[
        str, typer.Option("--variables", help="Columns to test, by commas (default: all known).")
    ] = "",
    covariates: Annotated[
        str, typer.Option("--covariates", help="Columns to adjust for: age,sex,...")
    ] = "",
    adjustment: Annotated[
        str, typer.Option("--adjustment", help="'ancova' (HC3 errors) or 'rank'.")
    ] = "ancova",
    match: Annotated[
        str,
        typer.Option("--match", help="Match by these columns: age:5,sex (5: caliper in years)."),
    ] = "",
    margin: Annotated[
        list[str] | None,
        typer.Option(
            "--margin",
            help="Largest difference that means nothing: 0.5 (in SD) or COLUMN=VALUE (its unit).",
        ),
    ] = None,
    family: Annotated[
        list[str] | None,
        typer.Option("--family", help="Family of tests: 'all', 'tool', or NAME=COLUMN,COLUMN."),
    ] = None,
    correction: Annotated[
        str,
        typer.Option(
            "--correction", help="'holm', 'benjamini-hochberg', 'benjamini-yekutieli' or 'none'."
        ),
    ] = "holm",
    person: Annotated[
        str, typer.Option("--person", help="Column of people; several rows of one are averaged.")
    ] = "",
    alpha: Annotated[float, typer.Option("--alpha", help="Chance of a false finding.")] = 0.05,
    power: Annotated[bool, typer.Option("--power", help="How many people would show it.")] = False,
    format: Annotated[
        list[str] | None,
        typer.Option("--format", help="What to write: html, csv, latex, json; may be repeated."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder of the files (default: beside the table).")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Of permutations and bootstrap.")] = 1,
) -> None:
    """Compare two groups: tests, effect sizes, equivalence, confounders, and what to doubt.

    Without --format the tests are shown as a table; json without --out goes to stdout.
    """
    from solekit.statistics.columns import one_row_per_person, read_table
    from solekit.statistics.comparison_report import as_dict, power_of, write_comparison
    from solekit.statistics.groups import GroupComparison

    formats = tuple(format or ())
    for name in formats:
        if name not in FORMATS:
            raise typer.BadParameter(f"{name!r} is not one of {', '.join(FORMATS)}")
    matched = dict(_caliper(part) for part in _parts(match))
    margin_sd, margins = _margins(margin or [])
    comparison = GroupComparison(
        reference=reference,
        variables=_parts(variables),
        covariates=_parts(covariates),
        adjustment=adjustment,
        match=tuple(matched),
        calipers={name: width for name, width in matched.items() if width is not None},
        margin_sd=margin_sd,
        margins=margins,
        families=_families(family or []),
        correction=correction,
        alpha=alpha,
        seed=seed,
    )
    same = (group, *_parts(covariates), *matched)
    rows, note = one_row_per_person(read_table(table), person=person, same=same if person else ())
    comparison.compare(rows, group=group, ignore=[name for name in (person, "person") if name])
    for sentence in ([note] if note else []) + comparison.warnings_:
        say(f"note: {sentence}")
    if formats == ("json",) and out is None:
        show_json(as_dict(comparison))
        return
    if power:
        show_table(power_of(comparison), as_json=False)
    else:
        shown = ["variable", "n_cases", "n_controls", "p", "p_adjusted", "p_welch"]
        sizes = ["hedges_g", "cliffs_delta", "hodges_lehmann", "p_equivalence"]
        show_table(comparison.results_.loc[:, [*shown, *sizes]], as_json=False)
    if formats:
        folder = out or table.with_name(f"{table.stem}-comparison")
        for path in write_comparison(
            comparison, rows, group=group, folder=folder, formats=formats
        ):
            print(path)


def _parts(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _caliper(part: str) -> tuple[str, float | None]:
    name, colon, width = part.rpartition(":")
    return (name, _number(width, "--match")) if colon else (part, None)


def _margins(given: list[str]) -> tuple[float | None, dict[str, float]]:
    margin_sd, margins = None, {}
    for text in given:
        name, equals, value = text.rpartition("=")
        if equals:
            margins[name] = _number(value, "--margin")
        else:
            margin_sd = _number(value, "--margin")
    return margin_sd, margins


def _families(given: list[str]) -> Any:
    if not given:
        return "all"
    if len(given) == 1 and "=" not in given[0]:
        return given[0]
    families = {}
    for text in given:
        name, equals, columns = text.partition("=")
        if not equals:
            raise typer.BadParameter(f"{text!r} is not NAME=COLUMN,...", param_hint="--family")
        families[name] = _parts(columns)
    return families


def _number(text: str, option: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a number", param_hint=option) from None
    if not value > 0:
        raise typer.BadParameter(f"{text} is not above zero", param_hint=option)
    return value
