"""The keys of bonded centrals, as the stack asks for them; they outlive a restart."""

MAX_SECRETS: int = 8  # a bond is two of them in NimBLE: its own keys and the central's


class Bonds:
    """Secrets in order of age; ``store`` has ``get(name, default)`` and ``put(name, dict)``."""

    def __init__(self, store) -> None:
        self._store = store
        self._entries = []  # kind, key, value, whether it is the stack's own
        self._is_dirty = False
        kept = store.get("bonds") or {}
        for place in sorted(kept):
            kind, key, value, is_own = kept[place]
            self._entries.append((kind, _bytes(key), _bytes(value), is_own))
        self.begin(False)

    def begin(self, is_connected) -> None:
        """Note that a connection has begun or ended."""
        self._is_connected = is_connected
        self.has_refused = False  # a secret of this connection was not taken
        self.has_known = False  # one was there, or was taken

    def get(self, kind, index, key):
        """Return the ``index``-th secret of ``kind`` (``key`` None), that of ``key``, or None."""
        i = 0
        for entry in self._entries:
            if entry[0] != kind:
                continue
            if key is None:
                if i == index:
                    return entry[2]
                i += 1
            elif entry[1] == bytes(key):
                self.has_known = True
                return entry[2]
        return None

    def set(self, kind, key, value, is_open) -> bool:
        """Keep or (``value`` None) forget a secret of a central; refused unless ``is_open``.

        What comes without a connection is a key of the stack's own, which stays.
        """
        key = bytes(key)
        if self._is_connected and not is_open:
            # Neither may a stranger with a borrowed address have the bond of another forgotten.
            self.has_refused = self.has_refused or value is not None
            return False
        entries = [e for e in self._entries if not (e[0] == kind and e[1] == key)]
        if value is None:
            is_known = len(entries) < len(self._entries)
            self._is_dirty = self._is_dirty or is_known
        else:
            is_known = self.has_known = True
            entries.append((kind, key, bytes(value), not self._is_connected))
            if len([e for e in entries if not e[3]]) > MAX_SECRETS:
                entries.remove(next(e for e in entries if not e[3]))
            self._is_dirty = True
        self._entries = entries
        return is_known

    def save(self) -> None:
        """Write what has changed; not while the stack waits for an answer."""
        if not self._is_dirty:
            return
        self._is_dirty = False
        kept = {}
        for i, (kind, key, value, is_own) in enumerate(self._entries):
            kept["%02d" % i] = [kind, _hex(key), _hex(value), is_own]
        self._store.put("bonds", kept)


def _hex(data):
    return "".join(["%02x" % byte for byte in data])


def _bytes(text):
    return bytes([int(text[i : i + 2], 16) for i in range(0, len(text), 2)])
