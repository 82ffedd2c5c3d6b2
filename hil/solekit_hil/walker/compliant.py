"""A foot on a bed of springs: pressures that follow from force, centre of pressure and shape.

The tissue of the foot, the sock and the shoe are a Winkler foundation (springs beside each other
that do not know of each other; Johnson, Contact Mechanics, 1985, section 4.3). The foot is a rigid
surface of height h(x, y) with one hinge, the metatarsal line; it sinks in by

    d = a + b x + c y - h - r l,    p = k d sqrt(d) where d > 0,

where r is how far the heel is raised and l(x, y) how far that lifts the toes above the line of the
foot: toes flat on the ground mean a heel in the air. Per sample a, b and c are those at which the
cells carry the asked force about the asked centre of pressure: the minimum of a convex energy.

Additions, products, square roots and comparisons only, and sums along the cells of one sample:
the bits of a sample do not depend on which others it is computed with (see ``smooth.py``).
"""

from __future__ import annotations

import numpy as np
from scipy.spatial import ConvexHull, Delaunay, QhullError

from solekit.errors import DataError
from solekit.layouts import FOREFOOT_START, HEEL_END, BoolArray, FloatArray, Layout, Side
from solekit_hil.walker.foot_shape import CLEARANCE, FootShape, surface
from solekit_hil.walker.interface import Float32Array
from solekit_hil.walker.smooth import unit

_BLOCK = 32  # samples at once: what fits the caches of a processor
_PRELOAD_N = 80.0  # the shoe presses the foot on its sole: contact never shrinks to a point
_MARGIN = 0.04  # of the length of the sole: how near the edge a centre of pressure may come
_LATTICE_MM = 4.0, 11.0  # at the finest and at the coarsest
_SUB = 4  # a cell at the edge of the foot is cut into _SUB x _SUB parts

_STEPS = 8  # of Newton, from a start that is interpolated between solved states
_FIRST_STEPS = 25  # of Newton, for those states
_STEP_MM = 10.0  # a step changes no penetration by much more
_RIDGE_N_MM = 0.05  # keeps a step finite where hardly anything touches
_NODES = (13, 3, 4, 2)  # solved states: along, across, force, heel raise
_SQRT_NODE_N = 14.0  # square root of force from node to node
_TRIM = 0.5  # the last correction changes the force of a cell by at most this share


class CompliantSole:
    """One foot on one layout of cells."""

    def __init__(self, layout: Layout, side: Side, shape: FootShape) -> None:
        self.n_cells = layout.n_cells
        self._cells_mm = np.stack([layout.x_mm, layout.y_mm])
        if layout.rows:
            x_mm, y_mm, area_mm2 = layout.x_mm, layout.y_mm, layout.area_mm2
            pitch_mm = (layout.width_mm / layout.cols, layout.length_mm / layout.rows)
        else:
            x_mm, y_mm, area_mm2, pitch_mm = _lattice(layout)
        foot = _Foot(layout, side, shape)
        covered = foot.coverage(x_mm, y_mm, pitch_mm)
        under = np.flatnonzero(covered)
        self._bed = _Bed(foot, x_mm[under], y_mm[under], (area_mm2 * covered)[under])
        self._under = under if layout.rows else None
        self._shares = [] if layout.rows else _shares(layout, side, x_mm[under], y_mm[under])

    def press(
        self, force_n: FloatArray, cop_mm: FloatArray, heel_raise: FloatArray
    ) -> tuple[Float32Array, FloatArray]:
        """Return newtons per cell, (n, n_cells), and the centre of pressure of the cells, (n, 2).

        ``force_n`` (n,), ``cop_mm`` (n, 2) in the axes of the layout, ``heel_raise`` (n,) from 0
        (foot flat) to 1 (just before toe off), limited to that. Where the force is 0 the cells
        are 0 and the centre is NaN. A centre that the foot cannot reach is moved to one it can:
        first along the sole, to within 4 % of its length from the ends of the foot, then across,
        to within as much from the convex hull of the foot.
        """
        force, cop, heel_raise = _checked(force_n, cop_mm, heel_raise)
        cells = np.zeros((force.shape[0], self.n_cells), np.float32)
        centre = np.full((force.shape[0], 2), np.nan)
        loaded = np.flatnonzero(force > 0)
        for start in range(0, loaded.shape[0], _BLOCK):
            at = loaded[start : start + _BLOCK]
            newtons = self._spread(self._bed.press(force[at], cop[at], unit(heel_raise[at])))
            # Sharing rounds: the sum is restored before anybody sees it.
            newtons *= (force[at] / newtons.sum(axis=1))[:, None]
            cells[at] = newtons
            for axis in (0, 1):
                moment = (newtons * self._cells_mm[axis]).sum(axis=1)
                centre[at, axis] = moment / force[at]
        return cells, centre

    def _spread(self, points_n: FloatArray) -> FloatArray:
        """Return newtons per cell for newtons per point of the bed."""
        cells = np.zeros((points_n.shape[0], self.n_cells))
        if self._under is not None:
            cells[:, self._under] = points_n
        for cell, at, share in self._shares:
            cells[:, cell] = (np.take(points_n, at, axis=1) * share).sum(axis=1)
        return cells


