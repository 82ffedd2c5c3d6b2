"""solecore computes in small integers: no float, and nothing reaches 2**30, on any interpreter."""

import ast
from array import array
from pathlib import Path
from types import SimpleNamespace

import pytest

import solecore
from solecore.codec import forms
from solecore.layouts import GRID_30X22, geometry
from solecore.wire import messages as m
from solefoot.app.profiles import profile
from solefoot.app.settings import Settings

CORE = Path(solecore.__file__).parent
FULL = 168_300  # 660 cells at 255
SOURCES = sorted(CORE.rglob("*.py"))


def floats_in(tree: ast.AST) -> list[int]:
    """Return the lines that make a float."""
    found = []
    for node in ast.walk(tree):
        is_constant = isinstance(node, ast.Constant) and isinstance(node.value, float | complex)
        is_division = isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Div)
        is_name = isinstance(node, ast.Name) and node.id in ("float", "complex", "round", "math")
        if is_constant or is_division or is_name:
            found.append(node.lineno)
    return sorted(found)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(CORE)))
def test_there_is_no_float_in_solecore(path):
    assert floats_in(ast.parse(path.read_text())) == []


def test_the_search_for_floats_finds_them():
    text = "a = 1.5\nb = a / 2\na /= 2\nc = float(a)\nd = a // 2\n"
    assert floats_in(ast.parse(text)) == [1, 2, 3, 4]


class Watch(ast.NodeTransformer):
    """Make every arithmetic result of a module pass through ``_seen``."""

    def visit_BinOp(self, node):
        self.generic_visit(node)
        if isinstance(node.left, ast.Constant) and isinstance(node.left.value, str):
            return node  # formatting
        call = ast.Call(ast.Name("_seen", ast.Load()), [node, ast.Constant(node.lineno)], [])
        return ast.copy_location(call, node)

    def visit_AugAssign(self, node):
        load = ast.parse(ast.unparse(node.target), mode="eval").body
        return ast.copy_location(ast.Assign([node.target], self.visit_BinOp(
            ast.copy_location(ast.BinOp(load, node.op, self.visit(node.value)), node)
        )), node)  # fmt: skip


class Extremes:
    """Largest and smallest intermediate, and where."""

    def __init__(self):
        self.largest = self.smallest = (0, "")

    def load(self, path: Path, **names) -> SimpleNamespace:
        """Return the module at ``path`` under watch; ``names`` replace what it imports."""

        def seen(value, line):
            if isinstance(value, int):
                where = (int(value), f"{path.name}:{line}")
                self.largest = max(self.largest, where)
                self.smallest = min(self.smallest, where)
            return value

        tree = ast.fix_missing_locations(Watch().visit(ast.parse(path.read_text())))
        scope = {"__name__": path.stem, "_seen": seen}
        exec(compile(tree, str(path), "exec"), scope)
        scope.update(names)
        return SimpleNamespace(**scope)


@pytest.fixture
def watched():
    """Return the modules of the sampling path under watch, and their ``extremes``."""
    extremes = Extremes()
    tk = extremes.load(CORE / "gait/ticks.py")
    contacts = extremes.load(CORE / "gait/contacts.py", _ticks=tk)
    stride = extremes.load(CORE / "gait/stride.py", _ticks=tk)
    encoder = extremes.load(CORE / "codec/encoder.py")
    plain = extremes.load(CORE / "_plain.py")
    sampler = extremes.load(
        CORE.parent / "solefoot/app/sampler.py",
        _ticks=tk,
        ContactDetector=contacts.ContactDetector,
        StrideAccumulator=stride.StrideAccumulator,
        FrameEncoder=encoder.FrameEncoder,
    )
    return SimpleNamespace(
        contacts=contacts, stride=stride, sampler=sampler, plain=plain, extremes=extremes
    )


def assert_small(extremes: Extremes, at_least: int) -> None:
    assert at_least <= extremes.largest[0] < 1 << 30, extremes.largest
    assert extremes.smallest[0] >= -(1 << 30), extremes.smallest


@pytest.mark.parametrize("full", [FULL, 255 * forms.MAX_CELLS])
def test_no_intermediate_of_a_long_gait_reaches_2_to_the_30(full, watched, parts_of):
    gait = parts_of("gait.py")
    detector = watched.contacts.ContactDetector(33_333, 0, 4)
    stride = watched.stride.StrideAccumulator()
    tally = gait.Tally()
    frames = gait.walk(33_333, 2000, 5, full, 1000)
    gait.run(detector, frames, tally.event, m.TICKS_MASK - 5_000_000, 0, stride, tally.stride)
    assert tally.counts[m.IC] == 2000
    assert tally.n_strides == 2000
    assert_small(watched.extremes, 10 * full << 8)  # the widest product was really there
    # A minute of standing at 100 Hz: the integral grows, the line of the CoP is thinned out.
    detector = watched.contacts.ContactDetector(10_000, full, 4)
    frames = [(full, full, full)] * 6000 + [(0, 0, 0)] * 50
    gait.run(detector, [(0, 0, 0)] * 50 + frames, tally.event, 0, 0, stride, tally.stride)
    assert stride.stance_us > 59_000_000
    assert stride.peak == full
    assert_small(watched.extremes, 10 * full << 8)


def test_no_intermediate_of_the_sampling_path_reaches_2_to_the_30(watched):
    settings = Settings(geometry(GRID_30X22, True), profile(GRID_30X22), 1, "S", 65535)
    clock = SimpleNamespace(us=(1 << 30) - 400_000)
    clock.ticks_us = lambda: clock.us & m.TICKS_MASK
    board = SimpleNamespace(read_imu_into=lambda words: 0)
    sampler = watched.sampler.Sampler(board, clock, settings, watched.plain)
    for form in (m.CODED8, m.RAW12, m.RAW8):
        sampler.set_form(form)
        for i in range(30):
            level = 4095 if 4 < i < 22 else 0
            board.scan_into = lambda raw, level=level: memoryview(raw).__setitem__(
                slice(None), array("H", [level] * 660)
            )
            clock.us += settings.period_us
            sampler.sample()
    assert sampler.seq[m.STRIDES] == 2
    assert sampler.detector.force_of[m.IC] == FULL
    assert_small(watched.extremes, 4095 * 4096)


@pytest.mark.mpy
@pytest.mark.parametrize("bits", [64, pytest.param(32, marks=pytest.mark.mpy32)])
@pytest.mark.parametrize("period_us", [33_333, 10_000])
def test_2000_strides_and_a_minute_of_standing_give_the_same_bits_everywhere(
    period_us, bits, run_here, run_mpy, script
):
    args = [period_us, 2000, 5]
    here = run_here("gait.py", args)
    assert run_mpy(script("gait.py"), bits=bits, heap="300k", args=args) == here
    n_contacts = int(here[1:].split(", ")[1])
    assert n_contacts > 1980  # peaks vary fortyfold: some of the faintest are lost
