"""Words for the numbers of ``codes``; the insole never loads them."""

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
