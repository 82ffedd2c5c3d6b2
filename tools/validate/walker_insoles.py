"""The virtual walker against people's insoles: timing, shape of force, pressures, gait lines.

Nothing here is passed or failed but the sanity of the comparison itself. What differs between
real and virtual has three causes that these data cannot part: the walker, the people (three of
them are about 70 years old) and the soles (a sole in a shoe feels more than the ground does).
``real_soles_apart`` shows how well two kinds of real soles are told apart by the same test.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from solekit.errors import DataError
from solekit.formats.source import SourceRecording
from solekit.layouts import SIDES, FloatArray, Layout, Side, named
from tools.validate.two_sample import MIN_PEOPLE, giveaways, people, two_sample
from tools.validate.walks import (
    G_M_S2,
    N_CURVE,
    N_LINE,
    Walk,
    cut,
    cut_all,
    gait_lines,
    peaks_kpa,
    read_pedar,
    real,
    stance_curves,
    stride_totals,
    timing,
    virtual,
)

FOLDER = "."
PATTERNS = ("gaitpdb8/*.txt.gz", "moticon_opengo/*.txt", "vendor_formats/*")
SEEDS = tuple(range(1, 13))
DURATION_S = 30.0
PRESSURE_S = 10.0
GRID = "grid-30x22"
FIRST_PCT, SECOND_PCT = (5.0, 45.0), (55.0, 95.0)  # of the stance: where the humps are sought
N_FINE = 100
TIMING = ("cadence_per_min", "stance_pct", "double_support_pct")

People = dict[str, list[Walk]]


def validate(
    folder: Path,
    rung: str,
    *,
    seeds: Sequence[int] = SEEDS,
    duration_s: float = DURATION_S,
    n_shuffles: int = 40,
) -> dict[str, Any]:
    """Return real beside virtual; ``rung`` does not matter, no firmware is between."""
    del rung
    real_walks = cut_all(_recordings(folder), is_real=True)
    if not real_walks:
        raise DataError(f"{folder}: no walk with a whole stride; name the folder of the data")
    grids: dict[Side, Layout] = {side: named(GRID, side) for side in SIDES}
    virtual_walks = cut_all(
        (virtual(seed, grids, duration_s=duration_s) for seed in seeds), is_real=False
    )
    in_newtons = [walk for walk in real_walks if walk.has_places]
    walked, persons = _by_person(in_newtons), _by_person(virtual_walks)
    both = _with_both(walked)
    worn = _worn(both, seeds, duration_s=duration_s)
    rows = [describe(walk) for walk in (*real_walks, *virtual_walks)]
    weights = [w.weight_n / (G_M_S2 * (w.recording.body_mass_kg or 1)) for w in virtual_walks]
    force = _told_apart(persons, both, force_rows, _force_words, N_CURVE, n_shuffles)
    lines = _told_apart(worn, both, line_rows, _line_words, N_LINE, n_shuffles)
    n_people = len(_by_person(real_walks))
    return {
        "n_recordings": len(real_walks),
        "n_people": n_people,
        "reference": "people's insoles, cut by the same lines as the virtual person's",
        "virtual": f"{len(virtual_walks)} people, seeds {seeds[0]} to {seeds[-1]}, "
        f"{duration_s:g} s each on {GRID}",
        "caution": f"{n_people} real people, {len(both)} with forces of both feet: differences "
        "show where to look, not how people walk; the bootstrap gives an AUC of 1 no width",
        **_side_by_side(rows, real_walks, virtual_walks),
        **_curves(walked, persons, "stance_force", mean_stance),
        **_curves(both, persons, "stride_total", mean_total),
        **_pressures(real_walks, folder, worn, seeds),
        **{f"by_force_{name}": value for name, value in force.items()},
        **{f"by_gait_line_{name}": value for name, value in lines.items()},
        "real_soles_apart": _soles_apart(both),
        "walks": rows,
        "targets": {
            "sanity: virtual mean force within 2 % of body weight": bool(
                np.allclose(weights, 1.0, atol=0.02)
            ),
            "sanity: mean AUC of shuffled labels within 0.2 of 0.5": all(
                "shuffled_auc" not in test or abs(test["shuffled_auc"] - 0.5) <= 0.2
                for test in (force, lines)
            ),
        },
    }


def _recordings(data: Path) -> Iterable[SourceRecording]:
    yield from real(data, "gaitpdb8", ("*.txt.gz",), "gaitpdb")
    yield from real(data, "moticon_opengo", ("*.txt",), "moticon")
    yield from real(data, "vendor_formats", ("*.asf",), "fscan")
    for path in sorted((data / "vendor_formats").glob("pedar*.asc")):
        try:
            yield read_pedar(path)
        except DataError as error:
            print(f"left out: {error}", file=sys.stderr)


def _by_person(walks: Iterable[Walk]) -> People:
    found: People = {}
    for walk in walks:
        found.setdefault(walk.recording.person, []).append(walk)
    return found


def _with_both(persons: People) -> People:
    return {person: walks for person, walks in persons.items() if walks[0].has_both}


def _worn(both: People, seeds: Sequence[int], *, duration_s: float) -> People:
    """Return virtual people who wear the soles of the real ones in turn.

    A centre of pressure from 8 or 16 cells is not that of a fine grid: on the same soles the
    classifier cannot go by the sole.
    """
    soles: list[dict[Side, Layout]] = [
        {side: foot.layout for side, foot in walks[0].feet.items()} for walks in both.values()
    ]
    if not soles:
        return {}
    made = (
        virtual(seed, soles[k % len(soles)], duration_s=duration_s) for k, seed in enumerate(seeds)
    )
    return _by_person(cut_all(made, is_real=False))


def mean_stance(walk: Walk) -> FloatArray:
    """Return the mean force of a foot over its stance in body weights, (100,)."""
    return np.mean([stance_curves(walk, side, n=N_FINE).mean(axis=0) for side in walk.feet], 0)


def mean_total(walk: Walk) -> FloatArray:
    """Return the mean force of both feet over the stride in body weights, (100,)."""
    return stride_totals(walk, n=N_FINE).mean(axis=0)


def humps(curve: FloatArray) -> dict[str, float]:
    """Return heights (body weights) and times (% of stance) of the humps and the valley."""
    pct = 100 * (np.arange(len(curve)) + 0.5) / len(curve)
    first, second = (
        int(np.argmax(np.where((pct >= low) & (pct <= high), curve, -np.inf)))
        for low, high in (FIRST_PCT, SECOND_PCT)
    )
    valley = first + int(np.argmin(curve[first : second + 1]))
    found = {"first_hump": first, "valley": valley, "second_hump": second}
    heights = {name: float(curve[k]) for name, k in found.items()}
    return heights | {f"{name}_pct": float(pct[k]) for name, k in found.items()}


def _total_shape(walk: Walk) -> dict[str, float]:
    """Return highest and lowest total force in a step, both steps of a stride taken as one.

    Times are in % of the step from its contact. Steps follow each other, so the highest is sought
    from -25 to 75 % and the lowest from 25 to 125 %: a middle of times has to have no seam.
    """
    step = mean_total(walk).reshape(2, -1).mean(axis=0)
    pct = 100 * (np.arange(len(step)) + 0.5) / len(step)
    highest, lowest = float(pct[step.argmax()]), float(pct[step.argmin()])
    return {
        "total_highest": float(step.max()),
        "total_highest_step_pct": highest - 100 * (highest > 75),
        "total_lowest": float(step.min()),
        "total_lowest_step_pct": lowest + 100 * (lowest < 25),
    }


def describe(walk: Walk) -> dict[str, Any]:
    """Return one row: who, how long, timing and shape of the force."""
    numbers = {**timing(walk), **humps(mean_stance(walk))}
    if walk.has_both:
        numbers |= _total_shape(walk)
    mass_kg = walk.recording.body_mass_kg
    stated = round(walk.weight_n / (mass_kg * G_M_S2), 3) if mass_kg else None
    if not walk.has_places:
        stated = None
    return {
        "recording": walk.recording.name,
        "sole": walk.recording.source,
        "strides": len(walk.strides_s),
        "force_over_stated_weight": stated,
        **{
            name: round(value, 2) if np.isfinite(value) else None
            for name, value in numbers.items()
        },
    }


def _side_by_side(
    rows: list[dict[str, Any]], real_walks: list[Walk], virtual_walks: list[Walk]
) -> dict[str, Any]:
    """Return median, lowest and highest of the people's values, per figure."""
    walks = [*real_walks, *virtual_walks]
    out = {}
    for name in list(rows[-1])[4:]:
        values: dict[bool, list[float]] = {}
        for is_real in (True, False):
            own: dict[str, list[float]] = {}
            for walk, row in zip(walks, rows, strict=True):
                counts = walk.has_places or name in TIMING
                if walk.is_real == is_real and counts and row.get(name) is not None:
                    own.setdefault(walk.recording.person, []).append(row[name])
            values[is_real] = [float(np.mean(each)) for each in own.values()]
        if not values[True] or not values[False]:
            continue
        (at, *real_range), (median, low, high) = (_spread(values[key]) for key in (True, False))
        out[name] = {
            "real": at,
            "real_range": real_range,
            "virtual": median,
            "virtual_range": [low, high],
            "n_real": len(values[True]),
            "real_median_within": low <= at <= high,
        }
    return out


