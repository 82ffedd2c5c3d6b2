import asyncio

import numpy as np
import pytest

from solecore.wire import messages as m
from solekit import Recording, connect_pair
from solekit.contacts import FootContacts
from solekit.errors import DataError


def recorded(uri, path, duration_s=15.0):
    async def run():
        async with connect_pair(uri) as pair:
            pair.record_to(path)
            weight = await pair.feet["left"].settings("body_weight")
            await pair.start()
            await pair.clock.sleep(duration_s)
            await pair.stop()
            return weight

    return asyncio.run(run())


@pytest.mark.parametrize("layout", ["grid-30x22", "cells-16", "cells-4"])
@pytest.mark.parametrize("weighed", [0, 1])
def test_the_host_finds_the_insoles_events_to_the_microsecond(tmp_path, layout, weighed):
    path = tmp_path / "walk.mcap"
    uri = f"sim:walk?seed=4&side=left&layout={layout}&body_weight={weighed}"
    weight = recorded(uri, path)
    foot = Recording(path).feet["left"]
    again = FootContacts(body_weight=weight).detect(
        foot.counts, foot_us=foot.foot_us, info=foot.info, form=foot.form
    )
    told = [
        (m.EVENT_NAMES[item.message[m.HEADER_SIZE]], item.foot_us)
        for item in foot.messages(m.EVENTS)
    ]
    assert len(told) > 30
    assert sorted(told) == sorted(again.events_.itertuples(index=False, name=None))


def test_frames_of_another_layout_are_refused(tmp_path):
    path = tmp_path / "walk.mcap"
    recorded("sim:walk?side=left&layout=cells-4", path, 2.0)
    foot = Recording(path).feet["left"]
    with pytest.raises(DataError, match="4 cells"):
        FootContacts().detect(np.zeros((3, 16)), foot_us=np.arange(3), info=foot.info, form="raw8")
