"""The viper loops of the scan back-ends, after a probe and a self-test."""

import sys


def load(module=None):
    """Return the viper loops, or None: no such emitter, or a loop that fails its self-test.

    ``module`` is tested instead of the one that is imported. Without viper loops only the ``pin``
    back-end, ``spi_adc``, ``pio`` (with ``_plain``) and single cells work.
    """
    if module is None:
        try:
            exec("import micropython\n@micropython.viper\ndef f(a: int) -> int:\n return a\n", {})
        except (ImportError, SyntaxError, NameError, AttributeError):
            return None
        from solefoot.drivers.scan import _viper

        module = _viper
    from solefoot.drivers import scan
    from solefoot.drivers.scan import _proof

    try:
        return module if _proof.holds(module) else None
    except Exception:  # a miscompiled loop may do anything
        return None
    finally:  # the proof has done its work; the heap is small
        del sys.modules["solefoot.drivers.scan._proof"]
        del scan._proof  # type: ignore[attr-defined]
