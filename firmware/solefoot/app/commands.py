"""What the host may ask, and the answers. The control path: it may allocate."""

import gc

from solecore.codec.forms import misfit
from solecore.gait import ticks as _ticks
from solecore.wire import messages as m
from solecore.wire.frame import CRC_SIZE
from solecore.wire.schema import WireError

TABLE_PIECE: int = 512  # bytes of a table in one reply
# Pings reach the foot at connection events of the radio. An answer given at once would wait for
# the next one, nearly always a whole interval; held back for a random time of up to this, some
# leave just before an event, and those tell the host our clock to a fraction of the interval.
HOLD_US: int = 50000


class RefusedError(ValueError):
    """A request that cannot be met; ``code`` goes on the wire."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


class Commands:
    """Answer requests on behalf of ``app``; its extras bring handlers of their own."""

    def __init__(self, app, kernels_name: str, self_test: int) -> None:
        self._app = app
        self._kernels_name = kernels_name
        self._self_test = self_test
        self._seed = (2 * app.settings.boot + app.settings.side) % 65537
        self._hold_us = 0
        self._pong = ()  # ref, ticks and wraps of a ping that waits for its answer
        self._handlers = {
            m.HELLO.msg_id: self._hello,
            m.START.msg_id: self._start,
            m.STOP.msg_id: self._stop,
            m.SETTINGS.msg_id: self._settings,
            m.TABLES.msg_id: self._tables,
            m.PING.msg_id: self._ping,
            m.CREDIT.msg_id: self._credit,
            m.KEY.msg_id: self._key,
            m.STATS.msg_id: self._stats,
            m.TIMING.msg_id: self._timing,
        }
        for extra in app.extras:
            attach = getattr(extra, "attach", None)
            if attach is not None:
                attach(app)
            self._handlers.update(extra.handlers)

    def answer(self, message: bytes):
        """Return the reply to ``message``, or None where there is none."""
        request = None
        for each in m.REQUESTS:
            if each.msg_id == message[0]:
                request = each
        if request is None:
            return None  # not ours to answer: noise with a good CRC, or our own echo
        try:
            fields = request.unpack(message)
        except WireError as error:
            return self._refuse(request, message, m.BAD_VALUE, str(error))
        handler = self._handlers.get(message[0])
        if handler is None:
            return self._refuse(
                request, message, m.UNSUPPORTED, "%s is not in this firmware" % request.name
            )
        try:
            return handler(fields)
        except RefusedError as error:
            return self._refuse(request, message, error.code, error.args[0])

    def _refuse(self, request, message, code, text):
        if request is m.CREDIT:
            return None  # it has no ref: nobody waits for an answer
        at = request.offset("ref")
        ref = message[at] if len(message) > at else 0
        return m.REFUSED.pack(ref, message[0], code, rest=text.encode())

    def _hello(self, fields):
        app = self._app
        s = app.settings
        if s.calibration.has_moved:
            s.calibration.identify()
        g = s.geometry
        text = "\0".join((s.serial, g.name, s.firmware, self._kernels_name))
        return m.HELLO_REPLY.pack(
            m.PROTOCOL_VERSION,
            fields["ref"],
            s.boot,
            s.side,
            s.form,
            s.forms,
            s.calibration.calibration_id,
            g.n_cells,
            g.rows,
            g.cols,
            g.length,
            g.width,
            s.period_us,
            s.imu_period_us if s.imu_per_frame else 0,
            s.imu_axes if s.imu_per_frame else 0,
            s.accel_lsb_um_s2,
            s.gyro_lsb_urad_s,
            s.calibration.force_lsb_un,
            s.features,
            self._self_test | s.failed,
            rest=text.encode(),
        )

    def _start(self, fields):
        app = self._app
        form = fields["form"] or app.settings.form
        if form > 7 or not app.settings.forms >> form & 1:
            reason = (
                misfit(form, app.settings.geometry.n_cells)
                if form in m.FORM_NAMES
                else "form %d is unknown" % form
            )
            raise RefusedError(m.NO_FIT, reason)
        app.start(form, fields["window"])
        return m.START_REPLY.pack(fields["ref"], app.settings.boot, *app.sampler.seq)

    def _stop(self, fields):
        app = self._app
        app.stop()
        while app.send_one():  # the reply counts what has gone before it
            pass
        return m.STOP_REPLY.pack(
            fields["ref"], app.settings.boot, *app.sampler.seq, *app.n_dropped()
        )

    def _settings(self, fields):
        key = fields["key"]
        value = fields["value"]
        app = self._app
        s = app.settings
        n = s.geometry.n_cells
        if key not in m.SETTING_NAMES:
            raise RefusedError(m.BAD_VALUE, "setting %d is unknown" % key)
        if fields["is_set"]:
            if key == m.BODY_WEIGHT:
                if value > 255 * n:
                    raise RefusedError(
                        m.BAD_VALUE, "body weight %d counts, at most %d" % (value, 255 * n)
                    )
                s.body_weight = value
                app.sampler.detector.set_body_weight(value)
            elif key == m.DEAD_BAND:
                if value > 255:
                    raise RefusedError(m.BAD_VALUE, "dead-band %d counts, at most 255" % value)
                s.calibration.table[2 * n] = value
                s.calibration.identify()
            elif key == m.NOISE:
                if value > 4095:
                    raise RefusedError(m.BAD_VALUE, "noise %d counts, at most 4095" % value)
                s.noise = value
                app.sampler.detector.noise = value
                app.sampler.detector.set_body_weight(s.body_weight)
            elif key == m.PERIOD:
                if not s.min_period_us <= value <= 1000000:
                    raise RefusedError(
                        m.BAD_VALUE,
                        "period %d us, from %d (the scan takes that long) to 1000000"
                        % (value, s.min_period_us),
                    )
                s.next_period_us = value
            elif value > 1:
                raise RefusedError(
                    m.BAD_VALUE, "%s is 0 or 1, not %d" % (m.SETTING_NAMES[key], value)
                )
            elif key == m.FITNESS:
                s.fitness = value
            elif key == m.SIDE:
                s.next_side = value
            else:
                s.rezero = value
            s.keep()
        now = (
            0,
            s.body_weight,
            s.calibration.table[2 * n],
            s.noise,
            s.fitness,
            s.rezero,
            s.next_period_us,
            s.next_side,
        )[key]
        return m.SETTINGS_REPLY.pack(fields["ref"], key, now)

    def _tables(self, fields):
        s = self._app.settings
        table = fields["table"]
        words = None  # of the geometry: made when asked for
        if table == m.TABLE_CALIBRATION:
            words = s.calibration.table
        elif table == m.TABLE_READOUT:
            words = s.readout
        elif table != m.TABLE_GEOMETRY:
            raise RefusedError(m.BAD_VALUE, "table %d is unknown" % table)
        total = 6 * s.geometry.n_cells if words is None else 2 * len(words)
        offset = fields["offset"]
        if offset > total or offset & 1:
            raise RefusedError(m.BAD_VALUE, "offset %d in a table of %d bytes" % (offset, total))
        start = offset >> 1
        stop = min(offset + TABLE_PIECE, total) >> 1
        piece = s.geometry.words(start, stop) if words is None else words[start:stop]
        return m.TABLES_REPLY.pack(fields["ref"], table, total, offset, rest=piece)

    def _ping(self, fields):
        sampler = self._app.sampler
        self._seed = (self._seed * 75 + 74) % 65537
        self._hold_us = (self._seed >> 2) * HOLD_US // 16385  # nothing reaches 2**30
        self._pong = (fields["ref"], sampler.now(), sampler.n_wraps)

    def send_pong(self, link) -> None:
        """Answer a ping once its time has come and the link takes it, stamped as it leaves.

        One answer waits at most: a ping that comes meanwhile takes its place, and hosts ask again.
        """
        sampler = self._app.sampler
        if self._pong and _ticks.diff(sampler.now(), self._pong[1]) >= self._hold_us:
            reply = m.PING_REPLY.pack(*self._pong, sampler.now(), sampler.n_wraps)
            if link.send(bytearray(reply + bytes(CRC_SIZE)), len(reply)):
                self._pong = ()

    def _credit(self, fields):
        if fields["boot"] == self._app.settings.boot and fields["stream"] < m.N_STREAMS:
            self._app.credit(fields["stream"], fields["seq"])

    def _key(self, fields):
        self._app.sampler.key_frame()
        return m.KEY_REPLY.pack(fields["ref"])

    def _timing(self, fields):
        from solefoot.app.timing import answer

        try:
            return answer(self._app, fields)
        except ValueError as error:
            raise RefusedError(m.BAD_VALUE, error.args[0])

    def _stats(self, fields):
        app = self._app
        free = getattr(gc, "mem_free", int)()  # CPython does not tell
        n_queued = sum(box.n_bytes for box in app.outboxes)
        battery_mv, battery_pct = app.board.battery()
        n_log = n_log_free = 0
        if app.log is not None:
            n_log, n_log_free = app.log.n_blocks, app.log.n_free
        return m.STATS_REPLY.pack(
            fields["ref"],
            app.settings.boot,
            *app.sampler.seq,
            *app.n_dropped(),
            app.sampler.n_overruns,
            app.link.n_bad_frames,
            min(n_queued, 65535),
            free,
            battery_mv,
            battery_pct,
            n_log,
            n_log_free,
            app.settings.n_resets,
            app.gc_pause_us,
        )
