import numpy as np
import pytest

from solekit.layouts import SIDES, FloatArray
from solekit_hil.walker.body import (
    INDEX,
    KEYPOINTS,
    SEGMENTS,
    Motion,
    angular_momentum,
    centre_of_mass,
    point,
    stature_m,
)
from solekit_hil.walker.dynamics import wrench
from solekit_hil.walker.person import GRAVITY_M_S2
from solekit_hil.walker.touch import BALL

RATE_HZ = 200.0
MASS_KG = 70.0
WEIGHT_N = MASS_KG * GRAVITY_M_S2
UNFILTERED_HZ = RATE_HZ  # above half the rate nothing is filtered
CUTOFF_HZ = 8.0
STRIDE_S, DUTY, SPEED_M_S = 1.1, 0.62, 1.2
SOLE_M = 0.26
FALL_M_S = 0.4  # of the heel when it lands
LAST_AT = 0.965  # of the sole: where the toes leave the floor, just behind their tip
INNER = slice(100, -100)  # filters and derivatives know less at the ends

_STANDING = {
    "head": (0.02, 0, 1.62),
    "neck": (0, 0, 1.50),
    "pelvis": (0, 0, 0.92),
    "shoulder": (0, 0.20, 1.42),
    "elbow": (0, 0.22, 1.11),
    "wrist": (0.02, 0.22, 0.86),
    "hip": (0, 0.09, 0.92),
    "knee": (0.01, 0.09, 0.50),
    "ankle": (0, 0.09, 0.08),
    "heel": (-0.06, 0.09, 0),
    "big_toe": (0.20, 0.09, 0),
    "small_toe": (0.15, 0.14, 0),
}


def standing_m():
    """Return the key points of a person who stands, (21, 3)."""
    rows = []
    for name in KEYPOINTS:
        side, _, part = name.partition("_")
        x, y, z = _STANDING.get(name) or _STANDING[part]
        rows.append((x, -y if side == "right" else y, z))
    return np.array(rows)


def still(duration_s=4.0, rate_hz=RATE_HZ):
    """Return times and a person who stands still, (n,) and (n, 21, 3)."""
    t_s = np.arange(round(duration_s * rate_hz)) / rate_hz
    return t_s, np.repeat(standing_m()[None], len(t_s), axis=0)


def moved(points_m, **axes_m):
    """Return all points moved along ``x``, ``y`` or ``z``, by (n,) each."""
    out = points_m.copy()
    for axis, by_m in axes_m.items():
        out[:, :, "xyz".index(axis)] += by_m[:, None]
    return out


def turned(points_m, angle_rad, axis):
    """Return the body turned about its centre of mass by (n,), right-handed."""
    centre = centre_of_mass(points_m)[:, None]
    k, v = np.eye(3)[axis], points_m - centre
    cos, sin = np.cos(angle_rad)[:, None, None], np.sin(angle_rad)[:, None, None]
    return centre + v * cos + np.cross(k, v) * sin + (v @ k)[..., None] * k * (1 - cos)


def eased(u):
    u = np.clip(u, 0, 1)
    return u * u * u * (u * (6 * u - 15) + 10)


def rocking_foot(t_s, landings_s, places_m, clear_m):
    """Return heel and tip, (n, 2) each in x and z, of a foot that rocks from heel to toe.

    It lands on its heel with the toes up, lies flat, rolls over the ball onto the toes and leaves.
    Pad and shoe give 3 mm within 50 ms of a landing.
    """
    stance_s = DUTY * STRIDE_S

    def stance(since_s, place):
        u = since_s / stance_s
        pitch = np.radians(20 * (1 - eased(u / 0.15)) - 45 * eased((u - 0.55) / 0.45))
        last = stance_s - since_s
        pivot = np.where(pitch > 0, 0.0, BALL + (LAST_AT - BALL) * eased(1 - last / 0.06)) * SOLE_M
        sink = 0.003 * (1 - eased(since_s / 0.05))
        return place + pivot * (1 - np.cos(pitch)), sink - pivot * np.sin(pitch), pitch

    heel = np.zeros((len(t_s), 2))
    pitch = np.zeros(len(t_s))
    for i, (landing, place) in enumerate(zip(landings_s, places_m, strict=True)):
        on = (t_s >= landing) & (t_s < landing + stance_s)
        heel[on, 0], heel[on, 1], pitch[on] = stance(t_s[on] - landing, place)
        if i + 1 == len(landings_s):
            break
        off_s, land_s = landing + stance_s, landings_s[i + 1]
        swing = (t_s >= off_s) & (t_s < land_s)
        t = t_s[swing]
        part = eased((t - off_s) / (land_s - off_s))
        start, end = (
            stance(np.array(at), x) for at, x in ((stance_s, place), (0, places_m[i + 1]))
        )
        pitch[swing] = start[2] + part * (end[2] - start[2])
        heel[swing, 0] = start[0] + part * (end[0] - start[0])
        rises = (1 - LAST_AT) * SOLE_M * np.sin(start[2]) + 0.5 * (t - off_s)
        falls = 0.003 + FALL_M_S * (land_s - t)
        lowest = np.minimum(clear_m, np.minimum(rises, falls))
        heel[swing, 1] = lowest - np.minimum(0, SOLE_M * np.sin(pitch[swing]))
    return heel, heel + SOLE_M * np.column_stack([np.cos(pitch), np.sin(pitch)])


