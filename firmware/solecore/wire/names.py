"""Words for numbers on the wire, and the messages by kind; the insole never loads them.

What belongs to ``messages`` is found there too.
"""

from collections import namedtuple

from solecore.wire import messages as m

# A field of a message: ``count`` values of struct type ``code``; 0 takes the rest of the message.
Field = namedtuple("Field", ("name", "code", "count", "unit"))

STREAM_NAMES = ("pressure", "imu", "events", "strides", "minutes")

EVENT_NAMES = {
    m.IC: "ic",
    m.TO: "to",
    m.HEEL_ON: "heel_on",
    m.FOREFOOT_ON: "forefoot_on",
    m.HEEL_OFF: "heel_off",
}

STRIKE_NAMES = ("unknown", "heel", "flat", "forefoot")

# -- numbers of codes ---------------------------------------------------------------------------

FEATURES = ("log", "ble", "update", "battery", "self_test", "calibrate")  # by bit
FAILED = ("kernels", "cells", "imu", "battery", "log", "safe_mode")  # by bit
FAULTS = (
    "none",
    "dead_cell",
    "saturated_cell",
    "broken_row",
    "broken_column",
    "swapped_rows",
    "swapped_columns",
    "stuck_mux",
    "imu_absent",
    "imu_brown_out",
    "imu_no_data",
    "i2c_nack",
    "battery_absent",
    "noisy_cell",
    "not_judged",
)
CALIBRATE = ("", "zero", "gain", "equalise", "state", "keep", "reset", "force")

# The words of TABLE_READOUT.
READOUT_WORDS = (
    "circuit",
    "back_end",
    "settle_us10",
    "scan_us",  # of a frame; it is stamped at its middle
    "row_us10",  # between two rows
    "drive_mv",
    "reference_mv",
    "r_reference_ohm_10",  # feedback or reference resistor, in units of 10 ohm
    "r_row_ohm10",
    "r_column_ohm10",
    "adc_full_mv",
    "adc_bits",
    "falls_with_load",
)
CIRCUITS = ("virtual", "zero_potential", "divider_grounded", "single_cells")
BACK_ENDS = ("virtual", "pin", "viper", "register", "pio", "spi_adc")

# What TIMING takes the time of, in the order of its answer.
STAGES = ("scan", "imu", "calibrate", "sums", "detector", "encode", "frame", "collect")

REPLIES = (
    m.HELLO_REPLY,
    m.START_REPLY,
    m.STOP_REPLY,
    m.SETTINGS_REPLY,
    m.TABLES_REPLY,
    m.PING_REPLY,
    m.KEY_REPLY,
    m.STATS_REPLY,
    m.SELF_TEST_REPLY,
    m.LOG_LIST_REPLY,
    m.LOG_RANGE_REPLY,
    m.LOG_ACK_REPLY,
    m.UPDATE_REPLY,
    m.ERASE_REPLY,
    m.TIME_REPLY,
    m.CALIBRATE_REPLY,
    m.POWER_REPLY,
    m.TIMING_REPLY,
    m.REFUSED,
)
DATA = (
    m.FRAMES_RAW12,
    m.FRAMES_RAW8,
    m.FRAME_CODED8,
    m.IMU_SAMPLES,
    m.EVENT,
    m.STRIDE,
    m.MINUTE,
    m.TIME_PAIR,
)
ALL = m.REQUESTS + REPLIES + DATA + (m.LOG_DATA,)
BY_ID = {message.msg_id: message for message in ALL}
