# ruff: noqa: F821, F841
# pyright: reportUndefinedVariable=false, reportMissingImports=false
"""The loops that write registers, for MicroPython's viper emitter; the words stand in ``plan``.

``plan`` is described in plan.py. Imported by ``kernels`` only, after a probe.
"""

import micropython


@micropython.viper
def sweep(raw: ptr16, plan: ptr32, gpio: ptr32, calls):
    """Scan a grid: lines by registers, ``calls`` = (read_u16, sleep_us)."""
    read = calls[0]
    sleep = calls[1]
    rows = int(plan[0])
    cols = int(plan[1])
    wait = int(plan[2])
    set_at = int(plan[3])
    clear_at = int(plan[4])
    flip = int(plan[6])
    at = 0
    row = 0
    while row <= rows:
        step = row
        if row == rows:
            step = int(plan[10])
        elif step >= int(plan[10]):
            step = int(plan[10]) - 1
        j = int(plan[9]) + 2 * step * int(plan[11])
        end = j + 2 * int(plan[11])
        while j < end:
            gpio[set_at] = plan[j]
            gpio[clear_at] = plan[j + 1]
            j += 2
        row += 1
        if row > rows:
            break
        col = 0
        while col < cols:
            step = col
            if step >= int(plan[13]):
                step = int(plan[13]) - 1
            j = int(plan[12]) + 2 * step * int(plan[14])
            end = j + 2 * int(plan[14])
            while j < end:
                gpio[set_at] = plan[j]
                gpio[clear_at] = plan[j + 1]
                j += 2
            sleep(wait)
            raw[at] = (int(read()) >> 4) ^ flip
            at += 1
            col += 1


@micropython.viper
def sweep_sar(raw: ptr16, plan: ptr32, gpio: ptr32, sar: ptr32) -> int:
    """Scan a grid with the SAR converter whose control register is ``sar``; return the cells."""
    rows = int(plan[0])
    cols = int(plan[1])
    set_at = int(plan[3])
    clear_at = int(plan[4])
    out_at = int(plan[5])
    flip = int(plan[6])
    command = int(plan[7])
    at = 0
    row = 0
    while row <= rows:
        step = row
        if row == rows:
            step = int(plan[10])
        elif step >= int(plan[10]):
            step = int(plan[10]) - 1
        j = int(plan[9]) + 2 * step * int(plan[11])
        end = j + 2 * int(plan[11])
        while j < end:
            gpio[set_at] = plan[j]
            gpio[clear_at] = plan[j + 1]
            j += 2
        row += 1
        if row > rows:
            break
        col = 0
        while col < cols:
            step = col
            if step >= int(plan[13]):
                step = int(plan[13]) - 1
            j = int(plan[12]) + 2 * step * int(plan[14])
            end = j + 2 * int(plan[14])
            while j < end:
                gpio[set_at] = plan[j]
                gpio[clear_at] = plan[j + 1]
                j += 2
            k = int(plan[2])
            while k > 0:
                idle = int(gpio[out_at])
                k -= 1
            sar[0] = command
            sar[0] = command | 0x20000
            k = int(plan[8])
            word = int(sar[0])
            while (word & 0x10000) == 0:
                k -= 1
                if k <= 0:
                    return at
                word = int(sar[0])
            raw[at] = (word & 4095) ^ flip
            at += 1
            col += 1
    return at


@micropython.viper
def clear(plan: ptr32, gpio: ptr32):
    """Walk whatever the chains hold out of them."""
    lines = 0
    while lines < 2:
        base = 9 + 3 * lines
        n = int(plan[lines]) + 8
        while n > 0:
            j = int(plan[base]) + 2 * int(plan[base + 1]) * int(plan[base + 2])
            end = j + 2 * int(plan[base + 2])
            while j < end:
                gpio[int(plan[3])] = plan[j]
                gpio[int(plan[4])] = plan[j + 1]
                j += 2
            n -= 1
        lines += 1


@micropython.viper
def idle(plan: ptr32, gpio: ptr32, n: int):
    """Read a GPIO register ``n`` times: what ``sweep_sar`` waits with."""
    out_at = int(plan[5])
    while n > 0:
        word = int(gpio[out_at])
        n -= 1


@micropython.viper
def counts12(raw: ptr16, n: int, flip: int):
    i = 0
    while i < n:
        raw[i] = (int(raw[i]) & 4095) ^ flip
        i += 1


@micropython.viper
def signed16(frame: ptr8, raw: ptr16, how: int, flip: int):
    n = how & 15
    at = how >> 4
    i = 0
    while i < n:
        v = (int(frame[2 * i]) << 8) | int(frame[2 * i + 1])
        if v >= 32768:
            v -= 65536
        if flip:
            v = 0 - v
        v = v >> 3
        if v < 0:
            v = 0
        elif v > 4095:
            v = 4095
        raw[at + i] = v
        i += 1
