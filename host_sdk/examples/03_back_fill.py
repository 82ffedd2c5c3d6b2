"""A link that breaks loses nothing: `python 03_back_fill.py [DEVICE] [FILE]`.

The insole keeps in its flash what does not arrive. While the link lasts, and at the stop, the
computer asks for what is missing. The simulated link is cut from second 4 to second 7.
"""

import asyncio
import sys
import tempfile
from pathlib import Path

import solekit

DURATION_S = 15.0


async def main(uri: str, path: Path) -> None:
    """Record over a link with a hole, and show the account of it."""
    async with solekit.connect_pair(uri) as pair:
        pair.record_to(path)
        await pair.start()
        await pair.clock.sleep(DURATION_S)
        losses = await pair.stop()  # asks for what is missing first
    for side, streams in losses.items():
        for name, loss in streams.items():
            print(
                f"{side} {name}: {loss.sampled} sampled = {loss.received} received "
                f"+ {loss.back_filled} back-filled + {loss.missing} missing"
            )
            assert loss.holds  # nothing gets lost without being declared
    # The file says the same, on its own.
    recording = solekit.Recording(path)
    print("the file agrees:", all(recording.feet[side].loss == losses[side] for side in losses))


asyncio.run(
    main(
        sys.argv[1] if len(sys.argv) > 1 else "sim:walk?cut=4-7",
        Path(sys.argv[2] if len(sys.argv) > 2 else Path(tempfile.mkdtemp()) / "walk.mcap"),
    )
)
