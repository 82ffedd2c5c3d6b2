"""The MicroPython runtime: how it is found and fetched, and how a missing one is told."""

import subprocess

import pytest

from tools import environment, runtime, runtime_build
from tools.runtime_build import RuntimeUnavailable


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setenv("SOLEKIT_RUNTIME", str(tmp_path / "runtime"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "runtime"


def test_mirrors_are_read_from_apt_without_the_side_suites():
    printed = (
        "http://mirror.example/debian-security/ main bookworm-security\n"
        "http://mirror.example/debian/ main bookworm\n"
        "http://mirror.example/debian/ contrib bookworm\n"
        "http://mirror.example/debian/ main bookworm-updates\n"
        "http://other.example/debian main trixie\n"
        "http://mirror.example/debian main trixie\n"
    )
    expected = ["http://mirror.example/debian", "http://other.example/debian"]
    assert runtime_build.mirrors(printed) == expected
    assert runtime_build.mirrors("") == []


def test_a_tarball_with_another_checksum_is_refused(tmp_path):
    tarball = tmp_path / runtime_build.TARBALL
    tarball.write_bytes(b"something else")
    with pytest.raises(RuntimeUnavailable, match=r"has sha256 .* not 7b25be99"):
        runtime_build.checked(tarball)


def test_a_missing_compiler_is_told_with_its_package(monkeypatch):
    monkeypatch.setattr(runtime_build, "missing_tools", lambda bits: ["gcc", "make"])
    monkeypatch.setattr(runtime_build.os, "geteuid", lambda: 1000)
    monkeypatch.setattr(runtime_build.platform, "system", lambda: "Linux")
    with pytest.raises(RuntimeUnavailable, match="no gcc, no make; as root: apt-get install gcc"):
        runtime_build.get_tools(64, print)


def test_other_systems_are_told_the_way_round(monkeypatch):
    monkeypatch.setattr(runtime_build.platform, "system", lambda: "Darwin")
    with pytest.raises(RuntimeUnavailable, match="SOLEKIT_RUNTIME"):
        runtime_build.get_tools(64, print)


def test_no_mirror_is_told_with_the_file_to_bring(tmp_path, monkeypatch):
    monkeypatch.setattr(runtime_build, "ROOT", tmp_path)
    monkeypatch.setattr(runtime_build, "_mirrors", list)
    monkeypatch.setattr(runtime_build.os, "geteuid", lambda: 1000)
    with pytest.raises(RuntimeUnavailable, match=r"put micropython_1\.25\.0.*into \.runtime"):
        runtime_build.get_source(tmp_path, print)


def test_binaries_of_an_older_recipe_are_not_found(place):
    place.mkdir()
    (place / "micropython").touch()
    assert runtime.find(64) == place / "micropython"  # no stamp: the user's own
    (place / "KEY").write_text("of an older recipe")
    assert runtime.find(64) is None
    (place / "KEY").write_text(runtime_build.key())
    assert runtime.find(64) == place / "micropython"
    assert runtime.find(32) is None


def test_a_file_that_does_not_run_does_not_work(tmp_path):
    (tmp_path / "micropython").write_text("no program")
    assert not runtime.works(tmp_path / "micropython", 64)
    assert not runtime.works(tmp_path / "absent", 64)


@pytest.mark.mpy
def test_the_next_clone_takes_its_runtime_from_the_cache(place, mpy_path, monkeypatch):
    runtime.shelf().install(mpy_path.parent, runtime.cache(), ("micropython", "mpy-cross"))
    monkeypatch.setattr(runtime.Build, "make", lambda self, bits: pytest.fail("built again"))
    monkeypatch.setattr(runtime, "ROOT", place.parent)  # its lock file
    said = []
    assert runtime.ensure(64, said.append) == place / "micropython"
    assert runtime.ensure(64, said.append) == place / "micropython"
    assert [line.split(", ")[-1] for line in said] == ["came from this user's cache", "is ready"]
    assert not runtime.works(place / "micropython", 32)  # a width is not taken for the other


@pytest.mark.mpy
def test_the_cross_compiler_comes_along(mpy_path):
    cross = subprocess.run([mpy_path.parent / "mpy-cross", "--version"], capture_output=True)
    assert b"v1.25.0" in cross.stdout


@pytest.mark.mpy32
def test_scripts_run_in_32_bits_with_little_memory_and_see_the_firmware(run_mpy):
    imports = "import gc, sys, asyncio, solecore\n"
    script = imports + "print(sys.maxsize, gc.mem_free() < 100000, sys.argv[1:])\n"
    assert run_mpy(script, args=["a", 1]) == "2147483647 True ['a', '1']\n"


@pytest.mark.mpy32
def test_a_failing_script_fails_with_its_traceback(run_mpy):
    with pytest.raises(pytest.fail.Exception, match="ZeroDivisionError"):
        run_mpy("1 / 0")


# -- what tests/conftest.py does about prerequisites and leaks ------------------------------------


@pytest.fixture
def outcome(pytester, monkeypatch):
    """Return ``run(test_text) -> result`` of a suite of its own under tests/conftest.py."""
    monkeypatch.setenv("PYTHONPATH", str(environment.ROOT))
    monkeypatch.setenv("SOLEKIT_RUNTIME", str(pytester.path / "nothing"))
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.delenv("SOLEKIT_REQUIRE", raising=False)
    pytester.makeini("[pytest]\nmarkers =\n  mpy\n  mpy32\n  data\n")

    def run(test_text):
        pytester.makepyfile(test_text)
        return pytester.runpytest_subprocess("-ra", "-p", "tests.conftest")

    return run


NEEDS_MPY = "import pytest\n@pytest.mark.mpy\ndef test_it(): pass\n"


def test_a_missing_runtime_skips_with_its_reason(outcome):
    result = outcome(NEEDS_MPY)
    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines(["*SKIPPED*no 64-bit MicroPython*tools/runtime.py*"])


def test_a_required_runtime_fails_instead(outcome, monkeypatch):
    monkeypatch.setenv("SOLEKIT_REQUIRE", "mpy")
    result = outcome(NEEDS_MPY)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*SOLEKIT_REQUIRE demands mpy*"])


def test_a_fixture_asks_as_a_mark_does(outcome):
    outcome("def test_it(run_mpy): run_mpy('print(1)')\n").assert_outcomes(skipped=1)


def test_absent_recordings_skip_unless_required(outcome, monkeypatch):
    monkeypatch.setenv("SOLEKIT_DATA", "/nowhere")
    outcome("def test_it(data_dir): pass\n").assert_outcomes(skipped=1)
    monkeypatch.setenv("SOLEKIT_REQUIRE", "data")
    outcome("def test_it(data_dir): pass\n").assert_outcomes(errors=1)


def test_an_unknown_word_is_an_error(outcome, monkeypatch):
    monkeypatch.setenv("SOLEKIT_REQUIRE", "mpy64")
    result = outcome(NEEDS_MPY)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*unknown mpy64*"])


@pytest.mark.parametrize(
    ("leak", "named"),
    [
        (
            "import threading\nt = threading.Thread(target=threading.Event().wait, args=[5])\n"
            "def test_it(): t.start()\n",
            "thread Thread-*",
        ),
        (
            "import subprocess\nkept = []\n"
            "def test_it(): kept.append(subprocess.Popen(['sleep', '5']))\n",
            "process * sleep 5",
        ),
        (
            "import asyncio\nasync def main(): asyncio.create_task(asyncio.sleep(9))\n"
            "def test_it(): asyncio.run(main())\n",
            "task <Task pending*",
        ),
    ],
)
def test_a_test_that_leaves_something_behind_fails(outcome, leak, named):
    result = outcome(leak)
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines([f"*left behind: {named}*"])


def test_a_test_that_cleans_up_passes(outcome):
    outcome(
        "import asyncio, subprocess\n"
        "async def main():\n    await asyncio.gather(*map(asyncio.sleep, [0, 0]))\n"
        "def test_it():\n    asyncio.run(main())\n    subprocess.run(['true'])\n"
    ).assert_outcomes(passed=1)
