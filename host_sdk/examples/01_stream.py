"""Pressure of both feet as it comes, for ten seconds: `python 01_stream.py [DEVICE]`.

DEVICE is a URI such as `ble:F0:5E:12:34:56:78` or `serial:/dev/ttyACM0`; without one a simulated
pair walks.
"""

import asyncio
import sys

import solekit

DURATION_S = 10.0


async def show(insole: solekit.Insole) -> None:
    """Print the sum of the counts of a foot, twice a second."""
    next_s = float("-inf")
    async for frames in insole.frames():  # ends when the insole stops
        t_s = insole.timeline().to_host_s(frames.foot_us / 1e6)  # on the computer's clock
        if t_s[-1] >= next_s:
            next_s = t_s[-1] + 0.5
            print(f"{t_s[-1]:10.3f} s  {insole.side:5}  {frames.values[-1].sum():6} counts")


async def main(uri: str) -> None:
    """Follow both feet at once."""
    async with solekit.connect_pair(uri) as pair:
        followers = [asyncio.create_task(show(insole)) for insole in pair.feet.values()]
        await pair.start()
        await pair.clock.sleep(DURATION_S)  # a simulated pair has a time of its own
        losses = await pair.stop()
        await asyncio.gather(*followers)
    for side, streams in losses.items():
        print(f"{side}: {streams['pressure'].received} frames, {streams['pressure'].missing} lost")


asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else "sim:walk"))
