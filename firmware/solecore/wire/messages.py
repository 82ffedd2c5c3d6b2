"""Every message of the protocol. Change a layout only together with PROTOCOL_VERSION.

A request carries a ``ref`` that its reply repeats; the reply's id is the request's with bit 7 set.
All ids are reserved here, also those that this version answers with REFUSED.
"""

from solecore.wire.schema import REST, Field, Message

PROTOCOL_VERSION: int = 1
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

# Settings by key.
BODY_WEIGHT: int = 1  # counts of summed calibrated cells; 0 = unknown
DEAD_BAND: int = 2  # calibrated counts below this are sent as zero
NOISE: int = 3  # SD of the unloaded sum, counts
SETTING_NAMES = {BODY_WEIGHT: "body_weight", DEAD_BAND: "dead_band", NOISE: "noise"}

# Tables, read at start in pieces.
TABLE_GEOMETRY: int = 0  # u16 x, y in 0.1 mm, area in 0.1 mm2: n_cells of each
TABLE_CALIBRATION: int = 1  # u16 base, gain: n_cells of each, then the dead-band

# Self-test bits of HELLO: set means failed.
FAILED_KERNELS: int = 1  # a viper kernel disagreed with its twin; the plain one runs

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
SELF_TEST = Message(0x0A, "self_test", _REF)
LOG_LIST = Message(0x0B, "log_list", _REF)
LOG_RANGE = Message(0x0C, "log_range", _REF)
LOG_ACK = Message(0x0D, "log_ack", _REF)
UPDATE = Message(0x0E, "update", _REF)
ERASE = Message(0x0F, "erase", _REF)

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
MINUTE = Message(0x2A, "minute", *_HEADER, Field("content", "B", REST))

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
    REFUSED,
)
DATA = (FRAMES_RAW12, FRAMES_RAW8, FRAME_CODED8, IMU_SAMPLES, EVENT, STRIDE, MINUTE)
BY_ID = {message.msg_id: message for message in REQUESTS + REPLIES + DATA}