def _spread(values: Sequence[float]) -> list[float]:
    return [round(float(f(values)), 2) for f in (np.median, np.min, np.max)]


def _curves(
    real_people: People, persons: People, name: str, curve: Callable[[Walk], FloatArray]
) -> dict[str, Any]:
    """Return the mean curves at every tenth and their RMSE, in body weights."""
    if not real_people:
        return {}
    ours, theirs = (
        np.mean([np.mean([curve(walk) for walk in walks], 0) for walks in group.values()], 0)
        for group in (persons, real_people)
    )
    tenths = [mean.reshape(10, -1).mean(axis=1).round(3).tolist() for mean in (theirs, ours)]
    return {
        f"{name}_rmse_bw": round(float(np.sqrt(np.mean((ours - theirs) ** 2))), 3),
        f"{name}_tenths_real": tenths[0],
        f"{name}_tenths_virtual": tenths[1],
    }


def force_rows(walk: Walk) -> FloatArray:
    """Return the force of left and right foot over their stances, (n_strides, 100)."""
    return np.concatenate([stance_curves(walk, side) for side in SIDES], axis=1)


def line_rows(walk: Walk) -> FloatArray:
    """Return the gait lines: left along, left across, right along, right across, (n, 80)."""
    lines = [gait_lines(walk, side) for side in SIDES]
    return np.concatenate([line[:, :, axis] for line in lines for axis in (0, 1)], axis=1)


