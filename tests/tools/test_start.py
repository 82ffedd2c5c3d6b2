"""The main job's command: which report it shows, and to whom."""

import os

from tools import start


def test_the_report_of_this_run_is_the_newest_page(tmp_path):
    for number, written_s in ((1, 1000.0), (2, 3000.0)):
        page = tmp_path / f"walk-00{number}.html"
        page.touch()
        os.utime(page, (written_s, written_s))
    assert start.find_report(tmp_path, since_s=2990.0) == tmp_path / "walk-002.html"
    assert start.find_report(tmp_path, since_s=4000.0) is None
    assert start.find_report(tmp_path / "absent", since_s=0.0) is None


def test_nothing_opens_in_ci_or_without_a_display():
    assert start.has_display("linux", {"DISPLAY": ":0"})
    assert not start.has_display("linux", {})
    assert not start.has_display("darwin", {"CI": "true"})
    assert start.has_display("darwin", {})
