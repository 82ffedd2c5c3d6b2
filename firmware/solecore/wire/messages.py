"""Every message of the protocol. Change a layout only together with PROTOCOL_VERSION.

A request carries a ``ref`` that its reply repeats; the reply's id is the request's with bit 7 set.
What a firmware does not have it answers with REFUSED.
"""

from solecore.wire.schema import Message

PROTOCOL_VERSION: int = 2
MAX_MESSAGE: int = 1200  # bytes
TICKS_MASK: int = 0x3FFFFFFF  # ticks are microseconds modulo 2**30

# Streams: the sequence number counts samples of one stream since boot.
PRESSURE: int = 0
IMU: int = 1
EVENTS: int = 2
STRIDES: int = 3
MINUTES: int = 4
N_STREAMS: int = 5

# Forms of a pressure frame on the wire.
RAW12: int = 1
RAW8: int = 2
CODED8: int = 3
FORM_NAMES = {RAW12: "raw12", RAW8: "raw8", CODED8: "coded8"}

SIDES = ("left", "right")  # the index is the wire value

# Kinds of an event.
IC: int = 1
TO: int = 2
HEEL_ON: int = 3
FOREFOOT_ON: int = 4
HEEL_OFF: int = 5


# Codes of REFUSED.
UNSUPPORTED: int = 1
BAD_VALUE: int = 2
BAD_VERSION: int = 3
NO_FIT: int = 4
NOT_YET: int = 5  # ask again

# Settings by key.
BODY_WEIGHT: int = 1  # counts of summed calibrated cells; 0 = unknown
DEAD_BAND: int = 2  # calibrated counts below this are sent as zero
NOISE: int = 3  # SD of the unloaded sum, counts
FITNESS: int = 4  # 1: Running Speed and Cadence is open to any app; from the next start on
REZERO: int = 5  # 1: the base follows the unloaded cells in swing
PERIOD: int = 6  # microseconds of a frame; from the next start on
SIDE: int = 7  # index of SIDES, with the geometry of that foot; from the next start on
SETTING_NAMES = {
    BODY_WEIGHT: "body_weight",
    DEAD_BAND: "dead_band",
    NOISE: "noise",
    FITNESS: "fitness",
    REZERO: "rezero",
    PERIOD: "period_us",
    SIDE: "side",
}

# Tables, read at start in pieces.
TABLE_GEOMETRY: int = 0  # u16 x, y in 0.1 mm, area in 0.1 mm2: n_cells of each
TABLE_CALIBRATION: int = 1  # u16 base, gain: n_cells of each, then the dead-band
TABLE_READOUT: int = 2  # u16 words that say how the cells are read: names.READOUT_WORDS

REPLY: int = 0x80

_HEADER = "H boot, B stream, I seq, I ticks us, H n_wraps"
HEADER_FORMAT: str = "<BHBIIH"  # id and header, for the sampling path
HEADER_SIZE: int = 14

HELLO = Message(0x01, "hello: B protocol, B ref")
START = Message(0x02, "start: B ref, B form, H window messages")
STOP = Message(0x03, "stop: B ref")
SETTINGS = Message(0x04, "settings: B ref, B key, B is_set, I value")
TABLES = Message(0x05, "tables: B ref, B table, H offset")
PING = Message(0x06, "ping: B ref")
CREDIT = Message(0x07, "credit: H boot, B stream, I seq")
KEY = Message(0x08, "key: B ref")
STATS = Message(0x09, "stats: B ref")
SELF_TEST = Message(0x0A, "self_test: B ref, B mode")
LOG_LIST = Message(0x0B, "log_list: B ref, H offset ranges")
LOG_RANGE = Message(0x0C, "log_range: B ref, H boot, B stream, I start, I stop, B most messages")
# The host has stored all of the stream from start to stop: it may be erased.
LOG_ACK = Message(0x0D, "log_ack: B ref, H boot, B stream, I start, I stop")
UPDATE = Message(0x0E, "update: B ref, B op, I offset, *B content")
ERASE = Message(0x0F, "erase: B ref, B is_forced")  # forced: also what has no ack
# At ``ticks`` of the insole it was ``unix``, give or take ``interval``: the host has measured it.
TIME = Message(0x10, "time: B ref, I ticks us, H n_wraps, Q unix us, I interval us")
CALIBRATE = Message(0x11, "calibrate: B ref, B op, I value")
TIMING = Message(0x13, "timing: B ref, H n_frames")
POWER = Message(0x12, "power: B ref, B op, H value")

