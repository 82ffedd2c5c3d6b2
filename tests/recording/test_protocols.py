"""Protocols and the code of the person."""

from __future__ import annotations

import pytest

from solekit.errors import DataError
from solekit.protocols import PROTOCOLS, person_code, protocol_named
from solekit.tasks import task_of


def test_the_protocols_of_the_manual_are_there_and_say_what_to_do():
    assert list(PROTOCOLS) == ["free", "walk-1min", "stand-30s", "chair-5", "tug"]
    for name, protocol in PROTOCOLS.items():
        assert protocol.name == name
        assert protocol.instruction
        assert protocol.ends
        assert protocol.usable
    assert PROTOCOLS["walk-1min"].duration_s == 60.0
    assert PROTOCOLS["stand-30s"].duration_s == 30.0


def test_every_task_among_them_is_one_that_the_analysis_knows():
    for name in ("chair-5", "tug"):
        assert len(task_of(name, {}, None, {})) > 0  # type: ignore[arg-type]


def test_a_protocol_of_ones_own_asks_for_nothing():
    own = protocol_named("ward-7-morning")
    assert (own.name, own.content, own.duration_s) == ("ward-7-morning", "", None)


@pytest.mark.parametrize("code", ["", "P017", "a", "x_1-Y", "9" * 32])
def test_a_code_is_taken_as_it_is(code):
    assert person_code(code) == code


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("Anna Berg", "looks like a name"),
        ("Anna\tBerg", "looks like a name"),
        ("anna@example.org", "e-mail"),
        ("9" * 33, "33 characters"),
        ("Jürgen", "other signs"),
        ("P017\n", "other signs"),
        ("../P017", "other signs"),
    ],
)
def test_what_may_tell_who_walked_is_refused_with_the_reason(text, why):
    with pytest.raises(DataError, match=why) as caught:
        person_code(text)
    assert "P017" in str(caught.value)
