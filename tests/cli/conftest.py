"""The command line as tests call it."""

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
