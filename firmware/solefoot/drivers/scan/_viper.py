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
    """Scan a grid with the SAR converter whose control register is ``sar``; return the cells.

    ``raw`` and ``plan`` walk: the first two arguments are in processor registers.
    """
    first = int(raw)
    set_word = ptr32(int(gpio) + 4 * int(plan[3]))
    clear_word = ptr32(int(gpio) + 4 * int(plan[4]))
    idle_word = ptr32(int(gpio) + 4 * int(plan[5]))
    rows = int(plan[0])
    cols = int(plan[1])
    wait = int(plan[2])
    flip = int(plan[6])
    command = int(plan[7])
    start = command | 0x20000
    limit = int(plan[8])
    row_size = 8 * int(plan[11])
    row = int(plan) + 4 * int(plan[9])
    no_row = row + int(plan[10]) * row_size
    writes = int(plan[14])
    first_col = int(plan) + 4 * int(plan[12])
    last_col = first_col + (int(plan[13]) - 1) * 8 * writes
    is_chain = writes - 1 + cols - int(plan[13])  # else a step is one write, and for one column
    while rows >= 0:
        plan = ptr32(row)
        end = row + row_size
        while int(plan) - end:
            set_word[0] = plan[0]
            clear_word[0] = plan[1]
            plan = ptr32(int(plan) + 8)
        rows -= 1
        if rows:
            if end < no_row:
                row = end  # else the last step again
        else:
            row = no_row
        stop = int(raw)
        if rows >= 0:
            stop += 2 * cols
        plan = ptr32(first_col)
        while int(raw) - stop:
            if is_chain:
                k = writes
                while k:
                    set_word[0] = plan[0]
                    clear_word[0] = plan[1]
                    plan = ptr32(int(plan) + 8)
                    k -= 1
                if int(plan) > last_col:
                    plan = ptr32(last_col)  # its last step again and again
            else:
                set_word[0] = plan[0]
                clear_word[0] = plan[1]
                plan = ptr32(int(plan) + 8)
            k = wait
            while k:
                idle = int(idle_word[0])
                k -= 1
            sar[0] = command
            sar[0] = start
            word = int(sar[0])
            if word & 0x10000:
                pass
            else:
                k = limit
                while (word & 0x10000) == 0:
                    k -= 1
                    if k <= 0:
                        return (int(raw) - first) >> 1
                    word = int(sar[0])
            raw[0] = (word & 4095) ^ flip
            raw = ptr16(int(raw) + 2)
    return (int(raw) - first) >> 1


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