def _told_apart(
    persons: People,
    real_people: People,
    rows: Callable[[Walk], FloatArray],
    words: Callable[[int, float], str],
    block: int,
    n_shuffles: int,
) -> dict[str, Any]:
    if min(len(persons), len(real_people)) < MIN_PEOPLE:
        return {"left_out": f"fewer than {MIN_PEOPLE} people with both feet in a group"}
    group = people(_stacked(persons, rows), _stacked(real_people, rows))
    found = giveaways(group, block=block)
    return {
        **_rounded(two_sample(group, n_shuffles=n_shuffles)),
        "gives_away": [words(each["feature"], each["difference"]) for each in found],
        "weights": [round(each["weight"], 3) for each in found],
        "effects_sd": [round(each["effect"], 2) for each in found],
    }


def _stacked(group: People, rows: Callable[[Walk], FloatArray]) -> list[FloatArray]:
    return [np.concatenate([rows(walk) for walk in walks]) for walks in group.values()]


def _rounded(found: dict[str, Any]) -> dict[str, Any]:
    return {
        name: np.round(value, 3).tolist() if isinstance(value, (float, list)) else value
        for name, value in found.items()
    }


def _soles_apart(both: People) -> dict[str, Any]:
    """Return the AUC of people on one kind of sole against people on another, by force."""
    kinds: dict[str, People] = {}
    for person, walks in both.items():
        kinds.setdefault(walks[0].recording.source, {})[person] = walks
    enough = [kind for kind, group in kinds.items() if len(group) >= MIN_PEOPLE]
    if len(enough) < 2:
        return {"left_out": f"fewer than {MIN_PEOPLE} people on each of two kinds of soles"}
    one, other = enough[:2]
    group = people(_stacked(kinds[one], force_rows), _stacked(kinds[other], force_rows))
    return {"soles": [one, other], **_rounded(two_sample(group))}