HELLO_REPLY = Message(
    0x81,
    "hello_reply: B protocol, "  # stays byte one in every version
    "B ref, H boot, B side, B form, B forms, "  # bit f set: form f fits
    "I calibration, "  # 0 = uncalibrated
    "H n_cells, B rows, B cols, H length 0.1 mm, H width 0.1 mm, I period us, "
    "I imu_period us, B imu_axes, I accel_lsb um/s2, I gyro_lsb urad/s, "
    "I force_lsb uN per calibrated count, I features, H self_test, "
    "*B text",  # serial, layout, firmware, kernels; UTF-8, zero-separated
)
START_REPLY = Message(0x82, "start_reply: B ref, H boot, 5I seq")
STOP_REPLY = Message(0x83, "stop_reply: B ref, H boot, 5I seq, 5I n_dropped")
SETTINGS_REPLY = Message(0x84, "settings_reply: B ref, B key, I value")
TABLES_REPLY = Message(0x85, "tables_reply: B ref, B table, H total, H offset, *B content")
PING_REPLY = Message(
    0x86,
    "ping_reply: B ref, I rx_ticks us, H rx_wraps, I tx_ticks us, H tx_wraps",
)
KEY_REPLY = Message(0x88, "key_reply: B ref")
STATS_REPLY = Message(
    0x89,
    "stats_reply: B ref, H boot, 5I seq, 5I n_dropped, I n_overruns, I n_bad_frames, "
    "H n_queued bytes, I heap_free bytes, H battery mV, "  # 0: unknown
    "B battery_pct, "  # 255: unknown
    "H n_log_blocks, H n_log_free, H n_resets, "  # by the watchdog
    "I gc_pause us",  # longest
)
SELF_TEST_REPLY = Message(
    0x8A,
    "self_test_reply: B ref, B mode, H failed, "  # bits as in HELLO
    "H n_frames, "  # that the answer rests on
    "*H faults",  # kind, number, number of each
)
LOG_LIST_REPLY = Message(
    0x8B,
    "log_list_reply: B ref, H n_ranges, H offset, "
    "*B ranges",  # boot u16, stream u8, start u32, stop u32 of each
)
LOG_RANGE_REPLY = Message(
    0x8C,
    "log_range_reply: B ref, H boot, B stream, B n_messages, "
    "I next",  # ask on from here; at or past the stop: no more
)
LOG_ACK_REPLY = Message(0x8D, "log_ack_reply: B ref")
UPDATE_REPLY = Message(0x8E, "update_reply: B ref, B op, B status, I offset, *B content")
ERASE_REPLY = Message(0x8F, "erase_reply: B ref, H n_blocks")
TIME_REPLY = Message(0x90, "time_reply: B ref, I ticks us, H n_wraps")
CALIBRATE_REPLY = Message(
    0x91,
    "calibrate_reply: B ref, B op, B is_done, I calibration, H n_frames, "
    "H noise 1/16 raw count, H dead_band calibrated counts, h drift_mean raw counts, "
    "h drift_max raw counts, H n_doubtful cells",  # whose gain could not be found
)
POWER_REPLY = Message(0x92, "power_reply: B ref, B op")
TIMING_REPLY = Message(
    0x93,
    "timing_reply: B ref, H n_frames, *I stages",  # us of that many frames, by names.STAGES
)
REFUSED = Message(0x9F, "refused: B ref, B request, B code, *B text")

FRAMES_RAW12 = Message(0x20, "frames_raw12: " + _HEADER + ", B n_frames, *B body")
FRAMES_RAW8 = Message(0x21, "frames_raw8: " + _HEADER + ", B n_frames, *B body")
FRAME_CODED8 = Message(0x22, "frame_coded8: " + _HEADER + ", B mode, B n_tokens, *B body")
IMU_SAMPLES = Message(0x23, "imu_samples: " + _HEADER + ", *h words")
EVENT = Message(
    0x28,
    "event: " + _HEADER + ", B kind, I force calibrated counts, "
    "I frame",  # sequence number of the frame that confirmed it
)
STRIDE = Message(
    0x29,
    "stride: "
    + _HEADER  # ticks of initial contact
    + ", I stance us, I stride us, "  # 0: no further contact within 3 s
    "I peak_force calibrated counts, I pressure_time counts*frames, "
    "6H cop 0.1 mm, "  # x, y at start, middle, end of stance
    "H n_active cells, B strike",
)
MINUTE = Message(
    0x2A,
    "minute: "
    + _HEADER  # ticks of its begin
    + ", H n_frames, H n_contacts, H n_strides, I stride_mean us, I stance_mean us, "
    "I peak_mean calibrated counts, H loaded frames, h drift_mean raw counts, "
    "h drift_max raw counts, H battery mV, h temperature 0.1 C",  # -32768: unknown
)
TIME_PAIR = Message(
    0x2B,
    "time_pair: " + _HEADER + ", Q unix us, I interval us, "  # either way; 0: unknown
    "B source",
)
# What the flash log gives back: a data message as it was, and the block that it lay in.
LOG_DATA = Message(0x30, "log_data: I block, *B message")
MAX_LOGGED: int = MAX_MESSAGE - LOG_DATA.size

REQUESTS = (
    HELLO,
    START,
    STOP,
    SETTINGS,
    TABLES,
    PING,
    CREDIT,
    KEY,
    STATS,
    SELF_TEST,
    LOG_LIST,
    LOG_RANGE,
    LOG_ACK,
    UPDATE,
    ERASE,
    TIME,
    CALIBRATE,
    POWER,
    TIMING,
)


def __getattr__(name: str):
    """Find here too what only a host asks for: it stands in ``names``."""
    from solecore.wire import names

    return getattr(names, name)
