"""Examples of the algorithms on tables of people: see ``test_algorithms``."""

import numpy as np

from tests.statistics.people import people


def comparison_example():
    return "compare", (people(n=12, m=14),), {"group": "group", "ignore": ("person", "age")}


def matching_example():
    return "match", (people(n=12, m=14), np.arange(26) < 12), {}


def prediction_example():
    table = people(n=10, m=12).drop(columns=["pose_b", "pose_d", "age"])  # one tool: quick
    return "evaluate", (table,), {"label": "group", "person": "person"}


EXAMPLES = {
    "GroupComparison": comparison_example,
    "PairMatching": matching_example,
    "PersonPrediction": prediction_example,
}
