"""``solekit verify``: whether a recording is whole and accounts for every sample."""

from __future__ import annotations

import pandas as pd
import typer

from solekit.cli import options
from solekit.cli.output import say, show_json, show_table
from solekit.cli.record import show_verdict
from solekit.recording import Recording


def run(recording: options.RecordingPath, json: options.Json = False) -> None:
    """Check a recording; exit code 1 if it is cut off or does not add up.

    The verdict tells what it is good for; it has no say in the exit code.
    """
    from solekit.verdict import judge

    found = Recording(recording)
    problems = list(found.problems)
    stored = {
        entry["side"]: entry["streams"] for entry in found.session if entry["kind"] == "loss"
    }
    rows = []
    for side, foot in found.feet.items():
        for name, loss in foot.loss.items():
            told = stored.get(side, {}).get(name)
            if not loss.holds:
                problems.append(f"{side} {name}: sampled is not received + back-filled + missing")
            elif told and (told["sampled"], told["missing"]) != (loss.sampled, loss.missing):
                problems.append(
                    f"{side} {name}: the file holds {loss.received} of {loss.sampled} samples, "
                    f"but on closing {told['received']} of {told['sampled']} were counted"
                )
            if loss.sampled:
                rows.append(
                    {
                        "side": side,
                        "stream": name,
                        "sampled": loss.sampled,
                        "received": loss.received,
                        "back_filled": loss.back_filled,
                        "missing": loss.missing,
                        "end": "told by the insole" if loss.end_known else "last that arrived",
                    }
                )
    show_table(pd.DataFrame(rows), as_json=json)
    verdict = judge(found)
    if json:
        whole = {"complete": found.is_complete, "problems": problems}
        show_json({"recording": str(recording), **whole, **verdict.to_json()})
    else:
        show_verdict(verdict)
    for problem in problems:
        say(f"problem: {problem}")
    if problems:
        raise typer.Exit(1)
    say("the recording is whole and accounts for every sample")
