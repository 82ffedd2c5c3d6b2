"""Examples of the algorithms without strides: see ``test_algorithms``."""

import numpy as np

from solekit import layouts
from solekit.balance import FootStance
from tests.balance.chair import chair
from tests.balance.test_timed_up_and_go import walk


def standing_example():
    t_s = np.arange(1000) / 50.0
    feet = [
        FootStance(t_s, np.full(1000, 350.0), 40 + np.sin(t_s), 100 + 2 * np.sin(0.7 * t_s))
        for _ in range(2)
    ]
    return "measure", tuple(feet), {"layout": layouts.named("cells-4", "left")}


def chair_example():
    t_s, load, _ = chair()
    return "segment", (load,), {"t_s": t_s}


def up_and_go_example():
    t_s, load, events, yaw, _ = walk()
    return "segment", (load,), {"t_s": t_s, "events": events, "yaw_rad_s": yaw}


EXAMPLES = {
    "StandingBalance": standing_example,
    "ChairStand": chair_example,
    "TimedUpAndGo": up_and_go_example,
}
