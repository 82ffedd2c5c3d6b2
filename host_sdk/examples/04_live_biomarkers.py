"""Biomarkers of every stride as soon as it has ended: `python 04_live_biomarkers.py [DEVICE]`."""

import asyncio
import sys

import solekit

N_STRIDES = 12


async def main(uri: str) -> None:
    """Print some strides of both feet."""
    async with solekit.connect_pair(uri) as pair:
        await pair.start()
        n = 0
        async for stride in pair.strides():
            if stride.reason:  # it does not count, and says why
                print(f"{stride.side}: left out, {stride.reason}")
                continue
            both = stride.why.get("double_support")  # None has a reason
            if stride.double_support_pct is not None:
                both = f"double support {stride.double_support_pct:.1f} %"
            print(
                f"{stride.side:5} {stride.t_s:9.3f} s +- {1e3 * stride.interval_s:.1f} ms: "
                f"stride {stride.stride_s:.3f} s, stance {stride.stance_s:.3f} s, "
                f"{stride.cadence_steps_min:.0f} steps/min, {both}"
            )
            n += 1
            if n == N_STRIDES:
                break
        await pair.stop()


asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else "sim:walk"))