def put_foot(points_m, side, heel, tip):
    """Put a foot (heel and tip, (n, 2) in x and z) and its ankle under a body."""
    at = {name: INDEX[f"{side}_{name}"] for name in ("heel", "big_toe", "small_toe", "ankle")}
    along = (tip - heel) / SOLE_M
    up = np.column_stack([-along[:, 1], along[:, 0]])
    for name, where in (
        ("heel", heel),
        ("big_toe", tip),
        ("small_toe", heel + 0.21 * along),
        ("ankle", heel + 0.06 * along + 0.08 * up),
    ):
        points_m[:, at[name], 0], points_m[:, at[name], 2] = where.T
    hip, ankle = points_m[:, INDEX[f"{side}_hip"]], points_m[:, at["ankle"]]
    points_m[:, INDEX[f"{side}_knee"]] = hip + 0.5 * (ankle - hip) + [0.03, 0, 0]


def walking(duration_s=5.5, *, start_s=0.2, clear_m=0.05, rate_hz=RATE_HZ):
    """Return a walking person and the times of all contacts, ``{side: [(ic_s, to_s)]}``."""
    t_s, points = still(duration_s, rate_hz)
    step = 2 * np.pi * t_s / (STRIDE_S / 2)
    points = moved(points, x=SPEED_M_S * t_s, z=0.02 * np.cos(step))
    known = {}
    for side, late_s in zip(SIDES, (0.0, STRIDE_S / 2), strict=True):
        k = np.arange(-2, int(duration_s / STRIDE_S) + 3)
        landings = start_s + late_s + STRIDE_S * k
        heel, tip = rocking_foot(t_s, landings, SPEED_M_S * landings + 0.2, clear_m)
        put_foot(points, side, heel, tip)
        ends = landings + DUTY * STRIDE_S
        seen = (ends > 0) & (landings < t_s[-1])
        known[side] = list(zip(landings[seen], ends[seen], strict=True))
    return Motion(rate_hz, points, MASS_KG), known


def with_foot(duration_s, side, *, heel_z_m: FloatArray | float = 0.0, pitch_deg=0.0):
    """Return a standing person, one foot at a height and a pitch about its lowest end."""
    t_s, points = still(duration_s)
    pitch = np.full(len(t_s), np.radians(pitch_deg))
    low = heel_z_m + np.zeros(len(t_s)) - np.minimum(0, BALL * SOLE_M * np.sin(pitch))
    heel = np.column_stack([np.full(len(t_s), -0.06), low])
    put_foot(points, side, heel, heel + SOLE_M * np.column_stack([np.cos(pitch), np.sin(pitch)]))
    return Motion(RATE_HZ, points, MASS_KG)


def wrench_of(points_m, cutoff_hz=UNFILTERED_HZ):
    return wrench(Motion(RATE_HZ, points_m, MASS_KG), cutoff_hz=cutoff_hz)


# -- body --


def test_the_masses_of_all_segments_make_a_whole_body():
    assert sum(segment.mass for segment in SEGMENTS) == pytest.approx(1.0, abs=1e-9)


def test_the_centre_of_mass_of_a_standing_person_is_where_people_have_it():
    centre = centre_of_mass(standing_m()[None])[0]
    assert centre[1] == pytest.approx(0, abs=1e-12)  # left and right weigh the same
    assert abs(centre[0]) < 0.03
    top_m = 1.74  # of the person above
    assert 0.54 < centre[2] / top_m < 0.59  # 55 to 58 % of the height in the literature


def test_the_centre_of_mass_moves_with_the_mass_that_moves():
    one, two = standing_m(), standing_m()
    two[[INDEX["left_elbow"], INDEX["left_wrist"]], 2] += 0.3
    arm = {segment.name: segment for segment in SEGMENTS}
    upper = arm["left_upper_arm"].mass * arm["left_upper_arm"].centre
    expected = 0.3 * (upper + arm["left_forearm"].mass)
    found = centre_of_mass(np.stack([one, two]))
    np.testing.assert_allclose(found[1] - found[0], [0, 0, expected], atol=1e-12)


