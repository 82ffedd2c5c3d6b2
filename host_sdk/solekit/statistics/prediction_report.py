"""A prediction as a page and as plain data; both say that it is no diagnosis."""

from __future__ import annotations

import json
from html import escape
from pathlib import Path
from typing import Any

import pandas as pd

from solekit.statistics.bootstrap import Interval
from solekit.statistics.page import page, rows_table, tidy, warning_list, write
from solekit.statistics.prediction import NOTICE, PersonPrediction
from solekit.statistics.ranges import FALSE_ALARMS

FORMATS = ("html", "csv", "json")
COVERED = 95  # measured (logistic): ``python -m tools.bench prediction``


def as_dict(prediction: PersonPrediction) -> dict[str, Any]:
    """Return everything as plain data, for JSON; a number that is not there is None."""
    results = {
        name.removesuffix("_"): _plain(value)
        for name, value in vars(prediction).items()
        if name.endswith("_")
    }
    return tidy(
        {"notice": NOTICE, "parameters": json.loads(prediction.to_json())["params"], **results}
    )


def _plain(value: Any) -> Any:
    if isinstance(value, pd.DataFrame):
        return value.to_dict("records")
    return vars(value) if isinstance(value, Interval) else value


def write_prediction(
    prediction: PersonPrediction, folder: Path, *, formats: tuple[str, ...] = FORMATS
) -> list[Path]:
    """Write ``formats`` of ``prediction`` into ``folder``; return the files."""
    out = []
    if "html" in formats:
        out.append(write(folder / "prediction.html", render(prediction)))
    if "csv" in formats:
        for name in ("people", "unlabelled", "calibration", "importance", "tools"):
            rows = getattr(prediction, f"{name}_").assign(notice=NOTICE)
            if rows.empty:  # nobody without a label
                continue
            out.append(write(folder / f"prediction_{name}.csv", rows.to_csv(index=False)))
    if "json" in formats:
        text = json.dumps(as_dict(prediction), ensure_ascii=False, indent=1)
        out.append(write(folder / "prediction.json", text + "\n"))
    return out


def headline(prediction: PersonPrediction) -> pd.DataFrame:
    """Return the main numbers as rows: what, value, 95 % interval."""
    auc, scores, said = prediction.auc_, prediction.scores_, prediction.abstention_
    mixed, right = prediction.shuffled_, said["accuracy"]
    rows = [
        ("AUC of people never seen", auc.value, auc.low, auc.high),
        ("Brier score", scores["brier"], None, None),
        ("Brier score of always saying the share of cases", scores["brier_of_share"], None, None),
        ("Expected calibration error", scores["calibration_error"], None, None),
        ("Share of people with an answer", said["answered"], None, None),
        (f"Truth not excluded (asked: {1 - said['error']:.0%})", said["covered"], None, None),
        ("Accuracy of the answers", right["value"], right["low"], right["high"]),
    ]
    if mixed["n"]:
        rows.append(("AUC with shuffled labels, mean", mixed["mean"], *mixed["interval"]))
        rows.append(("Share of shuffles as high", mixed["share_as_high"], None, None))
    return pd.DataFrame(rows, columns=["what", "value", "low", "high"]).astype(
        {"value": float, "low": float, "high": float}
    )


def render(prediction: PersonPrediction) -> str:
    """Return the page of ``prediction``."""
    ends = {"low": "#from", "high": "#to"}
    case, control = prediction.labels_
    people = prediction.people_
    numbers = rows_table(headline(prediction), {"what": "", "value": "#Value", **ends})
    curve = rows_table(
        prediction.calibration_,
        {"predicted": "#Chance given", "observed": "#Share of cases", **ends, "n": "#n"},
    )
    importance = rows_table(
        prediction.importance_,
        {
            "variable": "Variable",
            "tool": "Tool",
            "auc_fall": "#AUC falls by",
            "sd_of_repeats": "#SD of repeats",
        },
    )
    tools = rows_table(
        prediction.tools_,
        {
            "tool": "Variables",
            "n_variables": "#n",
            "auc": "#AUC",
            **ends,
            "all_adds": "#All variables add",
            "adds_low": "#from",
            "adds_high": "#to",
        },
    )
    chosen = ", ".join(f"{name}: {n}" for name, n in prediction.chosen_.items())
    body = (
        f"<h2>Warnings</h2>{warning_list(prediction.warnings_)}"
        f"<h2>How well</h2>{numbers}"
        f'<p class="soft">Chosen in the inner folds: {escape(chosen)}. Intervals (95 %) are for '
        "other people, judged and learned from; simulated studies of 27 to 120 people held the "
        f"true AUC in {COVERED} of 100.</p>{_unlabelled(prediction)}"
        f"<h2>Can the chances be believed?</h2>{curve}"
        f"<h2>Variables</h2>{importance}<h2>Tools</h2>{tools}"
    )
    n = list(people["label"]).count(case)
    facts = (
        f"{case} (n = {n})",
        f"{control} (n = {len(people) - n})",
        f"{prediction.n_repeats} x {prediction.n_outer} folds of people",
        f"seed {prediction.seed}",
    )
    return page(f"Predicting {case}", facts, body, badge=NOTICE)


def _unlabelled(prediction: PersonPrediction) -> str:
    """Return the people without a label, '' if there are none."""
    people = prediction.unlabelled_
    if people.empty:
        return ""
    shown = people.assign(
        outside=people["outside"].where(people["outside"] != "", people["out_of_range"].map(_far))
    )
    heads = {
        "person": "Person",
        "chance": f"#Chance of {prediction.labels_[0]}",
        "answer": "Answer",
        "outside": "Out of range",
    }
    n, model = people["n_people"].iloc[0], str(people["model"].iloc[0])
    return (
        f"<h2>People without a label</h2>{rows_table(shown, heads)}"
        f'<p class="soft">{escape(NOTICE)}. Judged by all {n} people with a label '
        f"({escape(model)}). An answer leaves out a label that would be wrong in about "
        f"{prediction.abstention_['error']:.0%} of the people who have it. Of people like those "
        f"with a label {FALSE_ALARMS:.0%} are called out of range; there the chance is a guess."
        "</p>"
    )


def _far(is_far: bool) -> str:
    return "all variables together" if is_far else ""