class _Foot:
    """Where a foot stands in a sole: from millimetres to shares of the foot."""

    def __init__(self, layout: Layout, side: Side, shape: FootShape) -> None:
        self.side = side
        self.shape = shape
        self.sole_mm = (layout.width_mm, layout.length_mm)
        # A foot longer than its sole is squeezed in.
        self.scale = min(1.0, shape.length_mm / layout.length_mm)

    def surface(self, x_mm: FloatArray, y_mm: FloatArray):
        """Return the foot at ``x_mm``, ``y_mm`` of the layout."""
        across, along = x_mm / self.sole_mm[0] - 0.5, y_mm / self.sole_mm[1]
        u = 0.5 + (across if self.side == "left" else -across) / (self.shape.width * self.scale)
        v = (along - CLEARANCE) / ((1 - 2 * CLEARANCE) * self.scale)
        return surface(self.shape, u, v)

    def coverage(
        self, x_mm: FloatArray, y_mm: FloatArray, pitch_mm: tuple[float, float]
    ) -> FloatArray:
        """Return which share of each cell is under the foot, (n_cells,)."""
        parts = (np.arange(_SUB) + 0.5) / _SUB - 0.5
        total = np.zeros(x_mm.shape)
        for dx in parts * pitch_mm[0]:
            for dy in parts * pitch_mm[1]:
                total += self.surface(x_mm + dx, y_mm + dy).inside
        return total / _SUB**2


