"""The report as one HTML page that needs nothing but itself."""

from __future__ import annotations

import hashlib
import math
import platform
from base64 import b64encode
from collections import Counter
from datetime import UTC, datetime
from html import escape
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from solecore.version import __version__
from solecore.wire import messages as m
from solekit.analysis import MAX_CLOCK_INTERVAL_S
from solekit.report.pressure import pressure_table
from solekit.report.tables import definitions, further_variables, six_variables, table
from solekit.soles import force_error_share

if TYPE_CHECKING:
    from collections.abc import Callable

    from solekit.analysis import Analysis
    from solekit.loss import StreamLoss
    from solekit.recording.foot import FootRecording

FIRST_DATE_S = 1e9  # a host clock below this (2001) is no date: virtual time begins at zero
NOTICE = "Research use, not a medical device"
# Nothing may be loaded and nothing may run, whatever stands in the page.
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def render(analysis: Analysis, picture_png: bytes) -> str:
    """Return the page; ``picture_png`` is the headline picture."""
    about = analysis.recording.first("about")
    title = f"Gait report: {about['person']}" if about.get("person") else "Gait report"
    body = "".join(
        (
            _header(analysis, about, title),
            _figure(analysis, picture_png),
            "<h2>The six insole variables</h2>",
            six_variables(analysis.variables),
            _reading(analysis),
            "<h2>All other variables</h2>",
            further_variables(analysis.variables),
            f"<h2>Plantar pressure</h2>{pressure_table(analysis.pressure)}",
            f"<h2>How each variable is defined</h2>{definitions()}",
            f"<h2>Nothing is lost silently</h2>{_losses(analysis)}",
            f"<h2>Clocks</h2>{_clocks(analysis)}",
            f"<h2>Insoles</h2>{_insoles(analysis)}",
            f"<h2>Warnings</h2>{_warnings(analysis)}",
            f"<h2>Versions</h2>{_versions(analysis)}",
        )
    )
    return document(title, body)


def document(title: str, body: str, *, notice: str = NOTICE) -> str:
    """Return a whole page that needs nothing but itself; ``body`` has its tags."""
    style = Path(__file__).with_name("report.css").read_text(encoding="utf-8")
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{escape(POLICY)}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{escape(title)}</title><style>{style}</style></head>"
        f"<body>{body}<footer>{escape(notice)}. Made by Solekit {escape(__version__)}.</footer>"
        "</body></html>\n"
    )


def _header(analysis: Analysis, about: dict[str, Any], title: str) -> str:
    start_s, end_s = analysis.span_s
    feet = " and ".join(analysis.sides)
    facts = (
        *(() if about.get("person") else ("No person code",)),
        f"Protocol: {analysis.recording.protocol}",
        _date(start_s),
        f"{end_s - start_s:.1f} s",
        f"{feet} foot" if feet else "no foot",
    )
    note = f"<p>Note: {escape(str(about['note']))}</p>" if about.get("note") else ""
    n = len(_sentences(analysis))
    hint = f'<a class="warn" href="#warnings">{n} warning{"s" * (n > 1)}</a>' if n else ""
    return (
        f"<header><h1>{escape(title)}</h1><p>{escape(' · '.join(facts))}</p>{note}"
        f'<p><span class="badge">{NOTICE}</span> {hint}</p></header>'
    )


def _date(t_s: float) -> str:
    if t_s < FIRST_DATE_S:
        return "virtual time, no date"
    return datetime.fromtimestamp(t_s, UTC).strftime("%Y-%m-%d %H:%M UTC")


def _figure(analysis: Analysis, picture_png: bytes) -> str:
    load, line = "load in uncalibrated counts", ""
    if analysis.is_calibrated:
        load, line = "pressure", ", and the mean way of the centre of pressure"
    return (
        f'<figure><img src="data:image/png;base64,{b64encode(picture_png).decode()}" '
        f'alt="Peak {load} of both soles{line}; load under each foot over a few seconds with gait '
        'events; phases of the gait cycle in percent of the stride.">'
        f"<figcaption>Soles from above: the largest {load} of each cell, averaged over the "
        f"stances{line}. The outline carries no data. Phases are means over the strides that have "
        "all of them.</figcaption></figure>"
    )


def _reading(analysis: Analysis) -> str:
    """Return how to read the numbers, and on which strides they rest."""
    rules = Counter(str(rule) for rule in analysis.strides["rule"])
    n_valid = rules.pop("", 0)
    left_out = ", ".join(f"{rule.replace('_', ' ')} {n}" for rule, n in sorted(rules.items()))
    return (
        '<p class="soft">± is the 1-sigma error of the printed value from the timing of the '
        "events and from the clocks; SD is the variation between the n strides. Double support is "
        "given as the mean of the two of a stride and as their sum: the field uses both.</p>"
        f'<p class="soft">{n_valid} of {len(analysis.strides)} strides count, '
        f"in {len(analysis.bouts)} walking bout(s)"
        + (f"; left out: {escape(left_out)}" if left_out else "")
        + ".</p>"
    )