def test_a_motion_tells_its_times_and_the_middle_of_points():
    _, points = still(0.1)
    motion = Motion(RATE_HZ, points, MASS_KG)
    np.testing.assert_allclose(motion.t_s, np.arange(20) / RATE_HZ)
    np.testing.assert_allclose(motion.point_m("left_hip", "right_hip"), motion.point_m("pelvis"))


def test_the_stature_comes_from_trunk_and_legs_in_any_pose():
    _, points = still(0.5)
    straight = stature_m(points)
    assert straight == pytest.approx(1.75, abs=0.05)
    lying = turned(points, np.full(len(points), np.pi / 2), 1)
    assert stature_m(lying) == pytest.approx(straight)


# -- angular momentum --


def test_pure_translation_has_no_angular_momentum():
    t_s, points = still(2.0)
    flying = moved(points, x=1.3 * t_s + t_s**2, y=np.sin(5 * t_s), z=-4.9 * t_s**2)
    np.testing.assert_allclose(angular_momentum(flying, RATE_HZ), 0, atol=1e-9)


@pytest.mark.parametrize("sign", [1, -1])
def test_a_rod_like_body_that_turns_has_inertia_times_speed(sign):
    t_s, points = still(1.0)
    rod = points * np.array([0.0, 0.0, 1.0])  # all of it on one upright line
    # Each segment by hand: where it is on the line, and its own inertia about its middle.
    inertia, centre_z = 0.0, centre_of_mass(rod)[0, 2]
    for segment in SEGMENTS:
        start, end = (point(rod, names)[0, 2] for names in (segment.start, segment.end))
        away = start + segment.centre * (end - start) - centre_z
        inertia += segment.mass * (away**2 + (segment.radius * (end - start)) ** 2)
    speed_rad_s = sign * 0.7
    found = angular_momentum(turned(rod, speed_rad_s * t_s, 1), RATE_HZ)[1:-1]
    expected = np.array([0, inertia * speed_rad_s, 0])
    np.testing.assert_allclose(found, np.tile(expected, (len(found), 1)), atol=1e-4)
    assert inertia > 0.05  # m2: a person's about the middle, lying axis, is near 0.15


def test_angular_momentum_is_that_of_two_equal_masses_for_every_segment():
    # A thin segment turns as two halves of its mass, a radius of gyration before and behind its
    # centre: what an arm swing has must come out of these by r x v alone.
    t_s, points = still(1.0)
    swing = 0.4 * np.sin(2 * np.pi * t_s)
    for side, sign in (("left", 1), ("right", -1)):
        points[:, INDEX[f"{side}_wrist"], 0] += sign * swing
        points[:, INDEX[f"{side}_elbow"], 0] += sign * swing / 2
        points[:, INDEX[f"{side}_knee"], 0] -= sign * swing / 3
    body = centre_of_mass(points)
    expected = np.zeros((len(points), 3))
    for segment in SEGMENTS:
        start, end = point(points, segment.start), point(points, segment.end)
        for share in (segment.centre - segment.radius, segment.centre + segment.radius):
            arm = start + share * (end - start) - body
            velocity = np.gradient(arm, axis=0) * RATE_HZ
            expected += segment.mass / 2 * np.cross(arm, velocity)
    found = angular_momentum(points, RATE_HZ)
    assert np.abs(expected[:, 2]).max() > 0.01
    np.testing.assert_allclose(found, expected, atol=1e-12)


# -- inverse dynamics --


@pytest.mark.parametrize("cutoff_hz", [UNFILTERED_HZ, CUTOFF_HZ])
def test_a_body_at_rest_is_carried_with_its_weight_under_its_centre(cutoff_hz):
    _, points = still()
    found = wrench_of(points, cutoff_hz)
    expected = np.tile([0, 0, WEIGHT_N], (len(points), 1))
    np.testing.assert_allclose(found.force_n, expected, atol=1e-6)
    centre = centre_of_mass(points) * np.array([1.0, 1.0, 0.0])
    np.testing.assert_allclose(found.centre_m, centre, atol=1e-9)


def test_a_leaning_body_is_carried_under_its_centre():
    _, points = still()
    points[:, INDEX["left_wrist"], 0] += 0.5
    points[:, [INDEX["head"], INDEX["neck"]], 1] += 0.2
    found = wrench_of(points)
    np.testing.assert_allclose(found.centre_m[:, :2], centre_of_mass(points)[:, :2], atol=1e-9)
    assert found.centre_m[0, 1] > 0.01


