import zipfile
from xml.sax.saxutils import escape

import numpy as np
import pandas as pd
import pytest

from solekit.errors import DataError
from tools.validate import moticon_opengo as moticon
from tools.validate.xlsx import read_xlsx

NS = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
LINK = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def write_xlsx(path, sheets, parts=None):
    """Write rows of numbers and texts as the format stores them, texts shared."""
    texts, bodies, names, links = [], {}, "", ""
    for i, (name, rows) in enumerate(sheets.items(), start=1):
        body = ""
        for r, row in enumerate(rows, start=1):
            cells = ""
            for c, value in enumerate(row):
                if value is None:
                    continue
                kind, stored = "n", value
                if isinstance(value, str):
                    texts.append(value)
                    kind, stored = "s", len(texts) - 1
                cells += f'<c r="{chr(65 + c)}{r}" t="{kind}"><v>{stored}</v></c>'
            body += f'<row r="{r}">{cells}</row>' if cells else ""
        bodies[f"xl/worksheets/sheet{i}.xml"] = (
            f"<worksheet {NS}><sheetData>{body}</sheetData></worksheet>"
        )
        names += f'<sheet name="{name}" sheetId="{i}" r:id="rId{i}"/>'
        links += f'<Relationship Id="rId{i}" Target="worksheets/sheet{i}.xml"/>'
    shared = "".join(f"<si><t>{escape(text)}</t></si>" for text in texts)
    bodies["xl/workbook.xml"] = (
        f'<workbook {NS} xmlns:r="{LINK}"><sheets>{names}</sheets></workbook>'
    )
    bodies["xl/_rels/workbook.xml.rels"] = f"<Relationships>{links}</Relationships>"
    bodies["xl/sharedStrings.xml"] = f"<sst {NS}>{shared}</sst>"
    with zipfile.ZipFile(path, "w") as book:
        for name, body in {**bodies, **(parts or {})}.items():
            book.writestr(name, body)
    return path


def report_sheets(ic_s, stance_s):
    """Sheets as in a gait report; the last stride is blank."""
    sheets = {"Report Data": [["General"]]}
    for side in ("Left", "Right"):
        rows = [["Step", *moticon.COLUMNS.values()]]
        for i, start_s in enumerate(ic_s):
            stride_s = ic_s[i + 1] - start_s if i + 1 < len(ic_s) else "NaN"
            cadence = 60 / stride_s if stride_s != "NaN" else "NaN"
            rows.append([i + 1, start_s, start_s + stance_s, stance_s, stride_s, cadence])
        sheets[f"{side} Steps"] = rows
    return sheets


def own_events(ic_s, stance_s):
    tables = []
    for side in ("left", "right"):
        for kind, t_s in (("ic", ic_s), ("to", ic_s + stance_s)):
            tables.append(pd.DataFrame({"side": side, "kind": kind, "t_s": t_s}))
    return pd.concat(tables, ignore_index=True)


IC_S = np.arange(1.0, 11.0, 1.25)


def test_cells_are_read_by_address_with_numbers_texts_and_empty_places(tmp_path):
    rows = [["a <b>", 1.5, None, -3.0], [], [None, "a <b>"]]
    read = read_xlsx(write_xlsx(tmp_path / "book.xlsx", {"One": rows, "Two": [[2.0]]}))
    assert read == {"One": rows, "Two": [[2.0]]}


def test_texts_in_runs_and_inline_texts_are_joined(tmp_path):
    shared = f"<sst {NS}><si><r><t>Toe </t></r><r><t>off</t></r><rPh><t>x</t></rPh></si></sst>"
    sheet = (
        f'<worksheet {NS}><sheetData><row><c t="s"><v>0</v></c>'
        '<c r="AB1" t="inlineStr"><is><t>in</t></is></c></row></sheetData></worksheet>'
    )
    parts = {"xl/sharedStrings.xml": shared, "xl/worksheets/sheet1.xml": sheet}
    path = write_xlsx(tmp_path / "book.xlsx", {}, {})
    with zipfile.ZipFile(path, "w") as book:
        workbook = f'<workbook {NS} xmlns:r="{LINK}"><sheet name="S" r:id="r1"/></workbook>'
        book.writestr("xl/workbook.xml", workbook)
        link = '<Relationships><Relationship Id="r1" Target="/xl/worksheets/sheet1.xml"/>'
        book.writestr("xl/_rels/workbook.xml.rels", link + "</Relationships>")
        for name, body in parts.items():
            book.writestr(name, body)
    (row,) = read_xlsx(path)["S"]
    assert row[0] == "Toe off"
    assert row[27] == "in"
    assert len(row) == 28


