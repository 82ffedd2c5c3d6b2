"""The source that a board's compiler gets: integers in place, everything else as it was."""

import ast
import builtins
from pathlib import Path

import pytest

import solecore
import solefoot
from solecore.wire import messages as m
from solekit_hil import boardsource
from solekit_hil.boardsource import source_for_board

FIRMWARE = Path(str(solecore.__file__)).parents[1]
SOURCES = [
    path
    for package in (solecore, solefoot)
    for path in sorted(Path(str(package.__file__)).parent.rglob("*.py"))
]

TEXT = '''"""A docstring."""

from solecore.wire import codes
from solecore.wire import messages as m
from solecore.wire.messages import IMU, Message

_SHIFT: int = 4
STEP: int = 1 << _SHIFT
COUNT: int = 3
names = {STEP: "step"}


def value(x: int = STEP) -> int:
    """Another."""
    global COUNT
    COUNT = 7
    return x + _SHIFT + m.PRESSURE + IMU + codes.SLEEP + m.HELLO.size
'''


def test_integers_of_this_and_other_modules_stand_where_their_names_were():
    text = source_for_board(TEXT)
    assert "codes" not in text  # nobody needs that module any more
    assert "import Message" in text
    assert "STEP" not in text
    assert "x: int = 16" in text
    assert "return x + 4 + 0 + 1 + 2 + m.HELLO.size" in text


def test_every_line_stays_where_it_is():
    before, after = TEXT.splitlines(), source_for_board(TEXT).splitlines()
    assert len(before) == len(after)
    assert [a for a, b in zip(before, after, strict=True) if a == b][:1] == ['"""A docstring."""']
    text = "from solecore.wire.messages import (\n    IMU,\n    Message,\n)\nx = IMU\n"
    assert source_for_board(text) == ("from solecore.wire.messages import Message\n\n\n\nx = 1\n")


def test_what_is_assigned_again_is_no_constant():
    assert "COUNT: int = 3" in source_for_board(TEXT)


def test_what_it_means_is_the_same():
    before: dict = {}
    after: dict = {}
    exec(TEXT, before)
    exec(source_for_board(TEXT), after)
    assert before["value"](5) == after["value"](5)
    assert before["names"] == after["names"]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(FIRMWARE)))
def test_no_module_of_the_firmware_is_left_with_a_name_that_has_gone(path):
    tree = ast.parse(source_for_board(path.read_text(encoding="utf-8")))
    known = set(dir(builtins))
    aliases = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            assert node.module
            for alias in node.names:
                known.add(alias.asname or alias.name)
                aliases[alias.asname or alias.name] = f"{node.module}.{alias.name}"
                assert alias.name not in boardsource._integers_of(node.module)
        elif isinstance(node, ast.Import):
            known.update(alias.asname or alias.name for alias in node.names)
        elif isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            known.add(node.name)
        elif isinstance(node, ast.arg):
            known.add(node.arg)
        elif isinstance(node, ast.ExceptHandler) and node.name:
            known.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            known.add(node.id)
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id.isupper():
            assert node.id in known
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            module = aliases.get(node.value.id, "")
            assert node.attr not in boardsource._integers_of(module)


def test_the_integers_are_those_that_python_sees():
    found = boardsource._integers_of("solecore.wire.messages")
    assert len(found) > 25
    assert all(getattr(m, name) == value for name, value in found.items())
