"""Every message of the protocol. Change a layout only together with PROTOCOL_VERSION.

A request carries a ``ref`` that its reply repeats; the reply's id is the request's with bit 7 set.
What a firmware does not have it answers with REFUSED.
"""

from solecore.wire.schema import REST, Field, Message

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
STREAM_NAMES = ("pressure", "imu", "events", "strides", "minutes")

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
EVENT_NAMES = {
    IC: "ic",
    TO: "to",
    HEEL_ON: "heel_on",
    FOREFOOT_ON: "forefoot_on",
    HEEL_OFF: "heel_off",
}

STRIKE_NAMES = ("unknown", "heel", "flat", "forefoot")

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
SETTING_NAMES = {
    BODY_WEIGHT: "body_weight",
    DEAD_BAND: "dead_band",
    NOISE: "noise",
    FITNESS: "fitness",
    REZERO: "rezero",
    PERIOD: "period_us",
}

# Tables, read at start in pieces.
TABLE_GEOMETRY: int = 0  # u16 x, y in 0.1 mm, area in 0.1 mm2: n_cells of each
TABLE_CALIBRATION: int = 1  # u16 base, gain: n_cells of each, then the dead-band
TABLE_READOUT: int = 2  # u16 words that say how the cells are read: names.READOUT_WORDS

REPLY: int = 0x80

_REF = Field("ref", "B")
_HEADER = (
    Field("boot", "H"),
    Field("stream", "B"),
    Field("seq", "I"),
    Field("ticks", "I", unit="us"),
    Field("n_wraps", "H"),
)
HEADER_FORMAT: str = "<BHBIIH"  # id and header, for the sampling path
HEADER_SIZE: int = 14

HELLO = Message(0x01, "hello", Field("protocol", "B"), _REF)
START = Message(0x02, "start", _REF, Field("form", "B"), Field("window", "H", unit="messages"))
STOP = Message(0x03, "stop", _REF)
SETTINGS = Message(
    0x04, "settings", _REF, Field("key", "B"), Field("is_set", "B"), Field("value", "I")
)
TABLES = Message(0x05, "tables", _REF, Field("table", "B"), Field("offset", "H"))
PING = Message(0x06, "ping", _REF)
CREDIT = Message(0x07, "credit", Field("boot", "H"), Field("stream", "B"), Field("seq", "I"))
KEY = Message(0x08, "key", _REF)
STATS = Message(0x09, "stats", _REF)
SELF_TEST = Message(0x0A, "self_test", _REF, Field("mode", "B"))
LOG_LIST = Message(0x0B, "log_list", _REF, Field("offset", "H", unit="ranges"))
LOG_RANGE = Message(
    0x0C,
    "log_range",
    _REF,
    Field("boot", "H"),
    Field("stream", "B"),
    Field("start", "I"),
    Field("stop", "I"),
    Field("most", "B", unit="messages"),
)
# The host has stored all of the stream from start to stop: it may be erased.
LOG_ACK = Message(
    0x0D,
    "log_ack",
    _REF,
    Field("boot", "H"),
    Field("stream", "B"),
    Field("start", "I"),
    Field("stop", "I"),
)
UPDATE = Message(
    0x0E, "update", _REF, Field("op", "B"), Field("offset", "I"), Field("content", "B", REST)
)
ERASE = Message(0x0F, "erase", _REF, Field("is_forced", "B"))  # forced: also what has no ack
# At ``ticks`` of the insole it was ``unix``, give or take ``interval``: the host has measured it.
TIME = Message(
    0x10,
    "time",
    _REF,
    Field("ticks", "I", unit="us"),
    Field("n_wraps", "H"),
    Field("unix", "Q", unit="us"),
    Field("interval", "I", unit="us"),
)
CALIBRATE = Message(0x11, "calibrate", _REF, Field("op", "B"), Field("value", "I"))
TIMING = Message(0x13, "timing", _REF, Field("n_frames", "H"))
POWER = Message(0x12, "power", _REF, Field("op", "B"), Field("value", "H"))

