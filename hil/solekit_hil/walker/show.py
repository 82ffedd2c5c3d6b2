"""A moving picture of a virtual person: body, soles and forces, as a GIF.

Colours are those of Okabe and Ito (2008), which colour-blind people tell apart; the feet also
differ by the style of the line.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from solekit.errors import DataError, MissingExtraError
from solekit.layouts import SIDES, FloatArray, Layout, Side
from solekit_hil.walker.body import INDEX
from solekit_hil.walker.interface import Body, Walker

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_LIMBS = (
    ("neck", "shoulder"),
    ("shoulder", "elbow"),
    ("elbow", "wrist"),
    ("pelvis", "hip"),
    ("hip", "knee"),
    ("knee", "ankle"),
    ("ankle", "heel"),
    ("ankle", "big_toe"),
    ("heel", "big_toe"),
    ("heel", "small_toe"),
    ("big_toe", "small_toe"),
)
_MIDDLE = ("neck", "pelvis")


def _named(side: Side, name: str) -> str:
    return name if name in _MIDDLE else f"{side}_{name}"


SPINE = (("head", "neck"), ("neck", "pelvis"))
BONES: dict[Side, tuple[tuple[str, str], ...]] = {
    side: tuple((_named(side, a), _named(side, b)) for a, b in _LIMBS) for side in SIDES
}

COLOURS: dict[Side, str] = {"left": "#0072B2", "right": "#D55E00"}
_STYLES: dict[Side, Any] = {"left": "-", "right": (0, (4, 1.2))}
_GREY = "#555555"
_EMPTY = "#eeeeee"
_SIZE_PX = (900, 450)
_DPI = 100
_WINDOW_S = 2.0
_M_PER_BODY_WEIGHT = 0.7  # length of a force arrow
_AZIMUTH_RAD = np.deg2rad(25.0)  # of the camera, from the right side towards the front
_ELEVATION_RAD = np.deg2rad(12.0)
_HALF_WIDTH_M = 1.0
_FLOOR_M = 0.5  # between the lines on the floor
_LEAST_KPA = 2.0  # less is drawn as an empty cell
_SCALE = "viridis_r"
_N_SCALE = 64  # colours of the scale in the file
_N_COLOURS = 64  # all others
_MOST_FRAMES = 1000


def project(points_m: FloatArray) -> FloatArray:
    """Return where points (..., 3) lie in the picture, (..., 2): to the right and up, in metres.

    A parallel projection: the camera is to the right and ahead, looking down a little.
    """
    x, y, z = np.moveaxis(np.asarray(points_m, dtype=float), -1, 0)
    right = x * np.cos(_AZIMUTH_RAD) + y * np.sin(_AZIMUTH_RAD)
    away = y * np.cos(_AZIMUTH_RAD) - x * np.sin(_AZIMUTH_RAD)
    up = z * np.cos(_ELEVATION_RAD) + away * np.sin(_ELEVATION_RAD)
    return np.stack([right, up], axis=-1)


@dataclass(frozen=True, eq=False)
class Scene:
    """All that is drawn, at n times ``t_s``; ``kpa[side]`` has shape (n, n_cells)."""

    t_s: FloatArray
    body: Body
    kpa: dict[Side, FloatArray]
    cop_mm: dict[Side, FloatArray]
    layouts: dict[Side, Layout]
    body_weight_n: float
    title: str

    @property
    def top_kpa(self) -> float:
        """The end of the colour scale: nearly the highest pressure, in steps of 50 kPa."""
        loaded = np.concatenate([kpa[kpa > _LEAST_KPA] for kpa in self.kpa.values()])
        highest = float(np.percentile(loaded, 99.5)) if loaded.size else 0.0
        return max(50.0, 50.0 * np.ceil(highest / 50.0))


def scene(walker: Walker, *, seconds: float, rate_hz: float, title: str) -> Scene:
    """Return what is to be drawn of the first ``seconds`` of a walker."""
    if not (seconds > 0 and 0 < rate_hz <= 50):
        raise DataError(
            f"{seconds:g} s at {rate_hz:g} pictures a second cannot be drawn; "
            "use more than 0 s and at most 50 a second"
        )
    if set(walker.layouts) != set(SIDES):
        raise DataError("only one foot has a layout; give both feet one to draw the person")
    n_frames = round(min(seconds, walker.duration_s) * rate_hz)
    if not 0 < n_frames <= _MOST_FRAMES:
        raise DataError(f"{n_frames} pictures; choose seconds and rate for 1 to {_MOST_FRAMES}")
    t_s = np.arange(n_frames) / rate_hz
    cells, _, truth = walker.sample(t_s)
    return Scene(
        t_s=t_s,
        body=walker.body(t_s),
        kpa={side: 1000.0 * cells[side] / walker.layouts[side].area_mm2 for side in SIDES},
        cop_mm={side: truth.cop_mm[side] for side in SIDES},
        layouts=walker.layouts,
        body_weight_n=walker.body_weight_n,
        title=title,
    )


class Picture:
    """A figure of a scene."""

    def __init__(self, scene: Scene) -> None:
        figure = _figure()
        self.figure = figure
        self.scene = scene
        figure.suptitle(scene.title, fontsize=11, y=0.98)
        self._person = _Person(figure.add_axes((0.01, 0.02, 0.43, 0.9)), scene)
        self._soles = _Soles(figure, scene)
        self._forces = _Forces(figure.add_axes((0.535, 0.115, 0.445, 0.25)), scene)

    def draw(self, i: int) -> np.ndarray:
        """Return the pixels of sample ``i``, (height, width, 3) u8."""
        for part in (self._person, self._soles, self._forces):
            part.draw(i)
        canvas: Any = self.figure.canvas
        canvas.draw()
        return np.asarray(canvas.buffer_rgba())[:, :, :3].copy()


def _figure() -> Figure:
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtraError("drawing the virtual person", "report") from error
    width, height = _SIZE_PX
    figure = Figure(figsize=(width / _DPI, height / _DPI), dpi=_DPI, facecolor="white")
    FigureCanvasAgg(figure)  # never needs a display
    return figure


class _Person:
    """The stick person and the forces on the feet; the camera follows the pelvis."""

    def __init__(self, axes: Axes, scene: Scene) -> None:
        self._scene = scene
        points_m = scene.body.keypoints_m
        centre = points_m[:, INDEX["pelvis"]] * [1.0, 1.0, 0.0]
        self._centre = centre
        self._points = project(points_m - centre[:, None])
        top = float(points_m[:, INDEX["head"], 2].max()) + 0.22
        axes.set(xlim=(-_HALF_WIDTH_M, _HALF_WIDTH_M), ylim=(-0.3, top), aspect="equal")
        axes.set_axis_off()
        (self._floor,) = axes.plot([], [], color="#cccccc", lw=0.8, zorder=0)
        self._bones: dict[Side, Any] = {}
        self._arrows: dict[Side, Any] = {}
        depth = {"left": 1, "right": 4}  # the camera sees the right side first
        for side in SIDES:
            style = {"color": COLOURS[side], "zorder": depth[side]}
            (self._bones[side],) = axes.plot(
                [], [], lw=3, ls=_STYLES[side], marker="o", ms=3.5, label=side, **style
            )
            self._arrows[side] = axes.annotate(
                "",
                (0, 0),
                (0, 0),
                arrowprops={"arrowstyle": "-|>", "lw": 2, "color": "#000000", "shrinkA": 0}
                | {"shrinkB": 0},
                zorder=6,
            )
        (self._spine,) = axes.plot([], [], color=_GREY, lw=3.5, zorder=3)
        (self._head,) = axes.plot([], [], "o", ms=15, mfc="white", mec=_GREY, mew=2.5, zorder=3.5)
        scale_m = _M_PER_BODY_WEIGHT * np.cos(_ELEVATION_RAD)
        x, y = -0.93, 0.35
        axes.annotate("", (x, y + scale_m), (x, y), arrowprops={"arrowstyle": "-|>", "lw": 1.5})
        axes.text(x + 0.05, y + scale_m / 2, "body\nweight", fontsize=8, va="center")
        axes.legend(loc="upper left", fontsize=9, frameon=False, handlelength=3)
        self._time = axes.text(0.99, 0.96, "", fontsize=9, ha="right", transform=axes.transAxes)

    def draw(self, i: int) -> None:
        points = self._points[i]
        for side in SIDES:
            self._bones[side].set_data(*_broken_line(points, BONES[side]))
            self._arrow(side, i)
        self._spine.set_data(*_broken_line(points, SPINE))
        self._head.set_data(*points[INDEX["head"]][:, None])
        self._floor.set_data(*_floor_lines(self._centre[i]))
        self._time.set_text(f"{self._scene.t_s[i]:.2f} s")

    def _arrow(self, side: Side, i: int) -> None:
        body, arrow = self._scene.body, self._arrows[side]
        force_bw = body.force_n[side][i] / self._scene.body_weight_n
        is_loaded = bool(np.isfinite(body.cop_m[side][i]).all() and force_bw[2] > 0.02)
        arrow.set_visible(is_loaded)
        if is_loaded:
            foot_m = body.cop_m[side][i] - self._centre[i]
            arrow.set_position(project(foot_m))
            arrow.xy = project(foot_m + _M_PER_BODY_WEIGHT * force_bw)


class _Soles:
    """Both pressure maps with one scale and the centres of pressure."""

    def __init__(self, figure: Figure, scene: Scene) -> None:
        self._scene = scene
        self._maps: dict[Side, Any] = {}
        self._cops: dict[Side, Any] = {}
        lefts: dict[Side, float] = {"left": 0.54, "right": 0.71}
        for side in SIDES:
            axes = figure.add_axes((lefts[side], 0.46, 0.16, 0.4))
            layout = scene.layouts[side]
            axes.set(xlim=(0, layout.width_mm), ylim=(0, layout.length_mm), aspect="equal")
            axes.set(xticks=[], yticks=[])
            axes.set_title(side, fontsize=9, color=COLOURS[side], pad=3)
            if side == "left":
                axes.text(-8, 0, "heel", fontsize=8, rotation=90, ha="right", va="bottom")
                axes.text(
                    *(-8, layout.length_mm, "toes"), fontsize=8, rotation=90, ha="right", va="top"
                )
            self._maps[side] = _draw_map(axes, layout, scene.top_kpa)
            (self._cops[side],) = axes.plot(
                [], [], "o", ms=6, mfc="white", mec="black", mew=1.2, zorder=5
            )
        bar = figure.colorbar(
            self._maps["left"], cax=figure.add_axes((0.9, 0.46, 0.015, 0.4)), extend="max"
        )
        bar.set_label("pressure (kPa)", fontsize=8)
        bar.ax.tick_params(labelsize=8)

    def draw(self, i: int) -> None:
        for side in SIDES:
            kpa = _arranged(self._scene.layouts[side], self._scene.kpa[side][i])
            self._maps[side].set_array(np.ma.masked_less(kpa, _LEAST_KPA))
            self._cops[side].set_data(*self._scene.cop_mm[side][i][:, None])


class _Forces:
    """The vertical forces of the last two seconds."""

    def __init__(self, axes: Axes, scene: Scene) -> None:
        self._axes = axes
        self._scene = scene
        self._force_n = {side: scene.body.force_n[side][:, 2] for side in SIDES}
        top = max(1.2 * scene.body_weight_n, *(f.max() * 1.08 for f in self._force_n.values()))
        axes.set_ylim(0, top)
        axes.set_xlabel("time (s)", fontsize=8, labelpad=1)
        axes.set_ylabel("vertical\nforce (N)", fontsize=8)
        axes.tick_params(labelsize=8)
        axes.spines[["top", "right"]].set_visible(False)
        axes.axhline(scene.body_weight_n, color=_GREY, lw=0.8, ls=":")
        axes.text(
            *(0.995, scene.body_weight_n, "body weight"),
            fontsize=7,
            color=_GREY,
            ha="right",
            va="bottom",
            transform=axes.get_yaxis_transform(),
        )
        self._lines = {
            side: axes.plot([], [], color=COLOURS[side], ls=_STYLES[side], lw=1.6)[0]
            for side in SIDES
        }
        self._cursor = axes.axvline(0.0, color="black", lw=1)

    def draw(self, i: int) -> None:
        t_s = self._scene.t_s
        start_s = max(t_s[0], t_s[i] - _WINDOW_S)
        past = slice(int(np.searchsorted(t_s, start_s)), i + 1)
        for side in SIDES:
            self._lines[side].set_data(t_s[past], self._force_n[side][past])
        self._cursor.set_xdata([t_s[i], t_s[i]])
        self._axes.set_xlim(start_s, start_s + _WINDOW_S)


def _draw_map(axes: Axes, layout: Layout, top_kpa: float) -> Any:
    from matplotlib import colormaps

    colours = colormaps[_SCALE].with_extremes(bad=_EMPTY)
    scale = {"cmap": colours, "vmin": 0.0, "vmax": top_kpa}
    if layout.rows:
        extent = (0.0, layout.width_mm, 0.0, layout.length_mm)
        empty = np.zeros((layout.rows, layout.cols))
        return axes.imshow(empty, origin="lower", extent=extent, interpolation="nearest", **scale)
    points_per_mm = 72.0 / _DPI * axes.bbox.height / layout.length_mm
    return axes.scatter(
        layout.x_mm,
        layout.y_mm,
        s=0.5 * layout.area_mm2 * points_per_mm**2,
        c=np.zeros(layout.n_cells),
        edgecolors="#999999",
        linewidths=0.6,
        plotnonfinite=True,
        **scale,
    )


def _arranged(layout: Layout, values: FloatArray) -> FloatArray:
    """Return the values of a sole as its map wants them: heel first, from left to right."""
    if not layout.rows:
        return values
    shape = (layout.rows, layout.cols)
    x, y, image = (array.reshape(shape) for array in (layout.x_mm, layout.y_mm, values))
    across = -1 if x[0, 0] > x[0, -1] else 1
    along = -1 if y[0, 0] > y[-1, 0] else 1
    return image[::along, ::across]


def _broken_line(points: FloatArray, pairs: tuple[tuple[str, str], ...]) -> FloatArray:
    """Return x and y, each (3 * n,), of n lines as one with gaps."""
    out = np.full((len(pairs), 3, 2), np.nan)
    for i, (start, end) in enumerate(pairs):
        out[i, 0], out[i, 1] = points[INDEX[start]], points[INDEX[end]]
    return out.reshape(-1, 2).T


def _floor_lines(centre_m: FloatArray) -> FloatArray:
    """Return lines across and along the path that stay on the floor while the camera moves."""
    reach = 1.5
    first = np.ceil((centre_m[:2] - reach) / _FLOOR_M) * _FLOOR_M - centre_m[:2]
    n = int(2 * reach / _FLOOR_M)
    lines = np.full((2, n, 3, 3), np.nan)
    for axis in (0, 1):
        at = first[axis] + _FLOOR_M * np.arange(n)
        lines[axis, :, :2, axis] = at[:, None]
        lines[axis, :, :2, 1 - axis] = (-reach, reach)
        lines[axis, :, :2, 2] = 0.0
    return project(lines).reshape(-1, 2).T


def _palette(pixels: np.ndarray) -> Any:
    """Return white, the colours of the scale and the commonest of some pixels, as an image."""
    from matplotlib import colormaps
    from PIL import Image

    scale = colormaps[_SCALE](np.linspace(0, 1, _N_SCALE))[:, :3]
    common = Image.fromarray(pixels).quantize(_N_COLOURS).getpalette() or []
    colours = [255, 255, 255, *np.round(255 * scale).astype(int).ravel().tolist(), *common]
    image = Image.new("P", (1, 1))
    image.putpalette(colours)
    return image


def save(scene: Scene, path: Path, *, rate_hz: float) -> Path:
    """Write a scene as a GIF that repeats; return its path."""
    if path.suffix.lower() != ".gif":
        raise DataError(f"{path} is no GIF; let the name end in .gif")
    if not path.parent.is_dir():
        raise DataError(f"there is no folder {path.parent}; make it first")
    picture = Picture(scene)
    from PIL import Image  # comes with matplotlib

    n_frames = len(scene.t_s)
    some = [picture.draw(i) for i in np.linspace(0, n_frames - 1, 4).astype(int)]
    # One palette for all, without dithering: what does not change then costs nothing.
    palette = _palette(np.concatenate(some))
    small = [
        Image.fromarray(picture.draw(i)).quantize(palette=palette, dither=Image.Dither.NONE)
        for i in range(n_frames)
    ]
    # GIF counts in hundredths of a second.
    ends = np.round(100.0 * np.arange(1, len(small) + 1) / rate_hz)
    durations = (10 * np.diff(ends, prepend=0.0)).astype(int).tolist()
    small[0].save(
        path, save_all=True, append_images=small[1:], duration=durations, loop=0, disposal=1
    )
    return path
