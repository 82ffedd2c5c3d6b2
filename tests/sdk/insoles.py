"""Virtual insoles and what the tests beside this file do with them."""

from __future__ import annotations

import asyncio

import solekit

LEFT = "sim:walk?layout=cells-16&side=left"
SMALL = "sim:walk?layout=cells-4&side=right"


def changed(message: bytes, at: int, *values: int) -> bytes:
    return message[:at] + bytes(values) + message[at + len(values) :]


def with_insole(uri, do):
    async def connected():
        async with solekit.connect(uri) as insole:
            return await do(insole)

    return asyncio.run(connected())
