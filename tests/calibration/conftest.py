"""Calibrations are kept in a folder of the test's own; virtual insoles leave out what they can."""

import gc

import pytest

from solekit_hil import world
from solekit_hil.stances import StanceWalker


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("SOLEKIT_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture(scope="module", autouse=True)
def quick():
    """Leave out what no calibration looks at and modelled electronics spend their time on.

    That is the motion sensor, and the collections that the firmware asks for where memory is dear:
    here they would go through all that the tests have ever loaded.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(StanceWalker, "has_imu", False)
        patch.setattr(world._Measured, "has_imu", False)
        gc.collect()
        gc.freeze()
        yield
        gc.unfreeze()
