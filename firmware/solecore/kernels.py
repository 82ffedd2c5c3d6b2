"""The per-cell loops, picked once: viper where it works and proves right, plain Python elsewhere.

Every implementation is a module with the functions of ``_plain``; its docstrings are the contract.
The host brings a numpy module of the same shape and hands it to whoever needs kernels.
"""

import sys

import solecore


def self_test(module, n: int = 61) -> bool:
    """Return whether every kernel of ``module`` gives what its plain twin gives."""
    from solecore._proof import holds

    return holds(module, n)


def best() -> tuple:
    """Return ``(kernels module, name, passed)``: viper if it exists and the self-test holds.

    The decorator is a SyntaxError in WebAssembly builds and a NameError on CPython, so a probe is
    compiled before the module is imported.
    """
    try:
        exec("import micropython\n@micropython.viper\ndef f(a: int) -> int:\n    return a\n", {})
    except (ImportError, SyntaxError, NameError, AttributeError):
        from solecore import _plain

        return _plain, "plain", True
    from solecore import _viper

    if self_test(_viper):
        for name in ("_proof", "_plain"):  # they have done their work; the heap is small
            del sys.modules["solecore." + name]
            delattr(solecore, name)
        return _viper, "viper", True
    from solecore import _plain

    return _plain, "plain", False
