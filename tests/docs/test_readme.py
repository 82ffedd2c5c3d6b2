import re
import subprocess
import sys
from pathlib import Path

import pytest

from tools import protocol

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
FOLDERS = [ROOT / name for name in ("firmware", "host_sdk", "hil", "models", "tools", "tests")]
PAGES = [ROOT / "README.md", *(page for folder in FOLDERS for page in folder.rglob("README.md"))]


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def run(arguments, folder):
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


@pytest.mark.parametrize("code", blocks("python"))
def test_python_in_the_readme_runs(code, tmp_path):
    done = run(["-c", code], tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout


def test_the_commands_of_the_readme_run_in_their_order(tmp_path):
    lines = [line for line in "".join(blocks("sh")).splitlines() if line.startswith("solekit ")]
    assert len(lines) == 6
    for line in lines:
        done = run(["-c", "from solekit.cli import main; main()", *line.split()[1:]], tmp_path)
        assert done.returncode == 0, f"{line}: {done.stderr}"
    assert (tmp_path / "walk.html").is_file()
    assert (tmp_path / "results" / "people.csv").is_file()


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_of_a_readme_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target


def test_the_readme_opens_with_the_two_commands_and_says_what_it_is_not():
    head = README[:1200]
    assert "python3 tools/start.py" in head
    assert "python3 tools/check.py" in head
    assert "not a medical device" in head


def test_the_message_table_is_that_of_the_messages():
    assert protocol.PAGE.read_text(encoding="utf-8") == protocol.page()