HELLO_REPLY = Message(
    0x81,
    "hello_reply",
    Field("protocol", "B"),  # stays byte one in every version
    _REF,
    Field("boot", "H"),
    Field("side", "B"),
    Field("form", "B"),
    Field("forms", "B"),  # bit f set: form f fits
    Field("calibration", "I"),  # 0 = uncalibrated
    Field("n_cells", "H"),
    Field("rows", "B"),
    Field("cols", "B"),
    Field("length", "H", unit="0.1 mm"),
    Field("width", "H", unit="0.1 mm"),
    Field("period", "I", unit="us"),
    Field("imu_period", "I", unit="us"),
    Field("imu_axes", "B"),
    Field("accel_lsb", "I", unit="um/s2"),
    Field("gyro_lsb", "I", unit="urad/s"),
    Field("force_lsb", "I", unit="uN per calibrated count"),
    Field("features", "I"),
    Field("self_test", "H"),
    Field("text", "B", REST),  # serial, layout, firmware, kernels; UTF-8, zero-separated
)
START_REPLY = Message(0x82, "start_reply", _REF, Field("boot", "H"), Field("seq", "I", N_STREAMS))
STOP_REPLY = Message(
    0x83,
    "stop_reply",
    _REF,
    Field("boot", "H"),
    Field("seq", "I", N_STREAMS),
    Field("n_dropped", "I", N_STREAMS),
)
SETTINGS_REPLY = Message(0x84, "settings_reply", _REF, Field("key", "B"), Field("value", "I"))
TABLES_REPLY = Message(
    0x85,
    "tables_reply",
    _REF,
    Field("table", "B"),
    Field("total", "H"),
    Field("offset", "H"),
    Field("content", "B", REST),
)
PING_REPLY = Message(
    0x86,
    "ping_reply",
    _REF,
    Field("rx_ticks", "I", unit="us"),
    Field("rx_wraps", "H"),
    Field("tx_ticks", "I", unit="us"),
    Field("tx_wraps", "H"),
)
KEY_REPLY = Message(0x88, "key_reply", _REF)
STATS_REPLY = Message(
    0x89,
    "stats_reply",
    _REF,
    Field("boot", "H"),
    Field("seq", "I", N_STREAMS),
    Field("n_dropped", "I", N_STREAMS),
    Field("n_overruns", "I"),
    Field("n_bad_frames", "I"),
    Field("n_queued", "H", unit="bytes"),
    Field("heap_free", "I", unit="bytes"),
    Field("battery", "H", unit="mV"),  # 0: unknown
    Field("battery_pct", "B"),  # 255: unknown
    Field("n_log_blocks", "H"),
    Field("n_log_free", "H"),
    Field("n_resets", "H"),  # by the watchdog
    Field("gc_pause", "I", unit="us"),  # longest
)
SELF_TEST_REPLY = Message(
    0x8A,
    "self_test_reply",
    _REF,
    Field("mode", "B"),
    Field("failed", "H"),  # bits as in HELLO
    Field("n_frames", "H"),  # that the answer rests on
    Field("faults", "H", REST),  # kind, number, number of each
)
LOG_LIST_REPLY = Message(
    0x8B,
    "log_list_reply",
    _REF,
    Field("n_ranges", "H"),
    Field("offset", "H"),
    Field("ranges", "B", REST),  # boot u16, stream u8, start u32, stop u32 of each
)
LOG_RANGE_REPLY = Message(
    0x8C,
    "log_range_reply",
    _REF,
    Field("boot", "H"),
    Field("stream", "B"),
    Field("n_messages", "B"),
    Field("next", "I"),  # ask on from here; at or past the stop: no more
)
LOG_ACK_REPLY = Message(0x8D, "log_ack_reply", _REF)
UPDATE_REPLY = Message(
    0x8E,
    "update_reply",
    _REF,
    Field("op", "B"),
    Field("status", "B"),
    Field("offset", "I"),
    Field("content", "B", REST),
)
ERASE_REPLY = Message(0x8F, "erase_reply", _REF, Field("n_blocks", "H"))
TIME_REPLY = Message(
    0x90, "time_reply", _REF, Field("ticks", "I", unit="us"), Field("n_wraps", "H")
)
CALIBRATE_REPLY = Message(
    0x91,
    "calibrate_reply",
    _REF,
    Field("op", "B"),
    Field("is_done", "B"),
    Field("calibration", "I"),
    Field("n_frames", "H"),
    Field("noise", "H", unit="1/16 raw count"),
    Field("dead_band", "H", unit="calibrated counts"),
    Field("drift_mean", "h", unit="raw counts"),
    Field("drift_max", "h", unit="raw counts"),
    Field("n_doubtful", "H", unit="cells"),  # whose gain could not be found
)
POWER_REPLY = Message(0x92, "power_reply", _REF, Field("op", "B"))
TIMING_REPLY = Message(
    0x93,
    "timing_reply",
    _REF,
    Field("n_frames", "H"),
    Field("stages", "I", REST),  # us of that many frames, by names.STAGES
)
REFUSED = Message(
    0x9F, "refused", _REF, Field("request", "B"), Field("code", "B"), Field("text", "B", REST)
)

