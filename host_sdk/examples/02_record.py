"""Record a walk into a file and read it: `python 02_record.py [DEVICE] [FILE]`.

This one needs no `await`: `solekit.blocking` is for scripts and notebooks.
"""

import sys
import tempfile
from pathlib import Path

from solekit import Recording, blocking
from solekit.analysis import analyse

DURATION_S = 20.0

uri = sys.argv[1] if len(sys.argv) > 1 else "sim:walk"
path = Path(sys.argv[2] if len(sys.argv) > 2 else Path(tempfile.mkdtemp()) / "walk.mcap")

with blocking.connect_pair(uri) as pair:
    pair.record(path, DURATION_S, protocol="free", person="P01")  # a code, never a name

recording = Recording(path)
print(f"{path}: {recording.duration_s:.1f} s, complete: {recording.is_complete}")
for side, foot in recording.feet.items():
    loss = foot.loss["pressure"]
    print(f"{side}: {foot.counts.shape[0]} frames of {foot.counts.shape[1]} cells")
    print(f"{side}: {loss.sampled} sampled = {loss.received + loss.back_filled} + {loss.missing}")

# Every variable has its error, or the reason why it cannot be told.
for row in analyse(recording).variables.to_dict("records"):
    if row["name"] in ("cadence", "stride_time", "double_support_sum"):
        value = row["reason"] or f"{row['value']:.3f} +- {row['error']:.3f} {row['unit']}"
        print(f"{row['name']} {row['side']}: {value}")
