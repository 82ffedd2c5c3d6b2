"""The self-test of kernels: every one against its plain twin, on fixed input."""

from array import array

from solecore import _plain


def _vectors(n: int) -> tuple:
    """Return fixed input for the self-test: edges, a ramp, noise from a small generator."""
    raw = array("H", bytes(2 * n))
    state = 12345
    for i in range(n):
        state = (state * 77 + 31) & 0xFFFF
        raw[i] = (0, 4095, state & 0xFFF, (i * 97) & 0xFFF)[i & 3] if i % 16 < 9 else 0
    table = array("H", bytes(2 * (2 * n + 1)))
    for i in range(n):
        table[i] = (i * 13) & 63
        table[n + i] = 4096 if i & 1 else 65535 - i
    table[2 * n] = 3
    return raw, table


def holds(module, n: int) -> bool:
    """Return whether every kernel of ``module`` gives what its plain twin gives."""
    try:
        return _agree(module, n)
    except Exception:  # a miscompiled kernel may do anything
        return False


def _agree(module, n):
    raw, table = _vectors(n)
    results = []
    for kernels in (module, _plain):
        cells = bytearray(n)
        kernels.calibrate(raw, table, cells, n)
        before = bytearray(cells)
        before[n // 2] ^= 200
        for i in range(n // 3):
            before[i] = (cells[i] + (i % 9) * (i & 3)) & 255
        geometry = bytearray(3 * n)
        for i in range(n):
            geometry[i] = i * 4 & 255
            geometry[n + i] = i * 3 & 255
            geometry[2 * n + i] = i % 3
        sums = array("I", bytes(4 * _plain.N_SUMS))
        kernels.sums(cells, geometry, sums, n)
        out = bytearray(2 * n + 8)
        end_key = kernels.code8(cells, before, out, n)
        packed = bytearray(2 * n)
        end_delta = kernels.code8(cells, before, packed, n | _plain.MAY_DELTA)
        twelve = bytearray(2 * n)
        end12 = kernels.pack12(raw, twelve, n, 0)
        copied = bytearray(n + 2)
        kernels.copy8(cells, copied, n, 2)
        words = bytearray(2 * n + 3)
        kernels.copy16(raw, words, n, 3)
        framed = bytearray(2 * n)
        end_frame = kernels.cobs(packed, framed, n)
        results.append(
            (
                cells,
                list(sums),
                end_key,
                out[: end_key & 2047],
                end_delta,
                packed[: end_delta & 2047],
                end12,
                twelve,
                copied,
                words,
                end_frame,
                framed,
            )
        )
    return results[0] == results[1]
