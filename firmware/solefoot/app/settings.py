"""What one insole is told about itself; a board file or a virtual board fills it in."""

from array import array

from solecore.codec.forms import forms_that_fit, misfit

ACCEL_LSB_UM_S2: int = 4788  # 16 g / 32768
GYRO_LSB_URAD_S: int = 1222  # 0.07 deg/s


class Calibration:
    """Base and gain of every cell and the force of one calibrated count.

    ``table`` is u16: n of base, n of gain, the dead-band (what the calibrate kernel takes).
    ``calibration_id`` 0 means uncalibrated: then ``force_lsb_un`` must be 0.
    """

    def __init__(self, table: array, calibration_id: int = 0, force_lsb_un: int = 0) -> None:
        if bool(calibration_id) != bool(force_lsb_un):
            raise ValueError("a calibration has an id and a force per count, or neither")
        self.table = table
        self.calibration_id = calibration_id
        self.force_lsb_un = force_lsb_un


def flat_calibration(n_cells: int, dead_band: int = 3) -> Calibration:
    """Return the uncalibrated default: no base, 12-bit counts shifted to 8 bits."""
    table = array("H", bytes(2 * (2 * n_cells + 1)))
    for i in range(n_cells, 2 * n_cells):
        table[i] = 4096
    table[2 * n_cells] = dead_band
    return Calibration(table)


class Settings:
    """All that tells this insole from another; ValueError where a form cannot carry the layout."""

    def __init__(
        self,
        geometry,
        profile,
        side: int,
        serial: str,
        boot: int,
        calibration=None,
        form: int = 0,
        firmware: str = "",
        body_weight: int = 0,
        noise: int = 4,
        outbox_bytes: int = 8000,
        store=None,
    ) -> None:
        self.geometry = geometry
        self.side = side
        self.serial = serial
        self.boot = boot
        self.firmware = firmware
        self.calibration = calibration or flat_calibration(geometry.n_cells)
        self.form = form or profile.form
        self.period_us = profile.period_us
        self.imu_axes = profile.imu_axes
        self.imu_per_frame = profile.imu_per_frame
        self.body_weight = body_weight
        self.noise = noise
        self.outbox_bytes = outbox_bytes
        self.store = store  # where the choices of a user are kept: ``put(name, value)``
        self.fitness = 0
        self.rezero = 0
        self.next_period_us = self.period_us
        self.min_period_us = 1000  # a board knows how long its scan takes
        self.features = 0
        self.failed = 0  # self-test bits that the board found
        self.readout = array("H", bytes(26))  # names.READOUT_WORDS
        self.accel_lsb_um_s2 = ACCEL_LSB_UM_S2
        self.gyro_lsb_urad_s = GYRO_LSB_URAD_S
        self.n_resets = 0
        reason = misfit(self.form, geometry.n_cells)
        if reason:
            raise ValueError(reason)
        if len(self.calibration.table) != 2 * geometry.n_cells + 1:
            raise ValueError(
                "calibration of %d words for %d cells"
                % (len(self.calibration.table), geometry.n_cells)
            )

    def keep(self) -> None:
        """Let what a user has chosen outlive a restart."""
        if self.store is not None:
            n = self.geometry.n_cells
            self.store.put(
                "settings",
                {
                    "body_weight": self.body_weight,
                    "dead_band": self.calibration.table[2 * n],
                    "noise": self.noise,
                    "fitness": self.fitness,
                    "rezero": self.rezero,
                    "period_us": self.next_period_us,
                },
            )

    @property
    def forms(self) -> int:
        """Bit field of the forms that fit the layout."""
        return forms_that_fit(self.geometry.n_cells)
