"""The kernels: plain, numpy and viper give the same bytes, and a broken one is found at boot."""

import types

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solecore import _plain, kernels
from solecore.codec.decoder import decode_coded8
from solecore.codec.forms import DELTA_FRAME, KEY_FRAME
from solekit import numpy_kernels

KERNEL_NAMES = ("calibrate", "sums", "code8", "pack12", "copy8", "copy16", "cobs")
N_CASES = "cases 180 "


def variant(**changed):
    """Return a module like _plain with some kernels replaced."""
    module = types.ModuleType("broken")
    vars(module).update(vars(_plain) | changed)
    return module


def test_numpy_equals_plain_on_random_and_extreme_input(run_here):
    for seed in range(3):
        assert run_here("kernels.py", ["numpy", seed, 4]).startswith(N_CASES)


@pytest.mark.mpy
@pytest.mark.parametrize("bits", [64, pytest.param(32, marks=pytest.mark.mpy32)])
def test_viper_equals_plain_and_both_equal_the_host(bits, run_here, run_mpy, script):
    args = [7, 4]
    there = run_mpy(script("kernels.py"), bits=bits, heap="4m", args=["_viper", *args])
    assert there.startswith(N_CASES), there
    assert there == run_here("kernels.py", ["numpy", *args])


@given(cells=st.binary(min_size=1, max_size=300), seed=st.integers(0, 2**32), delta=st.booleans())
def test_a_code_is_no_longer_than_the_cells_and_gives_them_back(cells, seed, delta):
    n = len(cells)
    before = bytes(
        (c + (seed >> i % 29)) & 255 if (seed >> i % 31) & 1 else c for i, c in enumerate(cells)
    )
    codes = []
    for k in (_plain, numpy_kernels):
        out = bytearray(n + 4 + 5)
        end = k.code8(cells, before, out, n | 5 << k.AT_SHIFT | (k.MAY_DELTA if delta else 0))
        is_delta = bool(end & k.IS_DELTA)
        end &= ~k.IS_DELTA
        codes.append((is_delta, bytes(out[5:end])))
    assert codes[0] == codes[1]
    is_delta, code = codes[0]
    assert delta or not is_delta
    assert len(code) <= n
    if code:
        mode = DELTA_FRAME if is_delta else KEY_FRAME
        assert decode_coded8(mode, code[0], code[1:], before, n) == cells


@given(cells=st.binary(min_size=1, max_size=200), seed=st.integers(0, 2**32))
def test_the_shorter_of_key_and_delta_frame_is_written(cells, seed):
    n = len(cells)
    before = bytes(c if (seed >> i % 31) & 1 else c ^ (seed & 255) for i, c in enumerate(cells))
    out = bytearray(n + 4)
    key = _plain.code8(cells, before, out, n) or n + 1
    either = _plain.code8(cells, before, out, n | _plain.MAY_DELTA)
    if either & _plain.IS_DELTA:
        assert either ^ _plain.IS_DELTA <= key
    else:
        assert (either or n + 1) == key


def test_all_implementations_have_the_constants_of_the_contract():
    for name in ("N_SUMS", "MAY_DELTA", "IS_DELTA", "AT_SHIFT", "MIN_RUN", "MAX_TOKENS"):
        assert getattr(numpy_kernels, name) == getattr(_plain, name)


def test_the_self_test_sees_key_and_delta_frames_with_escapes():
    coded = []

    def code8(cells, before, out, how):
        end = _plain.code8(cells, before, out, how)
        coded.append((end & _plain.IS_DELTA, bytes(out[: end & 2047])))
        return end

    assert kernels.self_test(variant(code8=code8))
    (is_delta, key), (is_delta_too, delta) = coded
    assert (is_delta, is_delta_too) == (0, _plain.IS_DELTA)
    assert len(key) > 20
    n_tokens = delta[0]
    literals = sum(token - 128 for token in delta[1 : 1 + n_tokens] if token > 128)
    assert literals > 10
    assert len(delta) > 1 + n_tokens + (literals + 1) // 2  # escapes


def test_the_self_test_passes_for_sound_kernels():
    assert kernels.self_test(_plain)
    assert kernels.self_test(numpy_kernels)


def nudged(name):
    """Return kernel ``name`` with one output byte wrong, as a miscompiled one may be."""
    good = getattr(_plain, name)

    def bad(*args):
        result = good(*args)
        outputs = dict.fromkeys(("pack12", "copy8", "copy16", "cobs"), 1)
        outputs |= dict.fromkeys(("calibrate", "sums", "code8"), 2)
        if name in outputs:
            args[outputs[name]][3] ^= 1
            return result
        return result + 1

    return bad


@pytest.mark.parametrize("name", KERNEL_NAMES)
def test_one_wrong_byte_in_any_kernel_fails_the_self_test(name):
    assert not kernels.self_test(variant(**{name: nudged(name)}))


@pytest.mark.parametrize("name", KERNEL_NAMES)
def test_a_kernel_that_raises_fails_the_self_test(name):
    def bad(*args):
        raise MemoryError

    assert not kernels.self_test(variant(**{name: bad}))


def test_a_loop_that_ends_too_early_fails_the_self_test():
    # What MicroPython 1.26 made of ptr16 loops on Thumb: it left after nine cells.
    def short(raw, table, out, n):
        full = bytearray(n)
        _plain.calibrate(raw, table, full, n)
        out[:9] = full[:9]

    assert not kernels.self_test(variant(calibrate=short))


def test_the_probe_finds_no_viper_on_cpython():
    assert kernels.best() == (_plain, "plain", True)


BROKEN = """
from solecore import _plain, _viper, kernels
def bad(*args):
    BODY
_viper.pack12 = bad
module, name, passed = kernels.best()
print(module is _plain, name, passed)
"""


@pytest.mark.mpy
@pytest.mark.parametrize("bits", [64, pytest.param(32, marks=pytest.mark.mpy32)])
@pytest.mark.parametrize("body", ["return 1", "raise ValueError"])
def test_best_falls_back_to_plain_and_reports_a_broken_kernel(bits, body, run_mpy):
    assert run_mpy(BROKEN.replace("BODY", body), bits=bits, heap="1m") == "True plain False\n"


@pytest.mark.mpy
@pytest.mark.parametrize("bits", [64, pytest.param(32, marks=pytest.mark.mpy32)])
def test_best_takes_viper_where_it_works(bits, run_mpy):
    text = "from solecore import kernels\nprint(*kernels.best()[1:])"
    assert run_mpy(text, bits=bits, heap="1m") == "viper True\n"


def test_a_failed_self_test_is_told_in_hello(make_foot):
    from solecore.wire import codes
    from solecore.wire import messages as m

    foot = make_foot("cells-4", kernels=(_plain, "plain", False))
    (reply,) = foot.ask(m.HELLO.pack(m.PROTOCOL_VERSION, 1))
    fields = m.HELLO_REPLY.unpack(reply)
    assert fields["self_test"] == codes.FAILED_KERNELS
    assert fields["text"].split(b"\0")[3] == b"plain"