FRAMES_RAW12 = Message(
    0x20, "frames_raw12", *_HEADER, Field("n_frames", "B"), Field("body", "B", REST)
)
FRAMES_RAW8 = Message(
    0x21, "frames_raw8", *_HEADER, Field("n_frames", "B"), Field("body", "B", REST)
)
FRAME_CODED8 = Message(
    0x22,
    "frame_coded8",
    *_HEADER,
    Field("mode", "B"),
    Field("n_tokens", "B"),
    Field("body", "B", REST),
)
IMU_SAMPLES = Message(0x23, "imu_samples", *_HEADER, Field("words", "h", REST))
EVENT = Message(
    0x28,
    "event",
    *_HEADER,
    Field("kind", "B"),
    Field("force", "I", unit="calibrated counts"),
    Field("frame", "I"),  # sequence number of the frame that confirmed it
)
STRIDE = Message(
    0x29,
    "stride",
    *_HEADER,  # ticks of initial contact
    Field("stance", "I", unit="us"),
    Field("stride", "I", unit="us"),  # 0: no further contact within 3 s
    Field("peak_force", "I", unit="calibrated counts"),
    Field("pressure_time", "I", unit="counts*frames"),
    Field("cop", "H", 6, unit="0.1 mm"),  # x, y at start, middle, end of stance
    Field("n_active", "H", unit="cells"),
    Field("strike", "B"),
)
MINUTE = Message(
    0x2A,
    "minute",
    *_HEADER,  # ticks of its begin
    Field("n_frames", "H"),
    Field("n_contacts", "H"),
    Field("n_strides", "H"),
    Field("stride_mean", "I", unit="us"),
    Field("stance_mean", "I", unit="us"),
    Field("peak_mean", "I", unit="calibrated counts"),
    Field("loaded", "H", unit="frames"),
    Field("drift_mean", "h", unit="raw counts"),
    Field("drift_max", "h", unit="raw counts"),
    Field("battery", "H", unit="mV"),
    Field("temperature", "h", unit="0.1 C"),  # -32768: unknown
)
TIME_PAIR = Message(
    0x2B,
    "time_pair",
    *_HEADER,
    Field("unix", "Q", unit="us"),
    Field("interval", "I", unit="us"),  # either way; 0: unknown
    Field("source", "B"),
)
# What the flash log gives back: a data message as it was, and the block that it lay in.
LOG_DATA = Message(0x30, "log_data", Field("block", "I"), Field("message", "B", REST))
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
REPLIES = (
    HELLO_REPLY,
    START_REPLY,
    STOP_REPLY,
    SETTINGS_REPLY,
    TABLES_REPLY,
    PING_REPLY,
    KEY_REPLY,
    STATS_REPLY,
    SELF_TEST_REPLY,
    LOG_LIST_REPLY,
    LOG_RANGE_REPLY,
    LOG_ACK_REPLY,
    UPDATE_REPLY,
    ERASE_REPLY,
    TIME_REPLY,
    CALIBRATE_REPLY,
    POWER_REPLY,
    TIMING_REPLY,
    REFUSED,
)
DATA = (
    FRAMES_RAW12,
    FRAMES_RAW8,
    FRAME_CODED8,
    IMU_SAMPLES,
    EVENT,
    STRIDE,
    MINUTE,
    TIME_PAIR,
)
ALL = REQUESTS + REPLIES + DATA + (LOG_DATA,)
BY_ID = {message.msg_id: message for message in ALL}
