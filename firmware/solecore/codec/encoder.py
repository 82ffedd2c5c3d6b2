"""Write pressure frames into messages without allocating."""

from solecore.codec.forms import DELTA_FRAME, KEY_FRAME, PLAIN_FRAME
from solecore.wire.messages import CODED8, RAW12


class FrameEncoder:
    """Encode frames of ``n_cells`` in ``form``; a key frame every ``key_every`` frames."""

    def __init__(self, form: int, n_cells: int, key_every: int, kernels) -> None:
        self.form = form
        self._n = n_cells
        self._key_every = key_every
        self._k = kernels
        self._since_key = key_every

    def force_key(self) -> None:
        """Make the next coded frame a key frame (a frame was lost, or the host asked)."""
        self._since_key = self._key_every

    def encode_into(self, raw, cells, before, out, at):
        """Write one frame at ``out[at:]`` and return its end.

        ``raw`` is u16 counts; ``cells`` and ``before`` are calibrated u8, ``before`` those of the
        frame encoded last. A coded frame starts with its mode.
        """
        k = self._k
        n = self._n
        if self.form == RAW12:
            return k.pack12(raw, out, n, at)
        if self.form != CODED8:
            return k.copy8(cells, out, n, at)
        how = n | (at + 1) << k.AT_SHIFT
        if self._since_key < self._key_every:
            how |= k.MAY_DELTA
        end = k.code8(cells, before, out, how)
        if end & k.IS_DELTA:
            out[at] = DELTA_FRAME
            self._since_key += 1
            return end ^ k.IS_DELTA
        self._since_key = 1
        if end:
            out[at] = KEY_FRAME
            return end
        out[at] = PLAIN_FRAME
        out[at + 1] = 0  # tokens
        return k.copy8(cells, out, n, at + 2)
