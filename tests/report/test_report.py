"""The report: everything in one file, nothing invented, nothing left out."""

from __future__ import annotations

import asyncio
import re
import sys
from html.parser import HTMLParser
from io import BytesIO

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

import solekit
from solecore.layouts import GRID_30X22
from solefoot.app.settings import flat_calibration
from solekit import layouts
from solekit.analysis import analyse
from solekit.biomarkers import variables
from solekit.errors import DataError, MissingExtraError
from solekit.report import write_report
from solekit.report.picture import FOUR_PHASES, headline
from solekit.report.stances import N_POINTS, describe_stances
from solekit.report.tables import label, rounded
from solekit_hil import world as worlds

VOID = {"meta", "img", "br", "link", "input", "hr"}
HOSTILE = "<script>alert('P&01')</script>"
PARTS = [
    *("Research use, not a medical device", "<img ", "The six insole variables", "All other"),
    *("How each variable is defined", "Nothing is lost silently", "Clocks", "Insoles"),
    *(">Warnings<", ">Versions<"),
]


class Page(HTMLParser):
    """Collects what a page is made of, and refuses tags that do not match."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.open, self.tags, self.links, self.words = [], [], [], []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.links += [value for name, value in attrs if name in ("src", "href")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, text):
        if "style" not in self.open:
            self.words.append(text)

    @property
    def text(self):
        return " ".join(self.words)


async def _record(path, uri, duration_s, about):
    async with solekit.connect_pair(uri) as pair:
        pair.record_to(path, **about)
        await pair.start()
        await pair.clock.sleep(duration_s)
        await pair.stop()


def record(folder, uri, duration_s=15.0, **about):
    path = folder / f"{len(list(folder.iterdir()))}.mcap"
    asyncio.run(_record(path, uri, duration_s, about))
    return solekit.Recording(path)


def report(analysis, folder):
    path = write_report(analysis, folder / "new" / "report.html")
    return path.read_text(encoding="utf-8")


def letters(figure):
    """Return all text of a figure, and draw it."""
    figure.savefig(BytesIO(), format="png")
    found = [text for axes in figure.axes for text in axes.texts]
    found += [axes.title for axes in figure.axes] + [axes.yaxis.label for axes in figure.axes]
    found += [axes.xaxis.label for axes in figure.axes]
    found += [getattr(axes, "_left_title") for axes in figure.axes]  # noqa: B009
    return " | ".join(text.get_text() for text in found if text.get_text())


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("recordings")


@pytest.fixture(scope="module")
def cells(folder):
    """Sixteen cells at 100 Hz: every one of the six variables is there."""
    uri = "sim:walk?seed=2&layout=cells-16"
    return analyse(record(folder, uri, person="P-07", protocol="6MWT", note="flat shoes"))


@pytest.fixture(scope="module")
def grid(folder):
    """A grid at 30 Hz: too few strides for double support; hostile words."""
    recording = record(folder, "sim:walk?seed=1", note=f'"{HOSTILE}"')
    recording.first("about")["person"] = HOSTILE  # as a program of somebody else may write it
    return analyse(recording)


@pytest.fixture
def uncalibrated(folder, monkeypatch):
    def make(fields, geometry, _calibration):
        unknown = {"calibration_id": 0, "force_lsb_un": 0, "body_weight": 0}
        return local({**fields, **unknown}, geometry, flat_calibration(16).table)

    local = worlds.LocalFoot
    monkeypatch.setattr(worlds, "LocalFoot", make)
    return analyse(record(folder, "sim:walk?seed=1&layout=cells-16"))


def test_the_page_is_whole_in_order_and_needs_nothing_else(cells, tmp_path):
    text = report(cells, tmp_path)
    page = Page(text)
    assert page.tags.count("html") == 1
    assert "script" not in page.tags
    assert page.links
    assert all(link.startswith(("data:image/png;base64,", "#")) for link in page.links)
    assert not re.search(r"(src|href)\s*=\s*[\"']?\s*(https?:)?//", text)
    assert "url(" not in text
    assert "@import" not in text
    places = [text.index(part) for part in PARTS]
    assert places == sorted(places)


def test_the_page_says_who_what_how_long_and_on_what_it_rests(cells, tmp_path):
    words = Page(report(cells, tmp_path)).text
    seconds = f"{cells.span_s[1] - cells.span_s[0]:.1f} s"
    for fact in ("P-07", "6MWT", "flat shoes", seconds, "virtual time", "raw12 (full resolution)"):
        assert fact in words
    for fact in ("VIRTUAL-0002-L", "VIRTUAL-0002-R", "cells-16", "N per count", "SHA-256"):
        assert fact in words
    assert "✓ adds up, nothing missing" in words
    assert "close enough to compare the feet" in words
    assert "numpy" in words


def test_every_variable_is_in_the_page_with_value_and_error_or_reason(cells, tmp_path):
    words = Page(report(cells, tmp_path)).text
    for variable in variables():
        assert words.count(label(variable.name)) >= 2  # its values and its definition
    for row in cells.variables.to_dict("records"):
        if row["reason"]:
            assert f"not reported: {row['reason']}" in words
        else:
            value, error, _ = rounded(row["value"], row["error"], row["sd"])
            assert value in words
            assert f"± {error}" in words or not error


def test_what_the_data_cannot_carry_is_refused_in_words_and_not_drawn(grid, tmp_path):
    assert "left strides carry it; 20 are needed at 30 Hz" in Page(report(grid, tmp_path)).text
    shown = letters(headline(grid))
    assert "double support: " in shown
    assert "stance" in shown
    assert "single support" not in shown


def test_words_of_the_user_cannot_become_part_of_the_page(grid, tmp_path):
    text = report(grid, tmp_path)
    assert "<script" not in text
    page = Page(text)
    assert "script" not in page.tags
    assert page.text.count(HOSTILE) == 3  # heading, title and note


def test_an_uncalibrated_insole_has_no_physical_unit_anywhere(uncalibrated, tmp_path):
    words = Page(report(uncalibrated, tmp_path)).text
    shown = letters(headline(uncalibrated))
    for text in (words, shown):
        assert "kPa" not in text
        assert "newton" not in text.lower()
        assert "uncalibrated" in text.lower()
    assert "N per count" not in words
    assert "N" not in shown.split(" | ")
    assert "counts" in shown


def test_one_foot_is_shown_and_the_other_is_said_to_be_absent(folder, tmp_path):
    analysis = analyse(record(folder, "sim:walk?seed=1&side=right&layout=cells-4", 12.0))
    words = Page(report(analysis, tmp_path)).text
    assert "only the right foot was recorded; this needs both" in words
    assert "One clock" in words
    shown = letters(headline(analysis))
    assert "no left foot" in shown
    assert "right, " in shown


@pytest.mark.parametrize("duration_s", [0.05, 3.0])
def test_standing_for_any_time_is_shown_without_strides(folder, tmp_path, duration_s):
    analysis = analyse(record(folder, "sim:stand?seed=1&layout=cells-4", duration_s))
    assert "No gait event was found" in Page(report(analysis, tmp_path)).text
    shown = letters(headline(analysis))
    assert "no stride to take phases from" in shown
    assert "no stance: whole recording" in shown


def test_a_recording_without_frames_still_gives_a_page(cells, tmp_path):
    silent = solekit.Recording(cells.recording.path)
    for foot in silent.feet.values():
        foot.counts, foot.t_s, foot.events = foot.counts[:0], foot.t_s[:0], foot.events[:0]
    analysis = analyse(silent)
    assert analysis.sides == ()
    assert "No readable frame of the left insole arrived" in Page(report(analysis, tmp_path)).text
    assert "no frames in the recording" in letters(headline(analysis))


def test_losses_are_marked_in_the_page(folder, tmp_path):
    analysis = analyse(record(folder, "sim:walk?seed=1&loss=0.05&log=0", 8.0))
    words = Page(report(analysis, tmp_path)).text
    loss = analysis.recording.feet["left"].loss["pressure"]
    assert f"⚠ adds up; {loss.missing / loss.sampled:.1%} missing" in words
    assert f"+ {loss.missing}" in words


def test_the_phases_that_are_drawn_sum_to_100_percent(cells):
    strides = cells.strides.loc[cells.strides["is_valid"]]
    for side in layouts.SIDES:
        mine = strides.loc[strides["side"] == side, [column for column, _, _ in FOUR_PHASES]]
        assert mine.dropna().mean().sum() == pytest.approx(100)
    shown = letters(headline(cells))
    numbers = [float(n) for n in re.findall(r"(?<![\d.])\d+\.\d(?![\d.])", shown)]
    assert sum(numbers) == pytest.approx(200, abs=0.4)


def test_the_picture_is_drawn_on_its_own_canvas_and_names_its_units(cells):
    figure = headline(cells)
    assert isinstance(figure.canvas, FigureCanvasAgg)
    shown = letters(figure)
    assert "kPa" in shown
    assert "N" in shown.split(" | ")
    assert figure.get_size_inches()[0] * figure.dpi == 1200


def test_gait_lines_run_from_heel_to_toes_and_mirror_each_other(grid):
    lines = {side: describe_stances(grid, side).gait_lines_mm for side in layouts.SIDES}
    width_mm = layouts.named(GRID_30X22, "left").width_mm
    for found in lines.values():
        assert found.shape[1:] == (N_POINTS, 2)
        mean = found.mean(axis=0)
        assert mean[0, 1] < 0.31 * 240 < 0.6 * 240 < mean[-1, 1]
    left, right = (lines[side].mean(axis=0) for side in layouts.SIDES)
    np.testing.assert_allclose(left[:, 0], width_mm - right[:, 0], atol=3)
    assert left[-1, 0] > width_mm / 2 > right[-1, 0]  # both end at the big toe


def test_numbers_have_two_digits_of_their_error():
    assert rounded(8.9849, 0.1211, 0.3951) == ("8.98", "0.12", "0.40")
    assert rounded(110.577, 2.52, float("nan")) == ("110.6", "2.5", "")
    assert rounded(1.09139, 0.000004, 0.02) == ("1.0914", "0.0000", "0.0200")
    assert rounded(111.0, 0.0, float("nan")) == ("111", "", "")
    assert label("stride_time_robust_cv") == "Stride time robust CV"


def test_a_missing_matplotlib_names_the_extra(cells, tmp_path, monkeypatch):
    for name in [name for name in sys.modules if name.startswith("solekit.report.")]:
        monkeypatch.delitem(sys.modules, name)
    for name in [name for name in sys.modules if name.partition(".")[0] == "matplotlib"]:
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingExtraError, match=r"solekit\[report\]"):
        write_report(cells, tmp_path / "report.html")


def test_a_place_that_cannot_be_written_is_a_plain_error(cells, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DataError, match="cannot be written"):
        write_report(cells, tmp_path / "file" / "report.html")
