"""Calibrations are kept in a folder of the test's own."""

import pytest


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("SOLEKIT_HOME", str(tmp_path))
    return tmp_path
