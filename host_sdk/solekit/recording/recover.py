"""A whole file from one that was cut off or damaged, with an account of what is gone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from solekit.errors import DataError
from solekit.recording.reader import Recording
from solekit.recording.sealed import given_passphrase
from solekit.recording.writer import RecordingWriter

# Written anew from what is left: the old ones told of more, or are not there.
_OF_THE_END = ("loss", "closed")


def recover(source: Path, target: Path, *, passphrase: str | None = None) -> dict[str, Any]:
    """Write all that can be read of ``source`` to ``target``; return the account of it.

    The account, also kept in the new recording as its entry ``recovered``: ``problems`` of the
    old file and, by side, of every stream how many samples are there and how many are known to be
    gone (``end_known`` false: more may have followed). A sealed file stays sealed with its
    pass-phrase. DataError if ``source`` is whole, holds no insole, or ``target`` exists.
    """
    passphrase = passphrase or given_passphrase()
    found = Recording(source, passphrase=passphrase)
    if found.is_complete:
        raise DataError(f"{source} is whole: there is nothing to recover")
    told = {entry["side"]: entry["streams"] for entry in found.session if entry["kind"] == "loss"}
    streams = {
        side: {
            name: {
                "there": loss.received + loss.back_filled,
                "gone": max(loss.missing, told.get(side, {}).get(name, {}).get("sampled", 0)
                            - loss.received - loss.back_filled),
                "end_known": loss.end_known,
            }
            for name, loss in foot.loss.items()
        }
        for side, foot in found.feet.items()
    }  # fmt: skip
    account = {"source": source.name, "problems": found.problems, "streams": streams}
    writer = RecordingWriter(target, passphrase=passphrase if found.is_sealed else None)
    last_ns = 0
    try:
        for topic, at_ns, data in found.messages([]):
            last_ns = max(last_ns, at_ns)
            if topic != "/session" or json.loads(data)["kind"] not in _OF_THE_END:
                writer.add_message(topic, at_ns, data)
        last_s = last_ns * 1e-9
        for side, foot in found.feet.items():
            losses = {name: loss.to_json() for name, loss in foot.loss.items()}
            writer.add_session(last_s, "loss", side=side, streams=losses)
        writer.add_session(last_s, "recovered", **account)
        writer.add_session(last_s, "closed")
    finally:
        writer.close()
    return account
