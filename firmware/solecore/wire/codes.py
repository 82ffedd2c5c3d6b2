"""Numbers that requests and replies carry; their words, for the host, stand in ``names``."""

# Features of HELLO.
FEATURE_LOG: int = 1
FEATURE_BLE: int = 2
FEATURE_UPDATE: int = 4
FEATURE_BATTERY: int = 8
FEATURE_SELF_TEST: int = 16
FEATURE_CALIBRATE: int = 32

# Self-test bits of HELLO and SELF_TEST_REPLY: set means failed.
FAILED_KERNELS: int = 1  # a viper kernel disagreed with its twin; the plain one runs
FAILED_CELLS: int = 2
FAILED_IMU: int = 4
FAILED_BATTERY: int = 8
FAILED_LOG: int = 16
SAFE_MODE: int = 32  # nothing is sampled: too many restarts, or no application that verifies

# Modes of SELF_TEST: at rest, unloaded, at once; or while the person walks: begin, then report.
TEST_REST: int = 0
TEST_WALK: int = 1
TEST_REPORT: int = 2

# Kinds of fault, each with two numbers.
DEAD_CELL: int = 1  # cell
SATURATED_CELL: int = 2  # cell
BROKEN_ROW: int = 3  # row, first cell of it seen to read nothing
BROKEN_COLUMN: int = 4  # column, first cell
SWAPPED_ROWS: int = 5  # row, row
SWAPPED_COLUMNS: int = 6  # column, column
STUCK_MUX: int = 7  # 0 rows or 1 columns, address bit
IMU_ABSENT: int = 8
IMU_BROWN_OUT: int = 9
IMU_NO_DATA: int = 10
I2C_NACK: int = 11  # times
BATTERY_ABSENT: int = 12
NOISY_CELL: int = 13  # cell, raw counts from the least to the most at rest
NOT_JUDGED: int = 14  # so many cells had no load, of so many: no fault

# What CALIBRATE does.
CALIBRATE_ZERO: int = 1  # no load for 3 s: base, noise, dead-band
CALIBRATE_GAIN: int = 2  # one uniform load: value is micronewtons on a cell of mean area
CALIBRATE_EQUALISE: int = 3  # walk: gain of each cell against its neighbours
CALIBRATE_STATE: int = 4
CALIBRATE_KEEP: int = 5  # write the tables to flash
CALIBRATE_RESET: int = 6
CALIBRATE_FORCE: int = 7  # value is the force of one calibrated count in micronewtons

# What POWER does.
RESTART: int = 1
SLEEP: int = 2
PAIRING: int = 3  # open the pairing window for ``value`` seconds; only over a cable
REPL: int = 4  # end the application: the cable is the interpreter's again; only over a cable

# Steps of UPDATE.
UPDATE_BEGIN: int = 1
UPDATE_FILE: int = 2
UPDATE_CHUNK: int = 3
UPDATE_END: int = 4
UPDATE_ABORT: int = 5
UPDATE_STATUS: int = 6

# Where the time of a TIME_PAIR came from.
TIME_HOST: int = 0
TIME_RTC: int = 1