def test_what_is_no_workbook_is_refused_in_words(tmp_path):
    path = tmp_path / "report.xlsx"
    path.write_bytes(b"no zip")
    with pytest.raises(DataError, match=r"report\.xlsx is no \.xlsx workbook"):
        read_xlsx(path)
    with zipfile.ZipFile(path, "w") as book:
        book.writestr("other.txt", "x")
    with pytest.raises(DataError, match="export the report again"):
        read_xlsx(path)
    with zipfile.ZipFile(path, "w") as book:
        book.writestr("xl/_rels/workbook.xml.rels", '<!DOCTYPE a [<!ENTITY b "c">]><a/>')
    with pytest.raises(DataError, match="document type"):
        read_xlsx(path)


def test_a_report_belongs_to_the_recording_with_the_same_time(tmp_path):
    report = tmp_path / "gait_report_230927_10_21_14.xlsx"
    report.touch()
    assert moticon.report_of(tmp_path / "230927_102114.txt") == report
    assert moticon.report_of(tmp_path / "230927_102115.txt") is None
    assert moticon.report_of(tmp_path / "walk.txt") is None


def test_strides_are_matched_with_the_report_and_the_stance_bias_is_not_judged(tmp_path):
    path = write_xlsx(tmp_path / "gait_report_1.xlsx", report_sheets(IC_S, 0.75))
    steps = moticon.read_report(path)
    assert list(steps["side"]) == ["left"] * 8 + ["right"] * 8
    assert steps["stride_s"].isna().sum() == 2
    matched = moticon.match_strides(steps, own_events(IC_S - 0.004, 0.78))
    rows, targets = moticon.compare_strides([matched])
    assert rows["report_n_matched"] == rows["report_n_steps"] == 16
    assert rows["report_left_stride_n"] == 7
    assert rows["report_left_stride_diff_pct"] == rows["report_right_cadence_diff_pct"] == 0
    assert rows["report_left_stance_bias_ms"] == pytest.approx(30)
    assert rows["report_left_stance_sd_ms"] == pytest.approx(0, abs=1e-6)
    assert all(targets.values())
    assert len(targets) == 7


def test_a_missed_contact_and_a_wrong_stride_time_miss_their_targets(tmp_path):
    path = write_xlsx(tmp_path / "gait_report_1.xlsx", report_sheets(IC_S, 0.75))
    steps = moticon.read_report(path)
    ours = own_events(np.delete(IC_S, 3), 0.75)
    _, targets = moticon.compare_strides([moticon.match_strides(steps, ours)])
    assert not targets["report: every step matched"]
    assert not targets["report: left stride time within 1 %"]
    _, targets = moticon.compare_strides([moticon.match_strides(steps, ours.iloc[:0])])
    assert not any(targets.values())


def test_without_a_report_there_is_nothing_to_compare():
    assert moticon.compare_strides([]) == ({}, {})


def test_a_report_without_its_sheets_or_columns_is_refused(tmp_path):
    path = write_xlsx(tmp_path / "gait_report_1.xlsx", {"Left Steps": [["Step"]]})
    with pytest.raises(DataError, match="no column 'Initial contact"):
        moticon.read_report(path)
    path = write_xlsx(tmp_path / "gait_report_2.xlsx", {"Report Data": [["General"]]})
    with pytest.raises(DataError, match="no sheet 'Left Steps'"):
        moticon.read_report(path)
