"""Who is unlike everybody that was learned from, by a rule with a stated share of false alarms.

A smallest and largest value of few people is no bound: of thirteen variables one is beyond it in
half of the people. Here a new person is put among the known, everybody's oddness is judged by one
rule, and the person is out of range who is among the oddest share ``FALSE_ALARMS`` (conformal
prediction: Vovk, Gammerman and Shafer 2005, Algorithmic Learning in a Random World, section 2.2).
People like the known are so in at most that share, whatever the shape of the variables. Fewer
than 19 known people have no oddest 5 %: nobody is called out of range.
"""

from __future__ import annotations

import numpy as np
from scipy.stats import beta, t

from solekit.layouts import BoolArray, FloatArray

FALSE_ALARMS = 0.05
_MIN_SPARE = 5  # people more than directions, or nothing is said of all variables together
_FLAT = 1e-8  # of the largest variance: a direction in which nobody differs


def beyond(
    known: FloatArray, asked: FloatArray, *, false_alarms: float = FALSE_ALARMS
) -> tuple[BoolArray, BoolArray]:
    """Return who of ``asked`` (m, p) is out of range of ``known`` (n, p): in what, and at all.

    The first answer (m, p) names the single variables that are odd in who is out of range; none
    is where all are odd together.
    """
    (n, p), m = known.shape, len(asked)
    if n < 3 or not m or not p or false_alarms * (n + 1) < 1:
        return np.zeros((m, p), dtype=bool), np.zeros(m, dtype=bool)
    people = np.concatenate([np.broadcast_to(known, (m, n, p)), asked[:, None]], axis=1)
    of_variables, together = oddness(people)
    odd = np.minimum(of_variables.min(axis=2), together)
    as_odd = (odd <= odd[:, -1:] * (1 + 1e-9)).sum(axis=1)  # with the person
    out = as_odd <= false_alarms * (n + 1)
    single = (of_variables[:, -1] <= false_alarms / 2) & out[:, None]
    return single, np.asarray(out, dtype=bool)


def oddness(people: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return how odd everybody is among ``people`` (m, n, p): per variable, and all in all (m, n).

    Chances that a normal value is as far out, small where odd: of a variable by the t of its
    studentised residual, times the number of variables; of all together by the squared
    Mahalanobis distance, n / (n - 1)^2 of which is a beta of r / 2 and (n - r - 1) / 2
    (Gnanadesikan and Kettenring 1972, Biometrics 28:81), in the r directions in which people
    differ.
    """
    _, n, p = people.shape
    mean = people.mean(axis=1, keepdims=True)
    sd = people.std(axis=1, ddof=1, keepdims=True)
    varies = sd > 1e-9 * np.abs(mean) + 1e-300
    z = np.where(varies, (people - mean) / np.where(varies, sd, 1.0), 0.0)
    share = np.minimum(z**2 * n / (n - 1) ** 2, 1 - 1e-15)
    size = np.sqrt(share / (1 - share) * (n - 2))
    of_variables = np.minimum(2 * p * t.sf(size, n - 2), 1.0)
    variances, directions = np.linalg.eigh(np.swapaxes(z, 1, 2) @ z / (n - 1))
    kept = variances > _FLAT * variances[:, -1:]
    weights = np.where(kept, 1 / np.where(kept, variances, 1.0), 0.0)
    share = ((z @ directions) ** 2 * weights[:, None]).sum(axis=2) * n / (n - 1) ** 2
    r = kept.sum(axis=1)[:, None]
    says = (r > 1) & (n - r > _MIN_SPARE)  # one direction is one variable, judged already
    together = beta.sf(np.minimum(share, 1.0), r / 2, np.maximum(n - r - 1, 1) / 2)
    return of_variables, np.where(says, together, 1.0)
