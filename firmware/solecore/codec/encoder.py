"""Write pressure frames into messages without allocating."""

from solecore._plain import AT_SHIFT, IS_DELTA, MAY_DELTA
from solecore.codec.forms import DELTA_FRAME, KEY_FRAME, PLAIN_FRAME
from solecore.wire.messages import CODED8, RAW12


class FrameEncoder:
    """Encode frames of ``n_cells`` in ``form``; a key frame every ``key_every`` frames."""

    def __init__(self, form: int, n_cells: int, key_every: int, kernels) -> None:
        self.form = form
        self._n = n_cells
        self._key_every = key_every
        self._k = kernels
        self._code8 = kernels.code8
        self._since_key = key_every
        self.before = None  # cells of the frame encoded last

    def force_key(self) -> None:
        """Make the next coded frame a key frame (a frame was lost, or the host asked)."""
        self._since_key = self._key_every

    def encode_into(self, raw, cells, before, out, at):
        """Write one frame at ``out[at:]`` and return its end.

        ``raw`` is u16 counts; ``cells`` and ``before`` are calibrated u8, ``before`` those of the
        frame encoded last. A coded frame starts with its mode.
        """
        if self.form == RAW12:
            return self._k.pack12(raw, out, self._n, at)
        if self.form != CODED8:
            return self._k.copy8(cells, out, self._n, at)
        self.before = before
        return self.code_into(cells, out, at)

    def code_into(self, cells, out, at):
        """Write a coded frame, as ``encode_into`` does, after the one of ``self.before``.

        With few locals: a call with more than 11 words of state takes them from the heap, after a
        slow search.
        """
        word = self._n | (at + 1) << AT_SHIFT
        if self._since_key < self._key_every:
            word |= MAY_DELTA
        word = self._code8(cells, self.before, out, word)
        if word & IS_DELTA:
            out[at] = DELTA_FRAME
            self._since_key += 1
            return word ^ IS_DELTA
        self._since_key = 1
        if word:
            out[at] = KEY_FRAME
            return word
        return self._plain_into(cells, out, at)

    def _plain_into(self, cells, out, at):
        out[at] = PLAIN_FRAME
        out[at + 1] = 0  # tokens
        return self._k.copy8(cells, out, self._n, at + 2)
