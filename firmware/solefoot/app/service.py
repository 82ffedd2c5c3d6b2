"""What a host may ask of an insole on the bench: calibrate, self-test. An extra of the App.

The work is done by modules that are loaded when first asked for; here is who may run when.
"""

import sys

from solecore.wire import codes
from solecore.wire import messages as m
from solefoot.app.commands import RefusedError

_NO_ROOM: str = "the heap has no room for that; restart the insole and ask at once"
_UNCALIBRATED: str = "zero first: without a base there is no gain"


def boot_test(board, settings) -> None:
    """Test ``board`` at rest and set what HELLO says of it; the heap is as before."""
    from solefoot.app import selftest

    settings.failed |= selftest.failed(selftest.at_rest(board, settings))
    _unload("selftest")


def _unload(name):
    """Give the heap back what a module takes that is rarely needed."""
    package = sys.modules["solefoot.app"]
    sys.modules.pop("solefoot.app." + name, None)
    if hasattr(package, name):
        delattr(package, name)


class Service:
    """Handlers of CALIBRATE and SELF_TEST, and the base that follows in swing (``rezero``).

    One job at a time looks at the frames; a new request takes the place of the old one.
    """

    features = codes.FEATURE_CALIBRATE | codes.FEATURE_SELF_TEST

    def __init__(self) -> None:
        self.handlers = {
            m.CALIBRATE.msg_id: self._calibrate,
            m.SELF_TEST.msg_id: self._self_test,
        }
        self.noise = 0  # of the last zero, 1/16 raw count
        self.n_doubtful = 0  # cells without a gain of their own
        self._op = 0
        self._job = None
        self._n_frames = 0
        self._problem = ""
        self._levels = None
        self._force_un = 0  # of a count, as asked for
        self._rezero = None
        self._is_loaded = False  # of the modules that do the work, any

    def attach(self, app) -> None:
        """Take note of the app whose extra this is."""
        self._app = app
        app.settings.features |= self.features

    def turn(self, app) -> None:
        """Finish what has its frames; begin and end the re-zero."""
        job = self._job
        if job is not None and self._op and job.is_full:
            self._finish(job)
        if bool(app.settings.rezero) != (self._rezero is not None):
            self._switch_rezero()
        if self._is_loaded and self._job is None and self._levels is None:
            self._is_loaded = False
            _unload("calibration")
            _unload("selftest")

    def _watch(self, old, new):
        """Let ``new`` see the frames in place of ``old``; either may be None."""
        sampler = self._app.sampler
        watchers = tuple(one for one in sampler.watchers if one is not old)
        sampler.watchers = watchers if new is None else watchers + (new,)

    def _begin(self, job, op):
        self._watch(self._job, job)
        self._job = job
        self._op = op
        self._problem = ""

    def _finish(self, job):
        from solefoot.app.calibration import NotDoneError

        self._watch(job, None)
        self._job = None
        self._n_frames = job.n_frames
        calibration = self._app.settings.calibration
        try:
            job.finish(calibration, self)
        except NotDoneError as error:
            self._problem = str(error)
        else:
            calibration.identify()
            self._app.sampler.restart()

    def _switch_rezero(self):
        from solefoot.app.rezero import Rezero

        old = self._rezero
        self._rezero = None if old else Rezero(self._app.settings)
        self._watch(old, self._rezero)

    def _calibrate(self, fields):
        from solefoot.app.calibration import NotDoneError

        self._is_loaded = True
        op = fields["op"]
        try:
            self._do(op, fields["value"])
            problem = ""
        except NotDoneError as error:
            problem = str(error)
        except MemoryError:
            problem = _NO_ROOM
        if problem:
            raise RefusedError(m.BAD_VALUE, problem)
        return self._state(fields["ref"], op)

    def _do(self, op, value):
        """Begin what takes frames, do at once what takes none."""
        from solefoot.app import calibration as jobs

        s = self._app.settings
        c = s.calibration
        if op == codes.CALIBRATE_STATE:
            if self._problem:
                text = self._problem
                self._problem = ""
                raise RefusedError(m.BAD_VALUE, text)
            if c.has_moved:
                c.identify()
            return
        if op in (codes.CALIBRATE_ZERO, codes.CALIBRATE_GAIN, codes.CALIBRATE_EQUALISE):
            if not self._app.is_sampling:
                raise RefusedError(m.BAD_VALUE, "no frames are taken: start streaming first")
            self._begin(None, 0)
            if op == codes.CALIBRATE_ZERO:
                job = jobs.Zero(s)
            elif not c.steps & c.ZEROED:
                raise RefusedError(m.BAD_VALUE, _UNCALIBRATED)
            elif op == codes.CALIBRATE_GAIN:
                if self._levels is None:
                    self._levels = jobs.Levels(s)
                job = jobs.Gain(s, self._levels, value, self._force_un)
            else:
                job = jobs.Equalise(s, value)
            self._begin(job, op)
            return
        self._begin(None, 0)
        self._levels = None
        if op == codes.CALIBRATE_FORCE:
            if not 0 < value < 1 << 30:
                raise RefusedError(m.BAD_VALUE, "%d uN of a count, from 1 to 2**30 - 1" % value)
            self._force_un = value
            if c.steps & (c.GAINED | c.EQUALISED):
                c.force_lsb_un = value
        elif op == codes.CALIBRATE_RESET:
            self._reset(s)
        elif op == codes.CALIBRATE_KEEP:
            if s.store is None:
                raise RefusedError(m.UNSUPPORTED, "this insole has no flash to keep tables in")
            s.keep_calibration()
            s.keep()
            c.mark_zero()
        else:
            raise RefusedError(m.BAD_VALUE, "calibration step %d is unknown" % op)
        c.identify()

    def _reset(self, s):
        c = s.calibration
        n = s.geometry.n_cells
        for i in range(n):
            c.table[i] = 0
            c.table[n + i] = 4096
        c.force_lsb_un = c.steps = 0
        c.mark_zero()
        self._force_un = 0
        if s.store is not None:
            s.store.remove("calibration")
        self._app.sampler.restart()

    def _state(self, ref, op):
        s = self._app.settings
        c = s.calibration
        job = self._job
        mean, most = c.drift()
        return m.CALIBRATE_REPLY.pack(
            ref,
            op,
            job is None,
            c.calibration_id,
            min(65535, self._n_frames if job is None else job.n_frames),
            self.noise,
            c.table[2 * s.geometry.n_cells],
            mean,
            most,
            self.n_doubtful,
        )

    def _self_test(self, fields):
        try:
            return self._test(fields)
        except MemoryError:
            pass
        raise RefusedError(m.BAD_VALUE, _NO_ROOM)

    def _test(self, fields):
        from solefoot.app import selftest

        self._is_loaded = True
        mode = fields["mode"]
        n_frames = 0
        if mode == codes.TEST_REST:
            faults = selftest.at_rest(self._app.board, self._app.settings)
        elif mode == codes.TEST_WALK:
            if not self._app.is_sampling:
                raise RefusedError(m.BAD_VALUE, "no frames are taken: start streaming first")
            self._begin(None, 0)
            self._begin(selftest.Walk(self._app.settings), 0)
            faults = ()
        elif mode == codes.TEST_REPORT:
            job = self._job
            if not isinstance(job, selftest.Walk):
                raise RefusedError(m.BAD_VALUE, "no test runs: begin one while walking")
            if not job.is_full:
                raise RefusedError(
                    m.NOT_YET,
                    "%d of %d frames with load: walk on" % (job.n_frames, job.n_wanted),
                )
            n_frames = job.n_frames
            self._begin(None, 0)
            faults = selftest.parts(self._app.board, self._app.settings) + job.faults()
        else:
            raise RefusedError(m.BAD_VALUE, "test %d is unknown" % mode)
        failed = selftest.failed(faults)
        return m.SELF_TEST_REPLY.pack(
            fields["ref"], mode, failed, n_frames, rest=selftest.packed(faults)
        )