def _force_words(feature: int, difference: float) -> str:
    foot, point = divmod(feature, N_CURVE)
    much = f"{abs(difference):.2f} body weights too {'high' if difference > 0 else 'low'}"
    return (
        f"{SIDES[foot]} force at {100 * (point + 0.5) / N_CURVE:.0f} % of stance: virtual {much}"
    )


def _line_words(feature: int, difference: float) -> str:
    part, point = divmod(feature, N_LINE)
    foot, axis = divmod(part, 2)
    at = f"{SIDES[foot]} gait line at {100 * (point + 0.5) / N_LINE:.0f} % of stance: virtual"
    ways = (("of the length too far forward", "of the length too far back"),
            ("of the width too lateral", "of the width too medial"))  # fmt: skip
    return f"{at} {abs(difference):.2f} {ways[axis][0 if difference > 0 else 1]}"


def _pressures(
    real_walks: list[Walk], data: Path, worn: People, seeds: Sequence[int]
) -> dict[str, Any]:
    """Return peak pressures by region of each recording with areas, real and virtual on its sole.

    Per region: real, then median, lowest and highest of the virtual people. The nominal areas of
    gaitpdb make no pressures.
    """
    out: dict[str, Any] = {}
    for walk in real_walks:
        source, name = walk.recording.source, walk.recording.name
        if source == "moticon":
            same = [w for ws in worn.values() for w in ws if _same_sole(w, walk)]
            out[f"peak_kpa {name}"] = _beside(walk, same)
        elif source == "fscan":
            out[f"peak_kpa {name}"] = _beside(walk, _on_sole(walk, seeds, "walk"))
        elif source == "pedar":
            out[f"peak_kpa {name}"] = _beside(walk, []) | {
                "left_out": "the file gives neither areas nor places of its cells: no regions, "
                "and no virtual sole like it"
            }
    for recording in real(data, "vendor_formats", ("xsensor*.csv",), "xsensor"):
        run = cut(recording, is_real=True, is_run=True)
        n = sum(map(len, run.contacts_s.values()))
        out[f"peak_kpa {recording.name}"] = {
            "motion": f"run, {n} whole contacts",
            **_beside(run, _on_sole(run, seeds, "run")),
        }
    return out


def _same_sole(one: Walk, other: Walk) -> bool:
    return all(one.feet[side].layout is other.feet[side].layout for side in one.feet)


def _on_sole(walk: Walk, seeds: Sequence[int], motion: str) -> list[Walk]:
    soles: dict[Side, Layout] = {side: foot.layout for side, foot in walk.feet.items()}
    recordings = [virtual(seed, soles, duration_s=PRESSURE_S, motion=motion) for seed in seeds]
    return [cut(each, is_real=False, is_run=motion == "run") for each in recordings]


def _beside(walk: Walk, same: list[Walk]) -> dict[str, Any]:
    """Return peaks in kPa: the real one, then median, lowest and highest of the virtual ones."""
    found = [peaks_kpa(each) for each in same]
    mine: dict[str, Any] = {}
    for region, value in peaks_kpa(walk).items():
        theirs = [each[region] for each in found if region in each]
        mine[region] = [round(v) for v in (value, *(_spread(theirs) if theirs else ()))]
    return {"n_virtual": len(same), **mine}
