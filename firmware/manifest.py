"""For a MicroPython with the application inside: make ... FROZEN_MANIFEST=.../manifest.py.

Frozen code runs from flash and leaves the heap to data, but only a new interpreter changes it.
"""

include("$(PORT_DIR)/boards/manifest.py")  # noqa: F821 # type: ignore
package("solecore", opt=2)  # noqa: F821 # type: ignore
package("solefoot", opt=2)  # noqa: F821 # type: ignore
