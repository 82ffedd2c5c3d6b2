from __future__ import annotations

import asyncio
import signal
import subprocess
import sys

import pytest

import solekit
from solekit.errors import ConnectionLostError, TransportSpecError
from solekit_hil import serve


def test_the_command_serves_both_feet_to_another_process():
    command = [sys.executable, "-m", "solekit_hil.serve", "sim:walk?layout=cells-4", "--port", "0"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        uris = dict(server.stdout.readline().split() for _ in range(2))

        async def connect():
            async with solekit.connect_pair(**uris) as pair:
                return {side: insole.known.layout_name for side, insole in pair.feet.items()}

        assert asyncio.run(connect()) == {"left": "cells-4", "right": "cells-4"}
        server.send_signal(signal.SIGINT)
        assert server.wait(10) == 0
    finally:
        server.kill()
        server.wait()
        server.stdout.close()


@pytest.mark.parametrize("uri", ["sim:fly", "serial:/dev/null", "sim:walk?pty=1", "walk"])
def test_what_cannot_be_served_is_one_line(uri, capsys):
    assert serve.main([uri, "--port", "0"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1


def test_a_port_that_is_taken_is_one_line(capsys):
    async def serve_twice():
        async with serve.Server("sim:walk?layout=cells-4&side=left") as server:
            port = server.uris["left"].rpartition(":")[2]
            return await asyncio.to_thread(serve.main, ["sim:walk?side=left", "--port", port])

    assert asyncio.run(serve_twice()) == 1
    assert "address already in use" in capsys.readouterr().err.lower()


def test_only_virtual_time_can_be_served():
    with pytest.raises(TransportSpecError, match="virtual time"):
        serve.Server("tcp:127.0.0.1:5555")


def test_a_foot_goes_on_when_a_client_leaves_and_takes_the_next_one():
    async def walk():
        async with serve.Server("sim:walk?layout=cells-4&side=left") as server:
            seqs = []
            for _ in range(2):
                async with solekit.connect(server.uris["left"]) as insole:
                    await insole.start()
                    async for frames in insole.frames():
                        seqs.append(int(frames.seq[0]))
                        break
        return seqs

    first, second = asyncio.run(walk())
    assert second > first


def test_a_cut_link_ends_the_client():
    async def walk():
        async with (
            serve.Server("sim:walk?layout=cells-4&side=left&cut=0.5") as server,
            solekit.connect(server.uris["left"]) as insole,
        ):
            await insole.start()
            with pytest.raises(ConnectionLostError, match="far end"):
                async for _ in insole.frames():
                    pass

    asyncio.run(walk())