@pytest.mark.parametrize(("cutoff_hz", "inner"), [(UNFILTERED_HZ, slice(None)), (8.0, INNER)])
def test_a_body_in_free_fall_needs_no_force(cutoff_hz, inner):
    t_s, points = still()
    found = wrench_of(moved(points, x=2.0 * t_s, z=-GRAVITY_M_S2 * t_s**2 / 2), cutoff_hz)
    np.testing.assert_allclose(found.force_n[inner], 0, atol=1e-3 * WEIGHT_N)
    assert np.isnan(found.centre_m[inner, :2]).all()


def test_a_bobbing_body_needs_its_mass_times_gravity_and_acceleration():
    t_s, points = still()
    w, a_m = 2 * np.pi * 1.5, 0.03
    found = wrench_of(moved(points, z=a_m * np.sin(w * t_s)), CUTOFF_HZ).force_n[INNER]
    expected = MASS_KG * (GRAVITY_M_S2 - a_m * w**2 * np.sin(w * t_s))[INNER]
    assert np.ptp(expected) > 0.4 * WEIGHT_N
    np.testing.assert_allclose(found[:, 2], expected, atol=0.005 * WEIGHT_N)
    np.testing.assert_allclose(found[:, :2], 0, atol=1e-6)


@pytest.mark.parametrize("axis", [0, 1])
def test_a_swaying_body_moves_the_centre_of_pressure_as_the_inverted_pendulum(axis):
    t_s, points = still()
    w, a_m = 2 * np.pi * 0.5, 0.03
    sway = a_m * np.sin(w * t_s)
    found = wrench_of(moved(points, **{"xy"[axis]: sway}), CUTOFF_HZ)
    middle = centre_of_mass(points)[0]
    expected = middle[axis] + sway + middle[2] / GRAVITY_M_S2 * w**2 * sway
    np.testing.assert_allclose(found.centre_m[INNER, axis], expected[INNER], atol=5e-4)
    np.testing.assert_allclose(found.centre_m[INNER, 1 - axis], middle[1 - axis], atol=1e-6)
    np.testing.assert_allclose(
        found.force_n[INNER, axis], (-MASS_KG * w**2 * sway)[INNER], atol=0.2
    )
    # It leads the body: that is what turns the body back.
    assert np.ptp(found.centre_m[INNER, axis]) > 1.5 * np.ptp(sway)


def test_a_heavier_moment_shortens_the_lever_of_a_sway():
    t_s, points = still()
    w = 2 * np.pi * 0.5
    sway, bob = 0.03 * np.sin(w * t_s), 0.02 * np.sin(2 * w * t_s)
    found = wrench_of(moved(points, x=sway, z=bob)).centre_m[INNER, 0]
    middle = centre_of_mass(points)[0]
    lift = GRAVITY_M_S2 - (2 * w) ** 2 * bob
    expected = middle[0] + sway + (middle[2] + bob) * w**2 * sway / lift
    np.testing.assert_allclose(found, expected[INNER], atol=2e-4)


@pytest.mark.parametrize(("axis", "sign"), [(1, -1), (0, 1)])
def test_turning_the_body_in_place_moves_the_centre_of_pressure_by_the_moment(axis, sign):
    t_s, points = still()
    w = 2 * np.pi * 0.5
    motion = turned(points, 0.05 * np.sin(w * t_s), axis)
    momentum = angular_momentum(motion, RATE_HZ)[:, axis]
    found = wrench_of(motion)
    np.testing.assert_allclose(found.force_n[INNER, 2], WEIGHT_N, rtol=1e-6)
    # Force F up at d from the centre turns the body by d x F; per kilogram F is gravity.
    moment = np.gradient(momentum) * RATE_HZ
    middle = centre_of_mass(points)[0]
    expected = middle[1 - axis] + sign * moment / GRAVITY_M_S2
    np.testing.assert_allclose(found.centre_m[INNER, 1 - axis], expected[INNER], atol=1e-6)
    assert np.ptp(found.centre_m[INNER, 1 - axis]) > 0.005


def test_force_is_in_proportion_to_the_mass_and_its_place_is_not():
    t_s, points = still()
    motion = moved(points, x=0.02 * np.sin(4 * t_s))
    light, heavy = (wrench(Motion(RATE_HZ, motion, m), cutoff_hz=8.0) for m in (50.0, 100.0))
    np.testing.assert_allclose(heavy.force_n, 2 * light.force_n)
    np.testing.assert_allclose(heavy.centre_m, light.centre_m)
