"""dbus-daemon, which the virtual BlueZ needs: how it is found, and how a missing one is told."""

import pytest

from tools import bluez


@pytest.fixture
def bare(monkeypatch):
    """A Linux machine without dbus-daemon; its list of what apt was asked for."""
    asked = []
    monkeypatch.setattr(bluez.platform, "system", lambda: "Linux")
    monkeypatch.setattr(
        bluez.shutil, "which", lambda name: None if name == bluez.PROGRAM else f"/usr/bin/{name}"
    )
    monkeypatch.setattr(bluez.os, "geteuid", lambda: 0)

    def apt(*arguments):
        asked.append(arguments)
        return False

    monkeypatch.setattr(bluez, "apt", apt)
    return asked


def test_without_root_the_package_is_named(bare, monkeypatch):
    monkeypatch.setattr(bluez.os, "geteuid", lambda: 1000)
    with pytest.raises(bluez.BluezUnavailable, match="as root: apt-get install dbus-daemon"):
        bluez.provide(print)
    assert bare == []


def test_as_root_it_is_installed_also_from_an_empty_index(bare, monkeypatch):
    def apt(*arguments):
        bare.append(arguments)
        is_updated = ("update",) in bare
        if is_updated and arguments[0] == "install":
            monkeypatch.setattr(bluez.shutil, "which", lambda name: f"/usr/bin/{name}")
        return is_updated

    monkeypatch.setattr(bluez, "apt", apt)
    assert bluez.provide(lambda text: None).name == bluez.PROGRAM
    words = [arguments[0] for arguments in bare]
    assert words == ["install", "install", "update", "install"]


def test_what_cannot_be_installed_is_told(bare):
    with pytest.raises(bluez.BluezUnavailable, match="there is no dbus-daemon"):
        bluez.provide(lambda text: None)


def test_other_systems_are_told_that_it_is_for_linux(monkeypatch):
    monkeypatch.setattr(bluez.platform, "system", lambda: "Darwin")
    assert bluez.find() is None
    with pytest.raises(bluez.BluezUnavailable, match="for Linux, this is Darwin"):
        bluez.provide(print)
