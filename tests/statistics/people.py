"""Made tables of people, whose truth is known."""

import numpy as np
import pandas as pd


def people(seed=1, n=40, m=60, apart=1.0, n_variables=4):
    """Return two groups of normal values, ``apart`` SD in the first variable."""
    random = np.random.default_rng(seed)
    is_case = np.arange(n + m) < n
    names = ("insole_a", "pose_b", "insole_c", "pose_d", "v4", "v5", "v6", "v7")[:n_variables]
    table = pd.DataFrame(random.normal(size=(n + m, n_variables)), columns=list(names))
    table.loc[is_case, "insole_a"] += apart
    table["age"] = random.normal(65, 8, n + m).round() + 5 * is_case
    table["sex"] = random.choice(["f", "m"], n + m)
    table["person"] = [f"p{k:03d}" for k in range(n + m)]
    table["group"] = np.where(is_case, "sarcopenia", "control")
    return table


NAMES = ("insole_a", "pose_b", "insole_c", "pose_d")
