"""The keys of bonded centrals, as the stack asks for them; they outlive a restart."""

MAX_SECRETS: int = 8  # a bond is two of them in NimBLE: its own keys and the central's


class Bonds:
    """Secrets in order of age; ``store`` has ``get(name, default)`` and ``put(name, dict)``."""

    def __init__(self, store) -> None:
        self._store = store
        self._entries = []  # kind, key, value
        self._is_dirty = False
        self.has_refused = False  # a secret of this connection was not taken
        kept = store.get("bonds") or {}
        for place in sorted(kept):
            kind, key, value = kept[place]
            self._entries.append((kind, _bytes(key), _bytes(value)))

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
                return entry[2]
        return None

    def set(self, kind, key, value, is_open) -> bool:
        """Keep or (``value`` None) forget a secret; refused while the window is shut."""
        key = bytes(key)
        others = [e for e in self._entries if not (e[0] == kind and e[1] == key)]
        if value is None:
            is_known = len(others) < len(self._entries)
            self._entries = others
            self._is_dirty = self._is_dirty or is_known
            return is_known
        if not is_open:
            self.has_refused = True
            return False
        others.append((kind, key, bytes(value)))
        self._entries = others[-MAX_SECRETS:]
        self._is_dirty = True
        return True

    def save(self) -> None:
        """Write what has changed; not while the stack waits for an answer."""
        if not self._is_dirty:
            return
        self._is_dirty = False
        kept = {}
        for i, (kind, key, value) in enumerate(self._entries):
            kept["%02d" % i] = [kind, _hex(key), _hex(value)]
        self._store.put("bonds", kept)


def _hex(data):
    return "".join(["%02x" % byte for byte in data])


def _bytes(text):
    return bytes([int(text[i : i + 2], 16) for i in range(0, len(text), 2)])
