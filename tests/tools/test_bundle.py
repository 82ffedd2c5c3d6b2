"""Bundles: made, shown, verified by command."""

import zipfile

import pytest

from tools import bundle


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Return a folder with keys and a bundle of the virtual board."""
    folder = tmp_path_factory.mktemp("bundles")
    assert bundle.main(["key", "--folder", str(folder)]) == 0
    key = str(folder / bundle.PRIVATE)
    arguments = ["build", "virtual", "--key", key, "--out", str(folder / "x.zip")]
    assert bundle.main(arguments) == 0
    return folder


def test_a_bundle_verifies_by_its_public_key_only(made, capsys, tmp_path):
    arguments = ["verify", str(made / "x.zip"), "--key"]
    assert bundle.main([*arguments, str(made / bundle.PUBLIC)]) == 0
    assert "whole and signed" in capsys.readouterr().out
    bundle.make_key(tmp_path)
    assert bundle.main([*arguments, str(tmp_path / bundle.PUBLIC)]) == 1
    assert "the signature is not by that key" in capsys.readouterr().err


def test_a_key_is_never_overwritten_and_its_private_half_is_for_the_owner(made, capsys):
    before = (made / bundle.PRIVATE).read_bytes()
    assert bundle.main(["key", "--folder", str(made)]) == 1
    assert (made / bundle.PRIVATE).read_bytes() == before
    assert (made / bundle.PRIVATE).stat().st_mode & 0o077 == 0


def test_the_manifest_names_what_the_bundle_is_for(made, capsys):
    assert bundle.main(["show", str(made / "x.zip")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == bundle.KIND
    assert "board virtual" in lines[:5]
    assert [line.split()[2] for line in lines[5:]] == ["app.pack"]


def test_the_same_source_and_key_make_the_same_bundle(made):
    again = made / "again.zip"
    bundle.build(again, "virtual", (made / bundle.PRIVATE).read_bytes())
    assert again.read_bytes() == (made / "x.zip").read_bytes()


def test_a_file_that_was_exchanged_is_found(made, tmp_path, capsys):
    spoilt = tmp_path / "spoilt.zip"
    with zipfile.ZipFile(made / "x.zip") as old, zipfile.ZipFile(spoilt, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            new.writestr(name, data + b"!" if name == "app.pack" else data)
    assert bundle.main(["verify", str(spoilt), "--key", str(made / bundle.PUBLIC)]) == 1
    assert "app.pack is not what the manifest says" in capsys.readouterr().err


def test_a_bundle_can_be_signed_by_another_key(made, tmp_path, capsys):
    other = tmp_path / "other.zip"
    other.write_bytes((made / "x.zip").read_bytes())
    private, public = bundle.make_key(tmp_path / "keys")
    assert bundle.main(["sign", str(other), "--key", str(private)]) == 0
    assert bundle.main(["verify", str(other), "--key", str(public)]) == 0
    assert bundle.main(["verify", str(other), "--key", str(made / bundle.PUBLIC)]) == 1
    bundle.sign(other, (made / bundle.PRIVATE).read_bytes())
    assert other.read_bytes() == (made / "x.zip").read_bytes()


def test_what_is_no_bundle_is_one_clear_line(tmp_path, capsys):
    path = tmp_path / "x.zip"
    path.write_bytes(b"no zip")
    assert bundle.main(["show", str(path)]) == 1
    assert capsys.readouterr().err.count("\n") == 1
