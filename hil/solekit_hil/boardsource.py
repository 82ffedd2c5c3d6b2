"""The firmware's source as a board's compiler gets it: integers of all modules in their places.

CPython and the type checker want ``SWING: int = 1`` and ``contacts.SWING``; on a board such a name
costs some thirty bytes of heap and each use a search.
"""

from __future__ import annotations

import ast
import importlib
from functools import cache
from pathlib import Path

_OPERATORS = (ast.BinOp, ast.UnaryOp, ast.operator, ast.unaryop)


def _value(node: ast.expr | None, known: dict[str, int]) -> int | None:
    """Return the value of an expression of integers and known names, else None."""
    if node is None:
        return None
    for part in ast.walk(node):
        if isinstance(part, ast.Name):
            if part.id not in known:
                return None
        elif isinstance(part, ast.Constant):
            if type(part.value) is not int:
                return None
        elif not isinstance(part, (*_OPERATORS, ast.expr_context)):
            return None
    value = eval(compile(ast.Expression(node), "", "eval"), {"__builtins__": {}}, dict(known))
    return value if type(value) is int else None


def _integers(tree: ast.Module) -> dict[str, int]:
    """Return the module's constants: ``NAME: int = ...`` from integers, assigned only there."""
    stores = [
        node.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    ]
    found: dict[str, int] = {}
    for node in tree.body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            value = _value(node.value, found)
            name = node.target.id
            if value is not None and name.isupper() and stores.count(name) == 1:
                found[name] = value
    return found


@cache
def _integers_of(module: str) -> dict[str, int]:
    """Return the constants of a module that boards get; none for any other."""
    package = module.partition(".")[0]
    if package not in ("solecore", "solefoot", "solekit_hil"):
        return {}
    root = Path(str(importlib.import_module(package).__file__)).parents[1]
    path = root.joinpath(*module.split(".")).with_suffix(".py")
    return _integers(ast.parse(path.read_text(encoding="utf-8"))) if path.is_file() else {}


class _Editor(ast.NodeVisitor):
    """Finds what to put in the place of what: ``edits`` are (node, text)."""

    def __init__(self, tree: ast.Module) -> None:
        self.edits: list[tuple[ast.expr | ast.stmt, str]] = []
        self.names = _integers(tree)
        self.modules: dict[str, dict[str, int]] = {}
        self._imports: list[ast.ImportFrom] = []
        self._used: set[str] = set()
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module:
                self._imports.append(node)
                for alias in node.names:
                    name = alias.asname or alias.name
                    integers = _integers_of(node.module)
                    if alias.name in integers:
                        self.names[name] = integers[alias.name]
                    inner = _integers_of(f"{node.module}.{alias.name}")
                    if inner:
                        self.modules[name] = inner
        self.visit(tree)
        for node in self._imports:
            self._trim(node)

    def visit_Name(self, node: ast.Name) -> None:
        self._used.add(node.id)
        if isinstance(node.ctx, ast.Load) and node.id in self.names:
            self.edits.append((node, _text(self.names[node.id])))

    def visit_Attribute(self, node: ast.Attribute) -> None:
        if isinstance(node.value, ast.Name) and isinstance(node.ctx, ast.Load):
            value = self.modules.get(node.value.id, {}).get(node.attr)
            if value is not None:
                self.edits.append((node, _text(value)))
                return
        self.generic_visit(node)

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        """Leave alone what stands in an f-string: it has no place of its own."""

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if isinstance(node.target, ast.Name) and node.target.id in self.names:
            self.edits.append((node, "pass"))
        else:
            self.generic_visit(node)

    def _trim(self, node: ast.ImportFrom) -> None:
        """Leave out imported integers, and modules that were imported for theirs alone."""
        integers = _integers_of(str(node.module))
        kept = []
        for alias in node.names:
            name = alias.asname or alias.name
            inner = _integers_of(f"{node.module}.{alias.name}")
            if alias.name not in integers and (not inner or name in self._used):
                kept.append(alias.name + (f" as {alias.asname}" if alias.asname else ""))
        if len(kept) < len(node.names):
            text = f"from {node.module} import {', '.join(kept)}" if kept else "pass"
            self.edits.append((node, text))


def _text(value: int) -> str:
    return str(value) if value >= 0 else f"({value})"


def source_for_board(text: str) -> str:
    """Return ``text`` with the integers of the firmware's modules in the place of their names.

    Every line stays where it is.
    """
    data = text.encode()
    starts = [0]
    for line in data.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    spans = []
    for node, new in _Editor(ast.parse(text)).edits:
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        begin = starts[node.lineno - 1] + node.col_offset
        end = starts[node.end_lineno - 1] + node.end_col_offset
        if data[end : end + 1] == b".":  # a method of a number
            new = f"({new})"
        spans.append((begin, end, new.encode() + b"\n" * (node.end_lineno - node.lineno)))
    for begin, end, new in sorted(spans, reverse=True):
        data = data[:begin] + new + data[end:]
    return data.decode()
