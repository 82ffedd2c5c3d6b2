"""The command line as tests call it, and a folder of recordings of which some are broken."""

import pytest

from solekit.cli import main


@pytest.fixture
def solekit(capsys):
    """Run the command line; return (exit code, stdout, stderr)."""

    def run(*arguments):
        with pytest.raises(SystemExit) as end:
            main([str(argument) for argument in arguments])
        told = capsys.readouterr()
        return end.value.code or 0, told.out, told.err

    return run


@pytest.fixture(scope="session")
def cohort_folder(tmp_path_factory):
    """Two good recordings, one cut off in the middle, one empty, one that is text."""
    folder = tmp_path_factory.mktemp("jane-doe")
    (folder / "sub").mkdir()
    good = ["a-walk.mcap", "sub/b-walk.mcap"]
    for name, seed in zip(good, (3, 4), strict=True):
        device = f"sim:walk?layout=cells-16&seed={seed}"
        path = str(folder / name)
        with pytest.raises(SystemExit) as end:
            main(
                [
                    "record",
                    "--device",
                    device,
                    "--duration-s",
                    "12",
                    "--person",
                    f"P{seed}",
                    "--out",
                    path,
                ]
            )
        assert not end.value.code
    whole = (folder / good[0]).read_bytes()
    (folder / "cut.mcap").write_bytes(whole[: len(whole) // 2])
    (folder / "empty.mcap").write_bytes(b"")
    (folder / "text.mcap").write_text("time;force\n1;2\n", encoding="utf-8")
    (folder / "notes.txt").write_text("no recording", encoding="utf-8")
    return folder