def _losses(analysis: Analysis) -> str:
    rows = [
        f'<tr><th scope="row" class="{side}">{side}</th><td>{escape(name)}</td>'
        f'<td class="number">{loss.sampled}</td><td class="number">= {loss.received}</td>'
        f'<td class="number">+ {loss.back_filled}</td><td class="number">+ {loss.missing}</td>'
        f"<td>{_verdict(loss)}</td></tr>"
        for side, foot in analysis.recording.feet.items()
        for name, loss in foot.loss.items()
    ]
    numbers = ("#Sampled", "#= received", "#+ back-filled", "#+ missing")
    return table(("Foot", "Stream", *numbers, "Check"), rows) + (
        '<p class="soft">Of every stream, what the foot sampled is what was received and '
        "decoded, what was back-filled later and what is declared missing.</p>"
    )


def _verdict(loss: StreamLoss) -> str:
    if not loss.holds:
        return '<span class="bad">✗ does not add up</span>'
    if loss.missing:
        readable = f", {loss.undecodable} of them unreadable" if loss.undecodable else ""
        share = f"{loss.missing / loss.sampled:.1%}"
        return f'<span class="warn">⚠ adds up; {share} missing{readable}</span>'
    if not loss.end_known:
        return '<span class="warn">⚠ the foot did not say how many it sampled</span>'
    return '<span class="good">✓ adds up, nothing missing</span>'


def _clocks(analysis: Analysis) -> str:
    rows = []
    for side in analysis.sides:
        line = analysis.recording.feet[side].timeline
        span_s = float(line.knot_foot_s_[-1] - line.knot_foot_s_[0])
        skew = "unknown"
        if span_s > 0 and math.isfinite(line.interval_s):
            bound_ppm = 1e6 * (line.knot_interval_s_[0] + line.knot_interval_s_[-1]) / span_s
            skew = f"{line.skew_ppm_:+.0f} ppm, within ± {bound_ppm:.0f}"
        rows.append(
            f'<tr><th scope="row" class="{side}">{side}</th><td class="number">{skew}</td>'
            f'<td class="number">{_milliseconds(line.interval_s)}</td></tr>'
        )
    shown = table(("Foot", "#Rate against the host", "#Interval"), rows)
    if len(analysis.sides) < 2:
        return f"{shown}<p>One clock: nothing to join.</p>"
    verdict = (
        '<span class="good">✓ close enough to compare the feet</span>'
        if analysis.feet_joined
        else '<span class="bad">✗ too wide to compare the feet</span>'
    )
    return (
        f"{shown}<p>Between the feet: {_milliseconds(analysis.clock_interval_s)} "
        f"(at most {1e3 * MAX_CLOCK_INTERVAL_S:g} ms): {verdict}</p>"
    )


def _milliseconds(interval_s: float) -> str:
    return f"± {1e3 * interval_s:.1f} ms" if math.isfinite(interval_s) else "not placed"


def _insoles(analysis: Analysis) -> str:
    feet = analysis.recording.feet
    rows = []
    for name, tell in _FACTS.items():
        cells = "".join(f"<td>{escape(tell(foot))}</td>" for foot in feet.values())
        rows.append(f'<tr><th scope="row">{escape(name)}</th>{cells}</tr>')
    return table(("", *feet), rows)


def _calibration(foot: FootRecording) -> str:
    info = foot.info
    if foot.calibration is not None:
        share = 100 * force_error_share(foot)
        return f"{foot.calibration.name}: newtons ± {share:.0f} % (95 %) under load"
    if not info.is_calibrated:
        return "uncalibrated: counts only"
    return f"number {info.hello['calibration']}, {info.force_lsb_n:.4f} N per count"


def _form(foot: FootRecording) -> str:
    return f"{foot.form} ({'full resolution' if foot.form == 'raw12' else 'lossy'})"


def _imu(foot: FootRecording) -> str:
    axes = foot.info.imu_axes
    return f"{axes} axes at {foot.info.imu_rate_hz:.0f} Hz" if axes else "none"


_FACTS: dict[str, Callable[[FootRecording], str]] = {
    "Serial number": lambda foot: foot.info.serial,
    "Side": lambda foot: foot.side,
    "Layout": lambda foot: f"{foot.info.layout_name} ({foot.info.n_cells} cells)",
    "Frame rate": lambda foot: f"{foot.info.rate_hz:.4g} Hz",
    "Form that the report rests on": _form,
    "Inertial sensor": _imu,
    "Firmware": lambda foot: f"{foot.info.firmware} ({foot.info.kernels} kernels)",
    "Calibration": _calibration,
    "Boot": lambda foot: str(foot.info.boot),
}


def _sentences(analysis: Analysis) -> list[str]:
    return [*analysis.warnings, *analysis.pressure.warnings]


def _warnings(analysis: Analysis) -> str:
    sentences = _sentences(analysis)
    if not sentences:
        return '<p id="warnings" class="good">✓ None.</p>'
    items = "".join(f"<li>{escape(sentence)}</li>" for sentence in sentences)
    return f'<div id="warnings" class="warnings"><ul>{items}</ul></div>'


def _versions(analysis: Analysis) -> str:
    path = analysis.recording.path
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    packages = ("numpy", "scipy", "pandas", "matplotlib")
    facts = {
        "Recording": f"{path.name}, SHA-256 {digest}",
        "Solekit": f"{__version__}, protocol {m.PROTOCOL_VERSION}",
        "Python": f"{platform.python_version()}; "
        + ", ".join(f"{name} {version(name)}" for name in packages),
    }
    rows = [
        f'<tr><th scope="row">{name}</th><td><code>{escape(text)}</code></td></tr>'
        for name, text in facts.items()
    ]
    return table(("", ""), rows)
