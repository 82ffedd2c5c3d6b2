"""What every test may ask for, and what none may leave behind."""

import asyncio
import functools
import gc
import os
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # tools and models are packages of the clone, not of the wheel

from tools import bluez, environment, runtime  # noqa: E402 - after the line that makes it possible

pytest_plugins = ["pytester"]

GRACE_S = 2.0  # what is on its way out when a test ends gets this long
# Helpers that multiprocessing starts once and keeps for the life of the process.
KEPT_CHILDREN = (b"multiprocessing.resource_tracker", b"multiprocessing.forkserver")

call_failed = pytest.StashKey[bool]()


# -- prerequisites: a missing one skips with its reason, or fails where SOLEKIT_REQUIRE names it --


def pytest_configure(config: pytest.Config) -> None:
    try:
        environment.required()
    except ValueError as error:
        raise pytest.UsageError(str(error)) from error


def _no_runtime(bits: int) -> str:
    return f"no {bits}-bit MicroPython in {runtime.folder()}; get it by: python3 tools/runtime.py"


def _find_data() -> Path | None:
    folder = Path(os.environ.get("SOLEKIT_DATA") or ROOT.parent / "shared" / "data")
    return folder.absolute() if folder.is_dir() else None


PREREQUISITES: dict[str, tuple[Callable[[], Path | None], Callable[[], str]]] = {
    "mpy": (lambda: runtime.find(64), lambda: _no_runtime(64)),
    "mpy32": (lambda: runtime.find(32), lambda: _no_runtime(32)),
    "bluez": (bluez.find, bluez.reason),
    "data": (_find_data, lambda: "no evaluation recordings; name their folder in SOLEKIT_DATA"),
}


@functools.cache
def _found(word: str) -> Path | None:
    return PREREQUISITES[word][0]()


def need(word: str) -> Path:
    """Return the path of ``word``; without it skip the test, or fail it where it is required."""
    path = _found(word)
    if path is None:
        reason = PREREQUISITES[word][1]()
        if word in environment.required():
            pytest.fail(f"{reason} (SOLEKIT_REQUIRE demands {word})", pytrace=False)
        pytest.skip(reason)
    return path


def pytest_runtest_setup(item: pytest.Item) -> None:
    for word in PREREQUISITES:
        if item.get_closest_marker(word):
            need(word)


@pytest.fixture(scope="module", autouse=True)
def _short_collections() -> None:
    """Let the collector pass over all that the modules and tests of before have left alive.

    The firmware collects garbage every few frames, which in a process that has imported
    thousands of tests took more of the suite's time than the firmware itself.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def _home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep what users let Solekit remember (pairs, calibrations) away from tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOLEKIT_HOME", str(tmp_path_factory.mktemp("home")))
        yield


@pytest.fixture(scope="session")
def mpy_path() -> Path:
    """Return the 64-bit MicroPython."""
    return need("mpy")


@pytest.fixture(scope="session")
def mpy32_path() -> Path:
    """Return the 32-bit MicroPython with single floats."""
    return need("mpy32")


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Return the folder of the evaluation recordings."""
    return need("data")


@pytest.fixture
def run_mpy(tmp_path: Path) -> Callable[..., str]:
    """Return ``run(script_text, *, bits=32, heap="100k", args=()) -> stdout``, in MicroPython."""

    def run(script_text: str, *, bits: int = 32, heap: str = "100k", args=(), timeout_s=60) -> str:
        interpreter = need("mpy32" if bits == 32 else "mpy")
        script = tmp_path / "script.py"
        script.write_text(script_text, encoding="utf-8")
        # ".frozen" holds asyncio; naming any path takes the default ones away.
        paths = ":".join([".frozen", str(ROOT / "firmware"), str(ROOT / "hil")])
        done = subprocess.run(
            [interpreter, "-X", f"heapsize={heap}", script, *map(str, args)],
            env={**os.environ, "MICROPYPATH": paths},
            capture_output=True,
            text=True,
            timeout=timeout_s,
        )
        if done.returncode:
            pytest.fail(
                f"MicroPython ({bits} bit, heap {heap}) ended with {done.returncode}\n"
                f"{done.stdout[-2000:]}{done.stderr[-4000:]}",
                pytrace=False,
            )
        return done.stdout

    return run


# -- leaks: a test that leaves a task, a thread or a process behind has failed --------------------


class TaskWatch:
    """Knows the asyncio tasks made while it is on, and which of them nobody waited for."""

    def __init__(self):
        self.tasks: weakref.WeakSet[asyncio.Task] = weakref.WeakSet()
        self.abandoned: list[str] = []

    def start(self, monkeypatch: pytest.MonkeyPatch) -> None:
        create_task = asyncio.BaseEventLoop.create_task
        cancel_all = getattr(asyncio.runners, "_cancel_all_tasks")  # noqa: B009 - no public hook

        def watched_create(loop, coro, **options):
            task = create_task(loop, coro, **options)
            self.tasks.add(task)
            return task

        def watched_cancel(loop):
            # asyncio.run cancels what its main task left running, and says nothing.
            self.abandoned += [repr(task) for task in asyncio.all_tasks(loop)]
            cancel_all(loop)

        monkeypatch.setattr(asyncio.BaseEventLoop, "create_task", watched_create)
        monkeypatch.setattr(asyncio.runners, "_cancel_all_tasks", watched_cancel)

    def leaks(self) -> list[str]:
        return self.abandoned + [repr(task) for task in list(self.tasks) if not task.done()]


def _threads() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if not thread.daemon}


def _children() -> dict[str, str]:
    """Return process id -> command line of this process's children (empty where not Linux)."""
    found = {}
    for listing in Path("/proc/self/task").glob("*/children"):
        for pid in listing.read_text().split():
            try:
                command = Path("/proc", pid, "cmdline").read_bytes()
            except OSError:
                continue  # it ended just now
            if not any(name in command for name in KEPT_CHILDREN):
                found[pid] = command.replace(b"\0", b" ").decode(errors="replace") or "(ended)"
    return found


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo):
    report = yield
    if report.when == "call":
        item.stash[call_failed] = report.failed
    return report


@pytest.fixture(autouse=True)
def nothing_is_left_behind(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a test that leaves an asyncio task, a non-daemon thread or a child process behind."""
    threads, children = _threads(), _children()
    watch = TaskWatch()
    with pytest.MonkeyPatch.context() as patch:  # its own: a test may undo or use the other one
        watch.start(patch)
        yield
    if request.node.stash.get(call_failed, False):
        return  # a test that fails midway has its own story to tell

    def left() -> list[str]:
        return [
            *(f"task {task}" for task in watch.leaks()),
            *(f"thread {thread.name}" for thread in _threads() - threads),
            *(f"process {pid} {cmd}" for pid, cmd in _children().items() if pid not in children),
        ]

    deadline_s = time.monotonic() + GRACE_S
    while left() and time.monotonic() < deadline_s:
        time.sleep(0.01)
    if left():
        pytest.fail(f"left behind: {'; '.join(left())}", pytrace=False)
