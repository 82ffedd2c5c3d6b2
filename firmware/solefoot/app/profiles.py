"""What each kind of insole is: layout, rates, form, IMU."""

from solecore.layouts import CELLS_4, CELLS_16, GRID_29X21, GRID_30X22
from solecore.wire.messages import CODED8, RAW12


class Profile:
    """Defaults of one layout; ``imu_per_frame`` samples of ``imu_axes`` words come with each."""

    def __init__(
        self, layout: str, period_us: int, form: int, imu_axes: int, imu_per_frame: int
    ) -> None:
        self.layout = layout
        self.period_us = period_us
        self.form = form
        self.imu_axes = imu_axes
        self.imu_per_frame = imu_per_frame


# 4 x 30 Hz: an IMU under 100 Hz carries no trajectory. The 4-cell kind has an accelerometer only.
PROFILES = {
    GRID_30X22: Profile(GRID_30X22, 33333, CODED8, 6, 4),
    GRID_29X21: Profile(GRID_29X21, 33333, CODED8, 6, 4),
    CELLS_16: Profile(CELLS_16, 10000, RAW12, 6, 1),
    CELLS_4: Profile(CELLS_4, 33333, RAW12, 3, 1),
}


def profile(name: str) -> Profile:
    """Return the profile of layout ``name``; ValueError names those that exist."""
    if name not in PROFILES:
        raise ValueError("profile %r is not one of %s" % (name, ", ".join(sorted(PROFILES))))
    return PROFILES[name]
