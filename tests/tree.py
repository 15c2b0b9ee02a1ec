"""The source of the service as the guards read it: one parsed tree per module, and the files around it."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
SERVICE = ROOT / "service"
GENERATED = {"node_modules", "build", "__pycache__"}


@dataclass(frozen=True)
class Module:
    """One Python module: its path from the root of the repository, its dotted name, text and tree."""

    path: str
    name: str
    text: str
    tree: ast.Module

    def at(self, node: ast.AST) -> str:
        """Say where ``node`` stands, as editors understand it."""
        return f"{self.path}:{getattr(node, 'lineno', 1)}"


def files(folder: Path, *suffixes: str) -> list[Path]:
    """Return the files below ``folder`` that people write, by suffix; all of them when none is given."""
    found = (path for path in sorted(folder.rglob("*")) if path.is_file() and not GENERATED & set(path.parts))
    return [path for path in found if not suffixes or path.suffix in suffixes]


@cache
def modules() -> tuple[Module, ...]:
    """Return every Python module of the service that holds anything."""
    return tuple(_module(path) for path in files(SERVICE, ".py") if path.read_text().strip())


def _module(path: Path) -> Module:
    where = path.relative_to(ROOT)
    name = ".".join(where.with_suffix("").parts).removesuffix(".__init__")
    text = path.read_text()
    return Module(where.as_posix(), name, text, ast.parse(text))


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Walk every function and method of ``tree``."""
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def calls(tree: ast.AST) -> Iterator[tuple[ast.Call, str]]:
    """Walk every call of ``tree`` with the dotted name of what is called."""
    return ((node, dotted(node.func)) for node in ast.walk(tree) if isinstance(node, ast.Call))


def dotted(node: ast.AST) -> str:
    """Return ``a.b.c`` for names and attributes; ``?`` stands for anything else in front."""
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else "?"


def imports(tree: ast.AST) -> Iterator[tuple[ast.stmt, str]]:
    """Walk every import of ``tree`` with the module it names."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node, node.module or ""
