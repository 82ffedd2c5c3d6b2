"""What one insole is told about itself; a board file or a virtual board fills it in."""

from array import array
from binascii import crc32

from solecore.codec.forms import forms_that_fit, misfit

ACCEL_LSB_UM_S2: int = 4788  # 16 g / 32768
GYRO_LSB_URAD_S: int = 1222  # 0.07 deg/s


class Calibration:
    """Base and gain of every cell and the force of one calibrated count.

    ``table`` is u16: n of base, n of gain, the dead-band (what the calibrate kernel takes); it is
    written in place. ``calibration_id`` 0 means uncalibrated: then ``force_lsb_un`` must be 0.
    ``steps`` says what has been done to it; ``has_moved`` that the base has since the last id.
    """

    ZEROED: int = 1
    GAINED: int = 2
    EQUALISED: int = 4

    def __init__(self, table: array, calibration_id: int = 0, force_lsb_un: int = 0) -> None:
        if bool(calibration_id) != bool(force_lsb_un):
            raise ValueError("a calibration has an id and a force per count, or neither")
        self.table = table
        self.calibration_id = calibration_id
        self.force_lsb_un = force_lsb_un
        self.steps = self.ZEROED | self.GAINED if calibration_id else 0
        self.has_moved = False
        self._zero = None  # the base that drift is counted from, while the base may move

    def identify(self) -> None:
        """Give what the table has become an id of its own; 0 without a force per count."""
        self.has_moved = False
        self.calibration_id = 0
        if self.force_lsb_un:
            crc = crc32(self.force_lsb_un.to_bytes(4, "little"), crc32(self.table))
            self.calibration_id = crc or 1

    def follow(self) -> None:
        """From now on count the drift of the base, beginning with none."""
        self._zero = self.table[: len(self.table) // 2]

    def mark_zero(self) -> None:
        """Begin to count again, if anybody counts."""
        if self._zero is not None:
            self.follow()

    def drift(self) -> tuple:
        """Return the mean and the largest move of the base since its zero, in raw counts."""
        total = most = 0
        zero = self._zero
        if zero is not None:
            for i in range(len(zero)):
                d = self.table[i] - zero[i]
                total += d
                if abs(d) > abs(most):
                    most = d
            n = len(zero)
            total = (total + n // 2) // n
        return total, most


def flat_calibration(n_cells: int, dead_band: int = 3) -> Calibration:
    """Return the uncalibrated default: no base, 12-bit counts shifted to 8 bits."""
    table = array("H", bytes(2 * (2 * n_cells + 1)))
    for i in range(n_cells, 2 * n_cells):
        table[i] = 4096
    table[2 * n_cells] = dead_band
    return Calibration(table)


def kept_side(store, flashed: int) -> int:
    """Return the side that a user has chosen since it was flashed, else that one; 0 is left.

    It decides the geometry, so it is asked for before there are settings.
    """
    kept = store.get("settings")
    if not isinstance(kept, dict) or kept.get("flashed_side") != flashed:
        return flashed
    return kept.get("side", flashed)


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
        # Nominal; a board whose chip has another rate says so.
        self.imu_period_us = self.period_us // self.imu_per_frame if self.imu_per_frame else 0
        self.body_weight = body_weight
        self.noise = noise
        self.outbox_bytes = outbox_bytes
        self.store = store  # where the choices of a user are kept: ``put(name, value)``
        self.fitness = 0
        self.rezero = 0
        self.next_period_us = self.period_us
        self.next_side = side
        self.flashed_side = side  # a board that was told another one since says so
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
                    "side": self.next_side,
                    "flashed_side": self.flashed_side,
                },
            )

    def recall(self) -> None:
        """Take up what ``keep`` and a calibration have left in the store; before the App is made.

        What is not there, not whole or not for these cells leaves the default.
        """
        if self.store is None:
            return
        c = self.calibration
        n_bytes = 2 * len(c.table)
        kept = self.store.get("calibration")
        if isinstance(kept, bytes) and len(kept) == 5 + n_bytes:
            memoryview(c.table)[:] = array("H", kept[5:])
            c.steps = kept[4]
            c.force_lsb_un = int.from_bytes(kept[:4], "little")
        kept = self.store.get("settings")
        if isinstance(kept, dict):
            self.body_weight = kept.get("body_weight", self.body_weight)
            self.noise = kept.get("noise", self.noise)
            self.fitness = kept.get("fitness", 0)
            self.rezero = kept.get("rezero", 0)
            self.period_us = self.next_period_us = kept.get("period_us", self.period_us)
            c.table[-1] = kept.get("dead_band", c.table[-1])
        c.identify()

    def keep_calibration(self) -> None:
        """Let the calibration outlive a restart; OSError if the flash takes no more."""
        c = self.calibration
        if self.store is not None:
            force = c.force_lsb_un.to_bytes(4, "little")
            self.store.put("calibration", force, bytes((c.steps,)), c.table)

    @property
    def forms(self) -> int:
        """Bit field of the forms that fit the layout."""
        return forms_that_fit(self.geometry.n_cells)
