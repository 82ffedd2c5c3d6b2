"""The environment's maker: when it installs anew, and what it says when it cannot."""

import re
import sys
import tomllib

import pytest

from tools import environment
from tools.environment import EnvironmentUnavailable


@pytest.fixture
def clone(tmp_path):
    (tmp_path / "tools").mkdir()
    (tmp_path / "pyproject.toml").write_text("[project]\n")
    (tmp_path / "tools" / "requirements.txt").write_text("a==1\n")
    return tmp_path


@pytest.mark.parametrize("name", ["pyproject.toml", "tools/requirements.txt"])
def test_a_changed_file_means_installing_again(clone, name):
    before = environment.fingerprint(clone, "3.11.7")
    assert environment.fingerprint(clone, "3.11.7") == before
    (clone / name).write_text("changed\n")
    assert environment.fingerprint(clone, "3.11.7") != before


def test_another_python_means_installing_again(clone):
    assert environment.fingerprint(clone, "3.11.7") != environment.fingerprint(clone, "3.12.1")


def test_a_half_made_environment_is_made_again(clone, monkeypatch):
    python = environment.program(clone, "python")
    python.parent.mkdir(parents=True)
    python.write_text("not a program")
    python.chmod(0o755)
    stamp = clone / ".venv" / "solekit.stamp"
    made = []

    def make(root):
        made.append(root)
        python.unlink()
        python.symlink_to(sys.executable)

    monkeypatch.setattr(environment, "_make", make)
    monkeypatch.setattr(environment, "_pip_install", lambda root, *args: made.append(args[0]))
    assert environment.ensure(clone, say=made.append) == python
    assert stamp.exists()
    assert made[1:-1] == [  # the first and the last are lines of progress
        clone,
        "environment: installing the locked packages (the first time: a minute or two)",
        "--require-hashes",
        "environment: installing solekit itself, editable",
        "--no-deps",
    ]
    del made[:]
    environment.ensure(clone, say=made.append)
    assert [line.split("(")[0] for line in made] == ["environment: .venv is ready "]


def test_a_failed_installation_leaves_no_stamp(clone, monkeypatch):
    python = environment.program(clone, "python")
    python.parent.mkdir(parents=True)
    python.symlink_to(sys.executable)
    stamp = clone / ".venv" / "solekit.stamp"
    stamp.write_text("of an older lock")

    def fail(root, *arguments):
        raise environment.explain_pip("ERROR: out of luck")

    monkeypatch.setattr(environment, "_pip_install", fail)
    with pytest.raises(EnvironmentUnavailable, match="pip failed: ERROR: out of luck"):
        environment.ensure(clone, say=lambda _: None)
    assert not stamp.exists()


def test_an_old_python_is_named_with_what_to_do():
    with pytest.raises(EnvironmentUnavailable, match=r"this is Python 3\.9.* 3\.11 or newer; "):
        environment.check_python((3, 9, 2))
    environment.check_python((3, 11, 0))


def test_a_python_without_ensurepip_names_the_debian_package(monkeypatch):
    monkeypatch.setattr(environment.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(EnvironmentUnavailable, match="apt-get install python3-venv"):
        environment.maker()


def test_virtualenv_stands_in_for_a_missing_ensurepip(monkeypatch):
    monkeypatch.setattr(environment.importlib.util, "find_spec", lambda name: name == "virtualenv")
    assert "virtualenv" in environment.maker()


def test_a_folder_that_cannot_be_written_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(environment.os, "access", lambda path, mode: False)  # root may always
    with pytest.raises(EnvironmentUnavailable, match="not writable"):
        environment.check_writable(tmp_path)


@pytest.mark.parametrize(
    ("output", "answer"),
    [
        ("ERROR: Could not find a version ... (from versions: none)", "no package index"),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM", "not the one that was locked"),
        ("OSError: [Errno 28] No space left on device", "the disk is full"),
        ("noise\nERROR: something new\n  more", "pip failed: ERROR: something new"),
        ("", "no message"),
    ],
)
def test_a_failing_pip_is_explained_in_one_line(output, answer):
    text = str(environment.explain_pip(output))
    assert answer in text
    assert "\n" not in text


def test_the_lock_holds_every_dependency_and_its_hash():
    project = tomllib.loads((environment.ROOT / "pyproject.toml").read_text())["project"]
    named = list(project["dependencies"])
    for extra in project["optional-dependencies"].values():
        named += extra
    names = {re.split(r"[^A-Za-z0-9._-]", text)[0].lower().replace("_", "-") for text in named}
    lock = (environment.ROOT / environment.REQUIREMENTS).read_text()
    locked = set(re.findall(r"^([a-z0-9-]+)==", lock, re.MULTILINE))
    assert names - {"solekit"} <= locked
    assert {"hatchling", "editables"} <= locked  # solekit is built without build isolation
    assert lock.count("==") - lock.count("' =") <= lock.count("--hash=sha256:")


def test_the_lock_names_no_host_and_no_folder():
    lock = (environment.ROOT / environment.REQUIREMENTS).read_text()
    assert "://" not in lock
    assert not re.search(r"(?:^|\s)/\w", lock)


def test_require_knows_its_words():
    assert environment.required({}) == frozenset()
    assert environment.required({"SOLEKIT_REQUIRE": "mpy, data,"}) == {"mpy", "data"}
    with pytest.raises(ValueError, match="unknown mpi; use mpy, mpy32"):
        environment.required({"SOLEKIT_REQUIRE": "mpi,data"})
