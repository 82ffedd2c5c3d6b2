"""The firmware's source as a board's compiler gets it: integers of all modules in their places.

CPython and the type checker want ``SWING: int = 1`` and ``contacts.SWING``; on a board such a name
costs some thirty bytes of heap and each use a search. Comments and docstrings go too.
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
    """Return the module's constants: ``NAME: int = ...`` from integers."""
    found: dict[str, int] = {}
    for node in tree.body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            value = _value(node.value, found)
            if value is not None and node.target.id.isupper():
                found[node.target.id] = value
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


class _Placer(ast.NodeTransformer):
    """Puts integers where names are."""

    def __init__(self, tree: ast.Module) -> None:
        self.names = _integers(tree)
        self.modules: dict[str, dict[str, int]] = {}
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module:
                for alias in node.names:
                    name = alias.asname or alias.name
                    integers = _integers_of(node.module)
                    if alias.name in integers:
                        self.names[name] = integers[alias.name]
                    inner = _integers_of(f"{node.module}.{alias.name}")
                    if inner:
                        self.modules[name] = inner

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if isinstance(node.ctx, ast.Load) and node.id in self.names:
            return ast.Constant(self.names[node.id])
        return node

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        if isinstance(node.value, ast.Name) and isinstance(node.ctx, ast.Load):
            value = self.modules.get(node.value.id, {}).get(node.attr)
            if value is not None:
                return ast.Constant(value)
        self.generic_visit(node)
        return node

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.ImportFrom | None:
        if node.module:
            integers = _integers_of(node.module)
            node.names = [alias for alias in node.names if alias.name not in integers]
        return node if node.names else None

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AnnAssign | None:
        if isinstance(node.target, ast.Name) and node.target.id in self.names:
            return None
        self.generic_visit(node)
        return node


def source_for_board(text: str) -> str:
    """Return ``text`` with the integers of the firmware's modules in the place of their names."""
    tree = ast.parse(text)
    _Placer(tree).visit(tree)
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if not isinstance(body, list):
            continue
        kept = [part for part in body if not _is_idle(part, used)]
        node.body = kept or ([] if isinstance(node, ast.Module) else [ast.Pass()])  # type: ignore[attr-defined]
    return ast.unparse(ast.fix_missing_locations(tree)) + "\n"


def _is_idle(node: ast.stmt, used: set[str]) -> bool:
    """Return whether ``node`` is a docstring, or imports a firmware module that nobody uses."""
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant)
    if not isinstance(node, ast.ImportFrom) or not node.module or len(node.names) != 1:
        return False
    name = node.names[0]
    if (name.asname or name.name) in used:
        return False
    return bool(_integers_of(f"{node.module}.{name.name}"))