class _Bed:
    """Springs under a foot, and the states of the foot on them."""

    def __init__(
        self, foot: _Foot, x_mm: FloatArray, y_mm: FloatArray, area_mm2: FloatArray
    ) -> None:
        if not x_mm.shape[0]:
            raise DataError("no cell of this layout lies under the foot; see its lengths in mm")
        length_mm = foot.sole_mm[1]
        self._reach = _Reach(x_mm, y_mm, _MARGIN * length_mm)
        self._origin = (foot.sole_mm[0] / 2, length_mm / 2)
        self._x, self._y = x_mm - self._origin[0], y_mm - self._origin[1]
        under = foot.surface(x_mm, y_mm)
        self._height, self._lift = under.height_mm, under.lift_mm
        self._k = under.stiffness_kpa * area_mm2 * 1e-3
        x, y = self._x, self._y
        self._products = (x, y, x * x, x * y, y * y)
        self._span_mm = (foot.sole_mm[0] / 2, length_mm / 2)
        self._states = self._solved()

    def press(self, force_n: FloatArray, cop_mm: FloatArray, heel_raise: FloatArray) -> FloatArray:
        """Return newtons per spring, (n, n_springs), for forces above 0."""
        cop_mm, along, across = self._reach.nearest(cop_mm)
        cop = (cop_mm[:, 0] - self._origin[0], cop_mm[:, 1] - self._origin[1])
        contact = np.sqrt(force_n * force_n + _PRELOAD_N * _PRELOAD_N)
        state = self._start(along, across, contact, heel_raise)
        state = self._newton(state, contact, cop, heel_raise, _STEPS)
        return self._trimmed(self._springs(state, heel_raise)[0], cop, force_n)

    def _springs(
        self, state: list[FloatArray], heel_raise: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Return force in N and stiffness in N/mm of each spring, (n, n_springs) both."""
        a, b, c = state
        depth = b[:, None] * self._x
        depth += c[:, None] * self._y
        depth += a[:, None] - self._height
        depth -= heel_raise[:, None] * self._lift
        np.maximum(depth, 0.0, out=depth)
        slope = np.sqrt(depth)
        slope *= self._k
        depth *= slope
        slope *= 1.5
        return depth, slope

    def _newton(
        self,
        state: list[FloatArray],
        force_n: FloatArray,
        cop: tuple[FloatArray, FloatArray],
        heel_raise: FloatArray,
        steps: int,
    ) -> list[FloatArray]:
        """Return the state nearer to the balance of force and moments."""
        span_x, span_y = self._span_mm
        for _ in range(steps):
            force, slope = self._springs(state, heel_raise)
            f0 = force.sum(axis=1) - force_n
            fx = (force * self._x).sum(axis=1) - force_n * cop[0]
            fy = (force * self._y).sum(axis=1) - force_n * cop[1]
            s0 = slope.sum(axis=1) + _RIDGE_N_MM
            sx, sy, sxx, sxy, syy = [(slope * product).sum(axis=1) for product in self._products]
            sxx += _RIDGE_N_MM * span_x * span_x
            syy += _RIDGE_N_MM * span_y * span_y
            step = _solve3((s0, sx, sy), (sx, sxx, sxy), (sy, sxy, syy), (-f0, -fx, -fy))
            a, b, c = step
            size = np.maximum(np.abs(a), np.maximum(np.abs(b) * span_x, np.abs(c) * span_y))
            damp = _STEP_MM / np.maximum(size, _STEP_MM)
            state = [old + damp * new for old, new in zip(state, step, strict=True)]
        return state

    def _trimmed(
        self, springs_n: FloatArray, cop: tuple[FloatArray, FloatArray], force_n: FloatArray
    ) -> FloatArray:
        """Return the springs with what Newton left over taken away by a factor linear in x, y."""
        dx, dy = self._x - cop[0][:, None], self._y - cop[1][:, None]
        fx, fy = springs_n * dx, springs_n * dy
        mx, my = fx.sum(axis=1), fy.sum(axis=1)
        xx, xy, yy = (fx * dx).sum(axis=1), (fx * dy).sum(axis=1), (fy * dy).sum(axis=1)
        det = np.maximum(xx * yy - xy * xy, 1e-9)
        p = (my * xy - mx * yy) / det
        q = (mx * xy - my * xx) / det
        change = p[:, None] * dx + q[:, None] * dy
        most = np.where(springs_n > 0, np.abs(change), 0.0).max(axis=1)
        change *= (_TRIM / np.maximum(most, _TRIM))[:, None]
        springs_n = springs_n * (1 + change)
        return springs_n * (force_n / springs_n.sum(axis=1))[:, None]

    def _solved(self) -> FloatArray:
        """Return the states at the nodes, (3, product of _NODES)."""
        along, across, force, heel_raise = np.meshgrid(
            *(np.arange(count) / (count - 1) for count in _NODES), indexing="ij"
        )
        along, across, heel_raise = along.ravel(), across.ravel(), heel_raise.ravel()
        contact = np.square(force.ravel() * (_NODES[2] - 1) * _SQRT_NODE_N) + _PRELOAD_N
        cop_mm = self._reach.at(along, across)
        cop = (cop_mm[:, 0] - self._origin[0], cop_mm[:, 1] - self._origin[1])
        state = [np.full(along.shape, value) for value in (self._height.min() + 6.0, 0.0, 0.0)]
        return np.stack(self._newton(state, contact, cop, heel_raise, _FIRST_STEPS))

    def _start(
        self, along: FloatArray, across: FloatArray, contact: FloatArray, heel_raise: FloatArray
    ) -> list[FloatArray]:
        """Return states interpolated between the nodes, three of (n,)."""
        force = np.sqrt(np.maximum(contact - _PRELOAD_N, 0.0)) / _SQRT_NODE_N
        places = (along * (_NODES[0] - 1), across * (_NODES[1] - 1), force, heel_raise)
        index = np.zeros((along.shape[0], 1), np.intp)
        weight = np.ones((along.shape[0], 1))
        for place, count in zip(places, _NODES, strict=True):
            low = np.minimum(place.astype(np.intp), count - 2)
            part = unit(place - low)[:, None]
            index = index * count + low[:, None]
            index = np.concatenate([index, index + 1], axis=1)
            weight = np.concatenate([weight * (1 - part), weight * part], axis=1)
        return [(np.take(states, index) * weight).sum(axis=1) for states in self._states]


class _Reach:
    """Where a centre of pressure may lie: the convex hull of the springs, less a margin."""

    def __init__(self, x_mm: FloatArray, y_mm: FloatArray, margin_mm: float) -> None:
        low, high = y_mm.min(), y_mm.max()
        margin = min(margin_mm, (high - low) / 4)
        self._y0, self._span = low + margin, max(high - low - 2 * margin, 1e-3)
        grid = np.linspace(low + margin, high - margin, 129)
        left, right = _hull_edges(x_mm, y_mm, grid)
        margin = np.minimum(margin_mm, 0.35 * (right - left))
        self._left, self._right = left + margin, np.maximum(right - margin, left + margin + 1e-3)

    def nearest(self, cop_mm: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return the reachable centre, and where it lies in shares of the reach."""
        along = unit((cop_mm[:, 1] - self._y0) / self._span)
        left, right = self._edges(along)
        across = unit((cop_mm[:, 0] - left) / (right - left))
        x = np.minimum(np.maximum(cop_mm[:, 0], left), right)
        y = np.minimum(np.maximum(cop_mm[:, 1], self._y0), self._y0 + self._span)
        return np.stack([x, y], axis=1), along, across

    def at(self, along: FloatArray, across: FloatArray) -> FloatArray:
        """Return the centres at shares of the reach, (n, 2)."""
        left, right = self._edges(along)
        return np.stack([left + across * (right - left), self._y0 + along * self._span], axis=1)

    def _edges(self, along: FloatArray) -> tuple[FloatArray, FloatArray]:
        place = along * (self._left.shape[0] - 1)
        low = np.minimum(place.astype(np.intp), self._left.shape[0] - 2)
        part = place - low
        left = self._left[low] * (1 - part) + self._left[low + 1] * part
        return left, self._right[low] * (1 - part) + self._right[low + 1] * part


def _hull_edges(
    x_mm: FloatArray, y_mm: FloatArray, at_y_mm: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return the least and greatest x of the convex hull of the points at each ``at_y_mm``."""
    try:
        corners = ConvexHull(np.stack([x_mm, y_mm], axis=1)).vertices
    except (QhullError, ValueError):
        return np.full(at_y_mm.shape, x_mm.mean()), np.full(at_y_mm.shape, x_mm.mean())
    left, right = np.full(at_y_mm.shape, np.inf), np.full(at_y_mm.shape, -np.inf)
    for one, two in zip(corners, np.roll(corners, -1), strict=True):
        rise = y_mm[two] - y_mm[one]
        if rise == 0:
            continue
        part = (at_y_mm - y_mm[one]) / rise
        x = np.where((part >= 0) & (part <= 1), x_mm[one] + part * (x_mm[two] - x_mm[one]), np.nan)
        left, right = np.fmin(left, x), np.fmax(right, x)
    return left, right


def _lattice(layout: Layout) -> tuple[FloatArray, FloatArray, FloatArray, tuple[float, float]]:
    """Return x, y, area of the points of a lattice all over the sole, and its pitch in mm."""
    # No coarser than the cells, or a point would press on few of them as hard as on many.
    apart_mm = np.sqrt(layout.width_mm * layout.length_mm / layout.n_cells)
    pitch_mm = np.clip(0.8 * apart_mm, *_LATTICE_MM)
    cols = max(2, round(layout.width_mm / pitch_mm))
    rows = max(2, round(layout.length_mm / pitch_mm))
    pitch_x, pitch_y = layout.width_mm / cols, layout.length_mm / rows
    row, col = np.divmod(np.arange(rows * cols), cols)
    area = np.full(rows * cols, pitch_x * pitch_y)
    return (col + 0.5) * pitch_x, (row + 0.5) * pitch_y, area, (pitch_x, pitch_y)


def _shares(
    layout: Layout, side: Side, x_mm: FloatArray, y_mm: FloatArray
) -> list[tuple[int, np.ndarray, FloatArray]]:
    """Return for each cell the points that load it, and which share of them it takes.

    The adjoint of linear interpolation between the cells: inside their hull it keeps force and
    moments. A point outside loads the nearest place of the hull; where cells span no area, each
    point loads the nearest cell. No point of the front half of the foot loads a cell of the heel,
    none of the rear half one of the forefoot, so that those regions unload as the foot does.
    """
    points, cells = np.stack([x_mm, y_mm], axis=1), np.stack([layout.x_mm, layout.y_mm], axis=1)
    if side == "right":
        # Cells on a circle have many triangulations: both feet get the same.
        points[:, 0], cells[:, 0] = layout.width_mm - points[:, 0], layout.width_mm - cells[:, 0]
    points, cells = points.round(6), cells.round(6)
    table = _interpolation(points, cells)
    table = np.maximum(table, 0) * ~_apart(layout, y_mm)
    alone = table.sum(axis=1) < 1e-9
    distance = np.square(points[:, None] - cells).sum(axis=2)
    table[alone, distance[alone].argmin(axis=1)] = 1
    table /= table.sum(axis=1)[:, None]
    found = ((cell, np.flatnonzero(column)) for cell, column in enumerate(table.T))
    return [(cell, at, table[at, cell]) for cell, at in found if at.size]


def _interpolation(points: FloatArray, cells: FloatArray) -> FloatArray:
    """Return the weights of the cells at each point, (n_points, n_cells); 0 without a mesh."""
    table = np.zeros((points.shape[0], cells.shape[0]))
    try:
        mesh = Delaunay(cells)
    except (QhullError, ValueError):
        return table
    for i, at in enumerate(mesh.find_simplex(points)):
        if at < 0:
            one, two, part = _on_hull(points[i], cells, mesh.convex_hull)
            table[i, one], table[i, two] = 1 - part, part
        else:
            corner = mesh.transform[at]
            part = corner[:2] @ (points[i] - corner[2])
            table[i, mesh.simplices[at]] = (*part, 1 - part.sum())
    return table


def _apart(layout: Layout, y_mm: FloatArray) -> BoolArray:
    """Return which cells lie in a region that a point must not load, (n_points, n_cells)."""
    front = (y_mm > (HEEL_END + FOREFOOT_START) / 2 * layout.length_mm)[:, None]
    return (front & layout.heel) | (~front & layout.forefoot)


def _on_hull(point: FloatArray, cells: FloatArray, edges: np.ndarray) -> tuple[int, int, float]:
    """Return the edge nearest to ``point`` and how far along it the nearest place lies."""
    start, along = cells[edges[:, 0]], cells[edges[:, 1]] - cells[edges[:, 0]]
    part = unit(((point - start) * along).sum(axis=1) / np.square(along).sum(axis=1))
    best = np.square(start + part[:, None] * along - point).sum(axis=1).argmin()
    return int(edges[best, 0]), int(edges[best, 1]), float(part[best])


_Row = tuple[FloatArray, FloatArray, FloatArray]


def _solve3(one: _Row, two: _Row, three: _Row, right: _Row) -> list[FloatArray]:
    """Return the solutions of 3 x 3 systems by cofactors, rows and unknowns each (n,)."""
    (a, b, c), (d, e, f), (g, h, i) = one, two, three
    ei, fg, dh = e * i - f * h, f * g - d * i, d * h - e * g
    det = a * ei + b * fg + c * dh
    r, s, t = right
    return [
        (r * ei + s * (c * h - b * i) + t * (b * f - c * e)) / det,
        (r * fg + s * (a * i - c * g) + t * (c * d - a * f)) / det,
        (r * dh + s * (b * g - a * h) + t * (a * e - b * d)) / det,
    ]


def _checked(
    force_n: FloatArray, cop_mm: FloatArray, heel_raise: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    force, cop = np.asarray(force_n, float), np.asarray(cop_mm, float)
    heel_raise = np.asarray(heel_raise, float)
    n = force.shape[0] if force.ndim == 1 else -1
    if cop.shape != (n, 2) or heel_raise.shape != (n,):
        raise DataError(
            f"press: shapes are {force.shape}, {cop.shape} and {heel_raise.shape}; give "
            "force (n,), centre of pressure (n, 2) and heel raise (n,)"
        )
    if not (force >= 0).all() or not np.isfinite(force).all():
        bad = force[~((force >= 0) & np.isfinite(force))][0]
        raise DataError(f"press: a force is {bad} N; give forces of 0 or more")
    loaded = force > 0
    if not (np.isfinite(cop[loaded]).all() and np.isfinite(heel_raise[loaded]).all()):
        raise DataError("press: a loaded foot needs numbers for centre of pressure and heel raise")
    return force, cop, heel_raise
