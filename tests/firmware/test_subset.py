"""Everything under firmware/ and the virtual board stays in the language that MicroPython has."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = (ROOT / "firmware", ROOT / "hil" / "solekit_hil" / "board")
FILES = sorted(path for folder in FOLDERS for path in folder.rglob("*.py"))

MISSING_MODULES = {
    "typing", "dataclasses", "enum", "abc", "functools", "itertools", "contextlib", "logging",
    "datetime", "__future__", "unittest",
}  # fmt: skip
MISSING_CALLS = {
    # On any object: methods that the types of MicroPython lack.
    "cast", "tobytes", "frombytes", "tolist", "removeprefix", "removesuffix", "_asdict",
    "_replace", "bit_length", "bit_count", "monotonic", "TaskGroup", "timeout",
}  # fmt: skip
CORE = {"solecore", "struct", "binascii", "array", "collections", "sys"}
FOOT = {
    "solecore",
    "solefoot",
    "gc",
    "struct",
    "array",
    "binascii",
    "time",
    "json",
    "asyncio",
    "errno",
    "io",
    "os",
    "hashlib",
    "sys",
}
BOARD = FOOT | {"micropython", "solekit_hil"}


def sins_of(tree: ast.AST) -> list[str]:
    """Return what in ``tree`` MicroPython 1.25 does not have, as "line: what"."""
    found = []

    def sin(node, what):
        found.append(f"{node.lineno}: {what}")

    for node in ast.walk(tree):
        match node:
            case ast.Match():
                sin(node, "match")
            case ast.arguments(posonlyargs=[first, *_]):
                sin(first, "positional-only arguments")
            case ast.List(ctx=ast.Load()) | ast.Tuple(ctx=ast.Load()) | ast.Set():
                if any(isinstance(item, ast.Starred) for item in node.elts):
                    sin(node, "star in a display")
            case ast.Dict(keys=keys) if None in keys:
                sin(node, "** in a display")
            case ast.AsyncFunctionDef() if any(isinstance(n, ast.Yield) for n in ast.walk(node)):
                sin(node, "async generator")
            case ast.FunctionDef(name="__init_subclass__" | "__set_name__"):
                sin(node, node.name)
            case ast.Raise(cause=ast.expr()):
                sin(node, "exception chaining")
            case ast.TryStar():
                sin(node, "except*")
            case ast.ClassDef(keywords=[_, *_]):
                sin(node, "class keywords")
            case ast.Call(func=ast.Attribute(attr=name)) if name in MISSING_CALLS:
                sin(node, f".{name}()")
        for name in getattr(node, "type_params", []):
            sin(name, "type parameters")
    return found + [f"0: module {name}" for name in sorted(modules_of(tree) & MISSING_MODULES)]


def modules_of(tree: ast.AST) -> set[str]:
    """Return the top names of everything that ``tree`` imports."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add("." if node.level else (node.module or "").split(".")[0])
    return found


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_a_file_uses_only_what_micropython_has(path):
    assert sins_of(ast.parse(path.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_a_file_imports_only_what_its_place_allows(path):
    where = path.relative_to(ROOT).parts
    imported = modules_of(ast.parse(path.read_text(encoding="utf-8")))
    if where[1] == "solecore":
        allowed = CORE | ({"micropython"} if path.name == "_viper.py" else set())
    elif where[0] == "hil":
        allowed = BOARD | ({"bluetooth", "select"} if path.name == "radio_main.py" else set())
        allowed |= {"os", "select", "socket"} if "shims" in where else set()
    elif "boards" in where or path.name in ("main.py", "boot.py", "manifest.py"):
        return  # the only place for machine, network, bluetooth
    else:
        allowed = FOOT | ({"bluetooth"} if "links" in where else set())
        allowed |= {"micropython"} if path.name == "_viper.py" else set()
    assert imported <= allowed


def test_only_boards_reach_for_the_machine():
    reaching = {
        name_of(path)
        for path in FILES
        if modules_of(ast.parse(path.read_text(encoding="utf-8")))
        & {"machine", "esp32", "rp2", "network"}
    }
    assert all(
        name.startswith(("firmware/solefoot/boards/", "firmware/main.py", "firmware/boot.py"))
        for name in reaching
    )


def test_viper_is_imported_by_the_kernels_beside_it_only():
    importing = [
        name_of(path)
        for path in FILES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and any(alias.name == "_viper" for alias in node.names)
    ]
    assert importing == [
        "firmware/solecore/kernels.py",
        "firmware/solefoot/drivers/scan/kernels.py",
    ]


SINS = [
    "match x:\n    case 1: pass",
    "def f(a, /): pass",
    "a = [*b]",
    "a = (*b, 1)",
    "a = {*b}",
    "a = {**b}",
    "async def f():\n    yield 1",
    "class A:\n    def __init_subclass__(cls): pass",
    "class A:\n    def __set_name__(self, o, n): pass",
    "raise A from b",
    "class A(B, metaclass=C): pass",
    "memoryview(a).cast('B')",
    "array(a).tobytes()",
    "time.monotonic()",
    "from typing import Any",
    "import dataclasses",
    "from __future__ import annotations",
    "import functools as f",
]


@pytest.mark.parametrize("text", SINS)
def test_the_search_finds_every_sin(text):
    assert len(sins_of(ast.parse(text))) == 1


@pytest.mark.parametrize(
    "text",
    ["a, *b = c", "f(*a, **b)", "def f(*, a=1) -> int | None: return (b := a)", "x[1:] = y"],
)
def test_what_micropython_has_is_no_sin(text):
    assert sins_of(ast.parse(text)) == []


@pytest.mark.mpy
@pytest.mark.parametrize("bits", [64, pytest.param(32, marks=pytest.mark.mpy32)])
def test_every_module_is_imported_by_micropython(bits, run_mpy):
    modules = []
    for path in FILES:
        parts = path.relative_to(ROOT).parts[1:]
        if (
            len(parts) > 1
            and "boards" not in parts
            and path.name != "mpy_main.py"
            and "bluetooth" not in path.read_text()
        ):
            modules.append(".".join(parts)[:-3].removesuffix(".__init__"))
    assert len(modules) > 25
    text = "".join(f"import {name}\n" for name in modules) + "print('all')"
    assert run_mpy(text, bits=bits, heap="2m") == "all\n"
