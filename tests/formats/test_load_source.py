import gzip

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from solekit.errors import DataError
from solekit.formats import FORMATS, load_source


def test_an_unknown_file_is_refused_with_all_accepted_formats(load_bytes):
    with pytest.raises(DataError, match="no known format") as caught:
        load_bytes("a recipe\nfor soup\n", "soup.txt")
    assert all(name in str(caught.value) for name in FORMATS)
    assert set(FORMATS) == {"moticon", "gaitpdb", "fscan", "xsensor"}


@pytest.mark.parametrize("content", [b"", b"\r\n \t\n", gzip.compress(b"", mtime=0)])
def test_an_empty_file_is_refused_as_empty(load_bytes, content):
    with pytest.raises(DataError, match=r"nothing\.txt is empty"):
        load_bytes(content, "nothing.txt")


def test_a_file_that_is_not_there_is_one_clear_error(tmp_path):
    with pytest.raises(DataError, match=r"walk\.txt cannot be read: No such file"):
        load_source(tmp_path / "walk.txt")
    with pytest.raises(DataError, match="cannot be read"):
        load_source(tmp_path)
    with pytest.raises(DataError, match="no file name"):
        load_source("walk\0.txt")


def test_bytes_that_are_no_text_are_refused(load_bytes):
    with pytest.raises(DataError, match="is not a text file"):
        load_bytes(b"PK\x03\x04\x00\x00\x07walk", "walk.xlsx")


def test_a_damaged_gzip_file_is_refused(load_bytes):
    whole = gzip.compress(b"0.00\t1\n" * 5000)
    for content in (whole[: len(whole) // 2], whole[:30] + b"xxxx" + whole[34:], whole[:5]):
        with pytest.raises(DataError, match="is a damaged gzip file"):
            load_bytes(content, "walk.txt.gz")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(content=st.binary(max_size=400))
def test_random_bytes_give_one_error_and_never_another_exception(load_or_refuse, content):
    load_or_refuse(content, "walk.txt")
    load_or_refuse(b"# Sensor insoles: x\n" + content, "walk.txt")
    load_or_refuse(b"DATA_TYPE MOVIE\nASCII_DATA @@\n" + content, "walkL.asf")
    load_or_refuse(b"Units:,kPa\nFRAME,1\nSENSOR,S-LF\n" + content, "walk.csv")
    load_or_refuse(b"\t".join([b"0.0"] * 19) + b"\n" + content, "walk.txt")
