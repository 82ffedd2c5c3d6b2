"""Who may import whom (design.md, section 3), for the whole tree."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
OURS = {"solecore", "solefoot", "solekit", "solekit_hil", "models", "tools", "tests", "machine"}

# Where a file lies, and what of ours it may import; the first line that fits holds.
ARROWS = [
    ("firmware/solecore/", {"solecore"}),
    ("firmware/solefoot/app/", {"solecore", "solefoot.app"}),
    ("firmware/solefoot/drivers/", {"solecore", "solefoot.drivers"}),
    ("firmware/solefoot/links/", {"solecore", "solefoot.links"}),
    ("firmware/solefoot/boards/", {"solecore", "solefoot", "machine"}),
    ("firmware/solefoot/", {"solecore"}),
    ("firmware/", {"solecore", "solefoot", "machine"}),
    ("host_sdk/examples/", {"solekit"}),
    ("host_sdk/solekit/cli/", {"solecore", "solekit"}),
    ("host_sdk/solekit/live/", {"solecore", "solekit"}),
    ("host_sdk/solekit/", {"solecore", "solekit"}),  # but neither cli nor live: see BACKWARDS
    ("hil/solekit_hil/", {"solecore", "solefoot", "solekit", "solekit_hil"}),
    ("models/", {"solecore", "solekit", "solekit_hil", "models"}),
]
# The faces stand on the SDK and the SDK does not know them.
FACES = ("solekit.cli", "solekit.live")
# What the SDK may not know of the virtual insole: sim: and mpy: come through an entry point.
CODE = ("firmware", "host_sdk", "hil", "models")


def files() -> list[Path]:
    return sorted(path for folder in CODE for path in (ROOT / folder).rglob("*.py"))


def imports_of(tree: ast.AST, package: str) -> Iterator[tuple[int, str]]:
    """Yield line and full name of everything imported, also by importlib and __import__."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                up = package.split(".")
                up = up[: len(up) - node.level + 1]
                base = ".".join([*up, base] if base else up)
            for alias in node.names:
                yield node.lineno, f"{base}.{alias.name}"
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in (
            "importlib.import_module",
            "import_module",
            "__import__",
        ):
            for value in node.args[:1]:
                if isinstance(value, ast.Constant):
                    yield node.lineno, str(value.value)


def package_of(where: str) -> str:
    """Return the dotted package of the file ``where`` (a path from the root)."""
    parts = Path(where).parent.parts
    return ".".join(parts if parts and parts[0] == "models" else parts[1:])


def is_below(name: str, allowed: str) -> bool:
    return name == allowed or name.startswith(allowed + ".")


def wrong_arrows(where: str, text: str) -> list[str]:
    """Return the imports in the file ``where`` that its place does not allow."""
    allowed = next(names for prefix, names in ARROWS if where.startswith(prefix))
    wrong = []
    for line, name in imports_of(ast.parse(text), package_of(where)):
        if name.split(".")[0] not in OURS:
            continue
        fits = any(is_below(name, one) for one in allowed)
        is_face = any(is_below(name, face) for face in FACES)
        if is_face and where.startswith("host_sdk/"):
            fits = where.startswith(tuple(f"host_sdk/{face.replace('.', '/')}/" for face in FACES))
            fits = fits or where == "host_sdk/solekit/__main__.py"
        if not fits:
            wrong.append(f"{where}:{line} imports {name}")
    return wrong


def test_no_file_imports_against_the_arrows():
    found = files()
    assert len(found) > 80
    wrong = []
    for path in found:
        wrong += wrong_arrows(path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8"))
    assert wrong == []


@pytest.mark.parametrize(
    ("where", "text"),
    [
        ("firmware/solecore/kernels.py", "from solekit import numpy_kernels"),
        ("firmware/solecore/kernels.py", "import solefoot.app"),
        ("firmware/solefoot/app/app.py", "import solekit"),
        ("firmware/solefoot/app/app.py", "from solefoot.boards import xiao"),
        ("firmware/solefoot/app/app.py", "from solefoot.links.stream import StreamLink"),
        ("firmware/solefoot/links/stream.py", "from solefoot.app.app import App"),
        ("firmware/solefoot/drivers/imu.py", "import machine"),
        ("host_sdk/solekit/insole.py", "from solekit_hil import world"),
        ("host_sdk/solekit/insole.py", "import solefoot"),
        ("host_sdk/solekit/insole.py", "def f():\n    import solekit_hil.transports"),
        ("host_sdk/solekit/insole.py", "import importlib\nimportlib.import_module('solekit_hil')"),
        ("host_sdk/solekit/insole.py", "from solekit.cli import main"),
        ("host_sdk/solekit/insole.py", "from solekit import cli"),
        ("host_sdk/solekit/insole.py", "from . import cli"),
        ("host_sdk/solekit/formats/units.py", "from ..live import app"),
        ("host_sdk/solekit/cli/walk.py", "from solefoot.app import profiles"),
        ("hil/solekit_hil/world.py", "import tools.bench"),
        ("models/pose/train.py", "from solefoot.app import app"),
    ],
)
def test_an_arrow_the_wrong_way_is_found(where, text):
    assert len(wrong_arrows(where, text)) == 1


@pytest.mark.parametrize(
    ("where", "text"),
    [
        ("firmware/solefoot/boards/xiao.py", "import machine\nfrom solefoot.app.app import App"),
        ("firmware/main.py", "from solefoot.boards import xiao"),
        ("host_sdk/solekit/cli/walk.py", "import solekit\nfrom solekit.cli import options"),
        ("host_sdk/solekit/insole.py", "import numpy\nfrom solecore.wire import messages"),
        (
            "host_sdk/solekit/formats/units.py",
            "from .text import read\nfrom ..errors import DataError",
        ),
        ("hil/solekit_hil/world.py", "import solefoot.app.app, solekit, solecore"),
        ("models/pose/train.py", "import solekit_hil\nfrom models.data import loaders"),
    ],
)
def test_an_arrow_the_right_way_passes(where, text):
    assert wrong_arrows(where, text) == []


def test_only_the_entry_points_name_the_virtual_insole_to_the_sdk():
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert '[project.entry-points."solekit.transports"]' in text
    assert 'sim = "solekit_hil.transports:open_sim"' in text
