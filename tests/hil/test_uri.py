from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import solekit
from solekit.errors import TransportSpecError
from solekit_hil.uri import VirtualSpec, parse
from solekit_hil.walker import MOTIONS


def test_nothing_but_the_scheme_is_a_walk_on_the_grid():
    assert parse("sim", "") == parse("sim", "walk")
    spec = parse("sim", "")
    assert (spec.motion, spec.layout, spec.sides) == ("walk", "grid-30x22", ("left", "right"))
    assert spec.seed == 1
    assert spec.path is None


@pytest.mark.parametrize("motion", MOTIONS)
def test_every_motion_of_the_walker_can_be_named(motion):
    assert parse("mpy", motion).motion == motion


def test_every_argument_arrives_with_its_type():
    spec = parse(
        "sim",
        "limp?seed=7&side=right&layout=cells-4&rate_hz=25.5&form=raw8&noise=1.5&dead_band=4"
        "&body_weight=0&ppm=-20&heap_kb=200&bits=64&pty=1&loss=0.1&duplicate=0.2&reorder=0.3"
        "&corrupt=0.4&cut=3-4.5&latency_ms=5&jitter_ms=6",
    )
    assert (spec.seed, spec.sides, spec.layout, spec.form) == (7, ("right",), "cells-4", "raw8")
    assert (spec.rate_hz, spec.noise, spec.dead_band, spec.ppm) == (25.5, 1.5, 4, -20.0)
    assert (spec.body_weight, spec.pty, spec.heap_kb, spec.bits) == (False, True, 200, 64)
    faults = spec.faults
    assert (faults.loss, faults.duplicate, faults.reorder, faults.corrupt) == (0.1, 0.2, 0.3, 0.4)
    assert (faults.cut, faults.latency_ms, faults.jitter_ms) == ((3.0, 4.5), 5.0, 6.0)


def test_a_cut_without_an_end_is_for_good():
    assert parse("sim", "walk?cut=5").faults.cut == (5.0, math.inf)


def test_a_file_is_played_without_noise(tmp_path):
    path = tmp_path / "walk?.txt"
    path.touch()
    with pytest.raises(TransportSpecError):
        parse("sim", f"file:{path}")  # what follows the question mark is an argument
    path = tmp_path / "walk.txt"
    path.touch()
    spec = parse("sim", f"file:{path}?layout=cells-16&noise=1")
    assert (spec.path, spec.layout, spec.noise, spec.motion) == (path, "cells-16", 1.0, "")
    assert parse("sim", f"file:{path}").noise == 0.0


@pytest.mark.parametrize(
    ("rest", "says"),
    [
        ("fly", "walk, slow"),
        ("walk?speed=2", "known are side, layout"),
        ("walk?seed=", "whole number"),
        ("walk?seed=1.5", "whole number"),
        ("walk?seed=-1", "from 0"),
        ("walk?seed=99999999999", "4294967295"),
        ("walk?side=both", "left or right"),
        ("walk?layout=cells-5", "cells-16"),
        ("walk?form=raw16", "raw12"),
        ("walk?loss=2", "from 0 to 1"),
        ("walk?loss=-0.1", "from 0 to 1"),
        ("walk?loss=nan", "from 0 to 1"),
        ("walk?loss=some", "from 0 to 1"),
        ("walk?rate_hz=0", "from 1 to 1000"),
        ("walk?rate_hz=inf", "from 1 to 1000"),
        ("walk?latency_ms=-1", "from 0"),
        ("walk?jitter_ms=inf", "from 0"),
        ("walk?noise=1000", "from 0 to 20"),
        ("walk?dead_band=256", "from 0 to 255"),
        ("walk?bits=16", "32 or 64"),
        ("walk?pty=yes", "0 or 1"),
        ("walk?cut=soon", "START-END"),
        ("walk?cut=5-3", "START-END"),
        ("walk?cut=-5", "START-END"),
        ("walk?cut=inf", "START-END"),
        ("file:/does/not/exist", "no file"),
        ("file:", "no file"),
        ("file:/", "no file"),
    ],
)
def test_what_is_wrong_is_said_with_what_is_right(rest, says):
    with pytest.raises(TransportSpecError, match=says):
        parse("sim", rest)


KEYS = st.sampled_from(["seed", "loss", "cut", "noise", "bits", "side"])


def understood(rest: str) -> tuple[VirtualSpec | None, str]:
    """Return the spec, or why there is none."""
    try:
        return parse("sim", rest), ""
    except TransportSpecError as error:
        return None, str(error)


@given(st.text(max_size=40))
@settings(max_examples=300)
def test_any_text_is_understood_or_refused(text):
    spec, refusal = understood(text)
    assert refusal.startswith("sim:") if spec is None else isinstance(spec, VirtualSpec)


@given(st.lists(st.tuples(KEYS, st.text())))
@settings(max_examples=200)
def test_any_value_is_understood_or_refused(pairs):
    query = "&".join(f"{key}={value}" for key, value in pairs)
    spec, refusal = understood(f"walk?{query}")
    assert spec is not None or refusal.startswith("sim:")


@pytest.mark.parametrize("uri", ["sim:fly", "mpy:fly", "sim:walk?x=1"])
def test_a_bad_uri_is_refused_before_anything_starts(uri):
    with pytest.raises(TransportSpecError):
        solekit.connect_pair(uri)
