"""How long `import solekit` takes in a fresh process, beside a process that imports nothing.

Wall time of whole processes, in turn, so that a busy machine slows all alike. `first use` imports
what connecting needs, `analysis` what a recording's results need.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from typing import Any

N_RUNS = 11
TARGET_S = 0.5
WHAT = {
    "nothing": "pass",
    "import solekit": "import solekit",
    "first use": "from solekit import connect_pair",
    "analysis": "import solekit.analysis",
}


def measure(n_runs: int = N_RUNS) -> list[dict[str, Any]]:
    """Return one row per import: median and largest seconds of ``n_runs`` fresh processes."""
    seconds: dict[str, list[float]] = {name: [] for name in WHAT}
    for _ in range(n_runs + 1):
        for name, script in WHAT.items():
            began_s = time.perf_counter()
            subprocess.run([sys.executable, "-c", script], check=True)
            seconds[name].append(time.perf_counter() - began_s)
    rows = []
    for name, all_s in seconds.items():
        median_s = statistics.median(all_s[1:])  # the first fills the file system's cache
        row: dict[str, Any] = {"what": name, "median_s": round(median_s, 3)}
        row["beyond_nothing_s"] = round(median_s - statistics.median(seconds["nothing"][1:]), 3)
        row["largest_s"] = round(max(all_s[1:]), 3)
        if name == "import solekit":
            row |= {"target_s": TARGET_S, "meets_target": median_s < TARGET_S}
        rows.append(row)
    return rows
