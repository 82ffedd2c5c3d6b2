from __future__ import annotations

import json
import subprocess
import sys

import pytest

import solekit

HEAVY = ("numpy", "scipy", "pandas", "serial", "mcap", "asyncio", "solekit_hil")

SCRIPT = """
import json, sys, time
began = time.perf_counter()
import solekit
took = time.perf_counter() - began
print(json.dumps({"took_s": took, "modules": sorted(sys.modules)}))
"""


def test_importing_solekit_imports_nothing_heavy():
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True
    )
    found = json.loads(done.stdout)
    print(f"import solekit takes {1000 * found['took_s']:.0f} ms")  # noqa: T201
    assert not [name for name in HEAVY if name in found["modules"]]


def test_every_public_name_is_there():
    for name in solekit.__all__:
        assert getattr(solekit, name) is not None
    assert set(solekit.__all__) <= {*dir(solekit), *solekit._WHERE}


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="'solekit' has no attribute 'Insoles'"):
        _ = solekit.Insoles
